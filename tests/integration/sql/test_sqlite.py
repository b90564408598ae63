"""What is special about SQLite: one writer at a time, in one process or several."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import text

from hashpost.adapters.sql import SqlStorage
from hashpost.domain.errors import Unavailable
from hashpost.domain.post import Post
from hashpost.testing.builders import a_post, a_user
from hashpost.testing.contracts.keeping import keep_posts, kept_user, stored_post

INCREMENTS = 200


@pytest.fixture
async def storage(migrated_sqlite: str) -> AsyncIterator[SqlStorage]:
    """An empty storage in a file."""
    storage = await SqlStorage.open(migrated_sqlite)
    yield storage
    await storage.close()


@pytest.fixture
async def second_storage(migrated_sqlite: str) -> AsyncIterator[SqlStorage]:
    """Another one over the same file, as another process would have it."""
    storage = await SqlStorage.open(migrated_sqlite)
    yield storage
    await storage.close()


async def increment(storage: SqlStorage, post_id: int) -> None:
    """Add one to the number that is the text of the post."""
    async with storage.transaction() as tx:
        before = await tx.posts.for_change(post_id)
        assert before is not None
        await asyncio.sleep(0)
        await tx.posts.save(before, replace(before, text=str(int(before.text) + 1)))


async def numbered_post(storage: SqlStorage) -> Post:
    """A post whose text is 0."""
    post = a_post(await kept_user(storage), "0")
    await keep_posts(storage, post)
    return post


async def test_of_two_hundred_increments_none_is_lost(storage: SqlStorage) -> None:
    post = await numbered_post(storage)

    await asyncio.gather(*(increment(storage, post.id) for _ in range(INCREMENTS)))

    kept = await stored_post(storage, post.id)
    assert kept is not None
    assert kept.text == str(INCREMENTS)


async def test_of_increments_by_two_processes_none_is_lost(
    storage: SqlStorage, second_storage: SqlStorage
) -> None:
    post = await numbered_post(storage)

    await asyncio.gather(
        *(increment((storage, second_storage)[turn % 2], post.id) for turn in range(INCREMENTS))
    )

    kept = await stored_post(storage, post.id)
    assert kept is not None
    assert kept.text == str(INCREMENTS)


async def test_a_reader_waits_for_no_writer(storage: SqlStorage) -> None:
    post = await numbered_post(storage)

    async with storage.transaction() as tx:
        before = await tx.posts.for_change(post.id)
        assert before is not None
        await tx.posts.save(before, replace(before, text="1"))
        seen = await asyncio.gather(*(stored_post(storage, post.id) for _ in range(20)))

    assert seen == [post] * 20


async def test_a_commit_is_on_the_disk_before_it_is_acknowledged(storage: SqlStorage) -> None:
    async with storage.transaction() as tx:
        ((synchronous,),) = await tx.users.run(text("PRAGMA synchronous"))
        ((journal,),) = await tx.users.run(text("PRAGMA journal_mode"))

    assert (synchronous, journal) == (2, "wal")


async def test_who_waits_too_long_to_write_is_told_so(
    storage: SqlStorage, migrated_sqlite: str
) -> None:
    with closing(sqlite3.connect(migrated_sqlite.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        ended = await asyncio.gather(
            *(kept_user(storage) for _ in range(5)), return_exceptions=True
        )
        waited = time.monotonic() - started

    assert {type(result) for result in ended} == {Unavailable}
    assert 2 < waited < 3
    await kept_user(storage)


async def test_a_writer_finds_the_short_gap_that_another_leaves(
    storage: SqlStorage, second_storage: SqlStorage
) -> None:
    done = asyncio.Event()

    async def import_without_a_pause() -> None:
        while not done.is_set():
            async with second_storage.transaction() as tx:
                await tx.users.add(a_user())
                await asyncio.sleep(0.1)

    importing = asyncio.create_task(import_without_a_pause())

    for _ in range(5):
        await kept_user(storage)

    done.set()
    await importing


async def test_a_statement_that_takes_too_long_is_interrupted(migrated_sqlite: str) -> None:
    storage = await SqlStorage.open(migrated_sqlite, patience=0.2)
    endless = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )

    with pytest.raises(Unavailable):
        async with storage.reading() as reading:
            await reading.users.run(endless)
    with pytest.raises(Unavailable):
        async with storage.transaction() as tx:
            await tx.users.run(endless)

    await kept_user(storage)
    await storage.close()
