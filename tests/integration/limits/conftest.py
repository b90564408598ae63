"""A Redis of the test's own."""

from collections.abc import Iterator

import pytest

from tests.integration.taskiq.restarting import OwnRedis, own_redis


@pytest.fixture
def own() -> Iterator[OwnRedis]:
    """A Redis to be stopped, hung and started."""
    with own_redis() as own:
        own.start()
        yield own
