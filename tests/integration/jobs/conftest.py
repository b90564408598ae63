"""Databases and a Redis for jobs."""

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.integration.sql.conftest import (
    migrated_postgres,
    migrated_sqlite,
    migrated_url,
    postgres_template,
    sqlite_template,
)

__all__ = [
    "migrated_postgres",
    "migrated_sqlite",
    "migrated_url",
    "postgres_template",
    "sqlite_template",
]


@pytest.fixture
def empty_redis_url(redis_url: str) -> Iterator[str]:
    """The URL of a Redis in which nothing is."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
        yield redis_url
        redis.flushdb()
