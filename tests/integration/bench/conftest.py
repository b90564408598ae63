"""A small world in a PostgreSQL database, filled once."""

from collections.abc import Iterator

import pytest

from bench.fill import fill
from bench.world import World, last_hour
from tests import servers

POSTS = 3000


@pytest.fixture(scope="module")
def world_url(postgres_url: str) -> Iterator[str]:
    """The URL of a database that holds it, shared by the tests of a module."""
    with servers.fresh_database(postgres_url) as url:
        fill(url, World(POSTS, last_hour()))
        yield url
