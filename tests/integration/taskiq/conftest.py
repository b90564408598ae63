"""Brokers over real servers, each with a key of its own."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from hashpost.adapters.taskiq.brokers import Broker, LocalBroker
from hashpost.adapters.taskiq.shared import RedisBroker
from tests.integration.taskiq.restarting import OwnRedis, own_redis
from tests.jobs import Shop


@pytest.fixture
def key() -> str:
    return f"test:{uuid4().hex}"


@pytest.fixture
async def shop(redis_url: str, key: str) -> AsyncIterator[Shop]:
    """An outbox in memory, whose workers are told over Redis."""
    shop = Shop(RedisBroker(redis_url, key=key))
    yield shop
    await shop.close()


@pytest.fixture(params=["local", "redis"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    """A broker of each kind."""
    if request.param == "local":
        yield LocalBroker()
        return
    broker = RedisBroker(request.getfixturevalue("redis_url"), key=request.getfixturevalue("key"))
    yield broker
    await broker.shutdown()


@pytest.fixture
def own() -> Iterator[OwnRedis]:
    """A Redis of the test's own, to be stopped and started."""
    with own_redis() as own:
        yield own
