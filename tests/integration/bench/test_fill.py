import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

from bench.fill import fill
from bench.world import CALLERS, FAVORITES, PASSWORD, World, last_hour, username
from hashpost import open_service
from tests.integration.bench.conftest import POSTS

KEY = "a key that is good for tests only"


async def test_a_recount_of_postgresql_finds_no_difference(world_url: str) -> None:
    async with open_service(world_url, secret_key=KEY) as service:
        differences = [each async for each in service.check_storage()]

    assert not differences


async def test_a_recount_of_sqlite_finds_no_difference(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/posts.db"
    await asyncio.to_thread(fill, url, World(POSTS, last_hour()))

    async with open_service(url, secret_key=KEY) as service:
        differences = [each async for each in service.check_storage()]

    assert not differences


async def test_callers_can_log_in(world_url: str) -> None:
    async with open_service(world_url, secret_key=KEY) as service:
        tokens = await service.log_in(username=username(CALLERS - 1), password=PASSWORD)

    assert tokens.access


def test_both_databases_hold_the_same(world_url: str, tmp_path: Path) -> None:
    world = World(5000, last_hour())
    fill(f"sqlite:///{tmp_path}/posts.db", world)
    with closing(sqlite3.connect(tmp_path / "posts.db")) as file:
        counts = [
            file.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("users", "sessions", "favorites", "posts")
        ]

    assert counts == [100, CALLERS, FAVORITES, 5000]
    with psycopg.connect(world_url) as connection:
        row = connection.execute("SELECT count(*) FROM posts").fetchone()
    assert row == (POSTS,)
