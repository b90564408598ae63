"""A service in memory, with a clock to be moved by hand."""

from collections.abc import Iterator

import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.application.service import Service
from hashpost.testing.clock import ManualClock
from tests.services import ListedQueue, a_hasher, a_service


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    hasher = a_hasher()
    yield hasher
    hasher.close()


@pytest.fixture
def mailer() -> MemoryMailer:
    return MemoryMailer()


@pytest.fixture
def queue() -> ListedQueue:
    return ListedQueue()


@pytest.fixture
def service(
    storage: MemoryStorage,
    clock: ManualClock,
    hasher: Argon2Hasher,
    mailer: MemoryMailer,
    queue: ListedQueue,
) -> Service:
    return a_service(storage, clock, hasher, mailer=mailer, queue=queue)
