"""A real server in a thread, and raw connections to it."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager

import pytest
import uvicorn

from hashpost.adapters.memory import MemoryStorage
from hashpost.application.service import Service
from hashpost.entrypoints.http import create_app_opening
from hashpost.entrypoints.http.edge import Limits
from hashpost.entrypoints.http.server import settings
from hashpost.testing.clock import ManualClock
from tests.integration.http.wire import Wire
from tests.services import a_hasher, a_service

Serve = Callable[..., Wire]
OpenService = Callable[[], AbstractAsyncContextManager[Service]]


@asynccontextmanager
async def service_in_memory() -> AsyncIterator[Service]:
    hasher = a_hasher()
    yield a_service(MemoryStorage(), ManualClock(), hasher)
    hasher.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve a service, one in memory if none is named, on a free port until the test is over."""
    with ExitStack() as stack:

        def start(
            open_service: OpenService = service_in_memory, *, limits: Limits | None = None
        ) -> Wire:
            return stack.enter_context(_serving(open_service, limits))

        yield start


@pytest.fixture
def wire(serve: Serve) -> Wire:
    return serve()


@contextmanager
def _serving(open_service: OpenService, limits: Limits | None) -> Iterator[Wire]:
    config = uvicorn.Config(
        lambda: create_app_opening(open_service, limits=limits),
        host="127.0.0.1",
        port=0,
        **settings(),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.005)
        yield Wire(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
