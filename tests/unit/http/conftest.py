"""An application over memory, and people who call it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.application.service import Service
from hashpost.entrypoints.http import create_app
from hashpost.entrypoints.http.asgi import Application
from hashpost.testing.clock import ManualClock
from tests.services import ListedQueue, a_hasher, a_service
from tests.unit.http.calling import Caller, client_of

Work = Callable[[], Awaitable[None]]


@pytest.fixture(scope="session")
def hasher() -> Iterator[Argon2Hasher]:
    hasher = a_hasher()
    yield hasher
    hasher.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def mailer() -> MemoryMailer:
    return MemoryMailer()


@pytest.fixture
def queue() -> ListedQueue:
    return ListedQueue()


@pytest.fixture
def service(
    clock: ManualClock, hasher: Argon2Hasher, mailer: MemoryMailer, queue: ListedQueue
) -> Service:
    return a_service(MemoryStorage(), clock, hasher, mailer=mailer, queue=queue)


@pytest.fixture
def work(service: Service, queue: ListedQueue) -> Work:
    """Do every job that the queue was told of, and those that come of them."""

    async def do_all() -> None:
        while queue.told:
            attempt = await service.run_message(queue.told.pop(0))
            assert attempt is None or attempt.error is None, attempt

    return do_all


@pytest.fixture
def app(service: Service) -> Application:
    return create_app(service)


@pytest.fixture
async def client(app: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def nobody(client: httpx.AsyncClient) -> Caller:
    return Caller(client)


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Caller:
    return await Caller.signed_up(client, "ada")


@pytest.fixture
async def bob(client: httpx.AsyncClient) -> Caller:
    return await Caller.signed_up(client, "bob")


class BrokenStorage(MemoryStorage):
    """A storage with a defect."""

    async def ping(self) -> None:
        raise ZeroDivisionError("secret")


@pytest.fixture
async def broken(clock: ManualClock, hasher: Argon2Hasher) -> AsyncIterator[Caller]:
    async with client_of(create_app(a_service(BrokenStorage(), clock, hasher))) as client:
        yield Caller(client)
