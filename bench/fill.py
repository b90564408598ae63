"""Fills a database with posts: a million of them in about a minute.

    python -m bench.fill postgresql://postgres@127.0.0.1:5432/bench --posts 1000000

The database must be empty; it is migrated first. A file of SQLite is made where there is none.
"""

import argparse
import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import psycopg
from argon2 import PasswordHasher

from bench.world import CALLERS, PASSWORD, PostRow, World, last_hour, username
from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.migrations import migrate
from hashpost.domain.ids import unix_ms

Rows = Iterable[Sequence[Any]]

_COLUMNS = {
    "users": ("id", "username", "username_key", "password_hash", "generation"),
    "sessions": ("id", "user_id", "current", "expires_at", "generation"),
    "favorites": ("user_id", "name", "created_at"),
    "posts": ("id", "owner_id", "text", "tags", "deleted_at"),
    "post_hashtags": ("name", "post_id"),
}


def main() -> None:
    """Fill the database that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="sqlite:///PATH or postgresql://USER@HOST:PORT/NAME")
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begun = time.perf_counter()
    fill(given.url, World(given.posts, last_hour(), given.seed))
    print(f"{given.posts:,} posts in {time.perf_counter() - begun:.0f} s")


def fill(url: str, world: World) -> None:
    """Bring the world into that database, and leave it as after a quiet night."""
    migrate(url)
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(_path(url))) as file, file:
            _fill(_SqliteTables(file), world)
    else:
        with psycopg.connect(url) as connection:
            _fill(_PostgresTables(connection), world)
    settle(url)


def settle(url: str) -> None:
    """Do what would have been done long ago if the posts had come over a year."""
    asyncio.run(_roll_up(url))
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(_path(url), isolation_level=None)) as file:
            file.execute("ANALYZE")
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")


async def _roll_up(url: str) -> None:
    storage = await SqlStorage.open(url, rolls_up=False)
    try:
        while not await storage.roll_up():
            pass
    finally:
        await storage.close()


class _Tables(Protocol):
    """Takes rows into tables."""

    def add(self, table: str, rows: Rows) -> None:
        """Add these rows, whose values stand in the order of `_COLUMNS`."""
        ...


class _SqliteTables:
    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    def add(self, table: str, rows: Rows) -> None:
        columns = _COLUMNS[table]
        places = ", ".join("?" for _ in columns)
        self._file.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows
        )


class _PostgresTables:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def add(self, table: str, rows: Rows) -> None:
        columns = ", ".join(_COLUMNS[table])
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)


def _fill(tables: _Tables, world: World) -> None:
    user_ids = world.user_ids()
    tables.add("users", _users(user_ids))
    tables.add("sessions", _sessions(user_ids[:CALLERS], world))
    since = unix_ms(world.until)
    tables.add("favorites", [(user_ids[0], name, since) for name in world.favorites()])
    for batch in world.batches():
        tables.add("posts", batch)
        tables.add("post_hashtags", sorted(_entries(batch)))


def _users(user_ids: Sequence[int]) -> Rows:
    password_hash = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
    for number, user_id in enumerate(user_ids):
        name = username(number)
        yield user_id, name, name, password_hash if number < CALLERS else None, 0


def _sessions(user_ids: Sequence[int], world: World) -> Rows:
    """A session for each, under the user's own id."""
    expires_at = unix_ms(world.until + timedelta(days=300))
    for user_id in user_ids:
        yield user_id, user_id, user_id.to_bytes(32, "big"), expires_at, 0


def _entries(posts: Iterable[PostRow]) -> Iterable[tuple[str, int]]:
    for post in posts:
        if post.deleted_at is None:
            for name in post.tags.split():
                yield name, post.id


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


if __name__ == "__main__":
    main()
