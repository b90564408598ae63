"""Random histories over HTTP, against a real server."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.memory import MemoryStorage
from hashpost.entrypoints.http.app import create_app
from hashpost.entrypoints.http.asgi import Application, Receive, Scope, Send
from hashpost.testing.clock import ManualClock
from hashpost.testing.machine import ServiceMachine
from hashpost.testing.subjects import Backstage, Subject
from tests.integration.over_http import OverHttp
from tests.services import MODELLED, a_hasher, a_service


class Changing:
    """An application that can be changed for another one while the server runs."""

    def __init__(self) -> None:
        self.app: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def serving(app: Application) -> Iterator[tuple[str, asyncio.AbstractEventLoop]]:
    """The URL of a server in a thread, on a free port, and its event loop."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    )
    started = threading.Event()
    port: list[int] = []
    loop: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loop.append(asyncio.get_running_loop())
        serving = asyncio.create_task(server.serve())
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.001)
        port.append(server.servers[0].sockets[0].getsockname()[1])
        started.set()
        await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        assert started.wait(10)
        yield f"http://127.0.0.1:{port[0]}", loop[0]
    finally:
        server.should_exit = True
        thread.join(10)


def test_service_and_model_agree_over_http() -> None:
    app, hasher = Changing(), a_hasher()

    with serving(app) as (url, loop), httpx.Client(base_url=url) as client:

        class Machine(ServiceMachine):
            def new_subject(self) -> Subject:
                clock, mailer = ManualClock(), MemoryMailer()
                service = a_service(MemoryStorage(), clock, hasher, mailer=mailer, policy=MODELLED)
                app.app = create_app(service)
                return OverHttp(client, clock, Backstage(service, mailer), loop)

        run_state_machine_as_test(Machine, settings=settings(max_examples=60))
    hasher.close()
