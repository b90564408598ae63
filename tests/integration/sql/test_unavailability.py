"""Overload, a lost database, callers who hang up: soon an answer, nothing half done, no wedge."""

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress

import psycopg
import pytest
from sqlalchemy import text

from hashpost.adapters.sql import SqlStorage, migrate
from hashpost.domain.errors import Unavailable
from hashpost.domain.timeline import AllPosts
from hashpost.testing.builders import a_post, a_user
from hashpost.testing.contracts.keeping import keep_posts, kept_user, listed, stored_post
from tests import servers
from tests.integration.sql.outages import crash, hung

SOON = 3
OTHERS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
SLEEP = text("SELECT pg_sleep(30)")

Call = Callable[[SqlStorage], Awaitable[object]]


async def read(storage: SqlStorage) -> None:
    """A reading."""
    await listed(storage, AllPosts())


async def write(storage: SqlStorage) -> None:
    """A transaction."""
    await kept_user(storage)


async def ping(storage: SqlStorage) -> None:
    """A look at whether the database answers."""
    await storage.ping()


async def in_a_moment(attempt: Callable[[], Awaitable[object]]) -> None:
    """Try until it succeeds, for ten seconds at most."""
    async with asyncio.timeout(10):
        while True:
            try:
                await attempt()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


@pytest.fixture(scope="module")
def own_server() -> Iterator[str]:
    """The URL of a PostgreSQL server that nobody else uses, so that it can be taken away."""
    try:
        if servers.find_postgres().program is None:
            pytest.skip("the PostgreSQL server is not ours to stop")
        with servers.postgres() as url:
            migrate(url)
            yield url
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def postgres(own_server: str) -> AsyncIterator[SqlStorage]:
    """A storage on the server of our own."""
    storage = await SqlStorage.open(own_server, connections=5)
    yield storage
    await storage.close()


# A lost database


@pytest.mark.parametrize("call", [read, write, ping])
async def test_a_hung_server_is_unavailable_soon_for_everybody(
    postgres: SqlStorage, own_server: str, call: Call
) -> None:
    await asyncio.gather(*(postgres.ping() for _ in range(5)))

    with hung(own_server):
        started = time.monotonic()
        ended = await asyncio.gather(*(call(postgres) for _ in range(20)), return_exceptions=True)
        waited = time.monotonic() - started

    assert {type(result) for result in ended} == {Unavailable}
    assert all(isinstance(result, Unavailable) and result.__cause__ for result in ended)
    assert waited < SOON
    await in_a_moment(lambda: call(postgres))


async def test_a_server_that_hangs_in_mid_transaction_keeps_nothing(
    postgres: SqlStorage, own_server: str
) -> None:
    user = a_user()
    started = time.monotonic()

    async def write_while_it_hangs() -> None:
        async with postgres.transaction() as tx:
            await tx.users.add(user)
            with hung(own_server):
                await tx.users.by_id(user.id)

    with pytest.raises(Unavailable):
        await write_while_it_hangs()

    assert time.monotonic() - started < SOON
    async with postgres.reading() as reading:
        assert await reading.users.by_id(user.id) is None


async def test_after_a_restart_no_call_fails_because_of_old_connections(
    postgres: SqlStorage, own_server: str
) -> None:
    await asyncio.gather(*(postgres.ping() for _ in range(5)))
    crash(own_server)
    await in_a_moment(lambda: asyncio.to_thread(_connects, own_server))

    await asyncio.gather(*(call(postgres) for call in (read, write, ping) for _ in range(5)))


def _connects(url: str) -> None:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError as error:
        raise Unavailable from error


async def test_a_crash_in_mid_statement_is_unavailable(
    postgres: SqlStorage, own_server: str
) -> None:
    user = a_user()

    async def hang() -> None:
        async with postgres.transaction() as tx:
            await tx.users.add(user)
            await tx.users.run(SLEEP)

    hanging = asyncio.create_task(hang())
    await asyncio.to_thread(_until_somebody_sleeps, own_server)
    crash(own_server)

    with pytest.raises(Unavailable):
        await hanging
    await in_a_moment(postgres.ping)
    async with postgres.reading() as reading:
        assert await reading.users.by_id(user.id) is None


def _until_somebody_sleeps(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        while connection.execute(sleeping).fetchone() == (0,):
            pass


async def test_who_meets_a_server_that_only_reads_is_told_so_and_the_next_one_gets_another(
    migrated_postgres: str,
) -> None:
    with psycopg.connect(migrated_postgres, autocommit=True) as admin:
        name = admin.info.dbname
        admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        storage = await SqlStorage.open(migrated_postgres, connections=1, rolls_up=False)
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')

    with pytest.raises(Unavailable):
        await write(storage)
    await write(storage)

    await storage.close()


@pytest.mark.parametrize(
    "change", ["ALTER TABLE watermark ALTER one TYPE bigint", "SELECT 1; DEALLOCATE ALL"]
)
async def test_a_statement_that_was_prepared_for_something_else_fails_once_at_most(
    migrated_postgres: str, change: str
) -> None:
    storage = await SqlStorage.open(
        migrated_postgres, connections=1, prepare_threshold=0, rolls_up=False
    )
    look = text("SELECT one FROM watermark")
    changes = [text(words) for words in change.split("; ")]
    async with storage.reading() as reading:
        await reading.users.run(look)
        for each in changes:
            await reading.users.run(each)

        with pytest.raises((Unavailable, psycopg.NotSupportedError)):
            await reading.users.run(look)
        rows = await reading.users.run(look)

    assert rows == [(1,)]
    await storage.close()


async def test_a_host_that_swallows_everything_is_unavailable_soon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"
        started = time.monotonic()
        with pytest.raises(Unavailable):
            await SqlStorage.open(silent_url)

    assert time.monotonic() - started < SOON


# Overload


async def test_a_lock_that_is_not_freed_is_unavailable_soon(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres)
    post = a_post(await kept_user(storage))
    await keep_posts(storage, post)
    with psycopg.connect(migrated_postgres) as other:
        other.execute("SELECT * FROM posts FOR UPDATE")
        started = time.monotonic()
        with pytest.raises(Unavailable):
            async with storage.transaction() as tx:
                await tx.posts.for_change(post.id)
        waited = time.monotonic() - started
        assert await stored_post(storage, post.id) == post

    assert waited < SOON
    await storage.close()


async def test_who_finds_no_free_connection_is_told_soon_and_the_others_go_on(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres, connections=2)
    inside = asyncio.Semaphore(0)
    leave = asyncio.Event()

    async def occupy() -> None:
        async with storage.transaction():
            inside.release()
            await leave.wait()

    occupants = [asyncio.create_task(occupy()) for _ in range(2)]
    await inside.acquire()
    await inside.acquire()
    started = time.monotonic()
    ended = await asyncio.gather(*(read(storage) for _ in range(20)), return_exceptions=True)
    waited = time.monotonic() - started
    leave.set()
    with suppress(Unavailable):
        await asyncio.gather(*occupants)

    assert {type(result) for result in ended} == {Unavailable}
    assert waited < SOON
    await asyncio.gather(*(read(storage) for _ in range(20)))
    await storage.close()


async def test_a_transaction_that_outlives_its_storage_leaves_no_connection_behind(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres)
    owner = await kept_user(storage)
    async with storage.transaction() as tx:
        await tx.posts.add([a_post(owner)])
        await storage.close()

    with psycopg.connect(migrated_postgres, autocommit=True) as watcher:
        async with asyncio.timeout(5):
            while watcher.execute(OTHERS).fetchone() != (0,):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
    with pytest.raises(Unavailable):
        await read(storage)


async def test_a_transaction_that_lasts_too_long_is_not_committed(migrated_url: str) -> None:
    storage = await SqlStorage.open(migrated_url, patience=0.3)
    user = a_user()

    async def dawdle() -> None:
        async with storage.transaction() as tx:
            await tx.users.add(user)
            await asyncio.sleep(0.5)

    with pytest.raises(Unavailable):
        await dawdle()

    async with storage.reading() as reading:
        assert await reading.users.by_id(user.id) is None
    await kept_user(storage)
    await storage.close()


# Callers who hang up


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_task_cancelled_at_any_moment_leaves_nothing_behind(
    migrated_url: str, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    storage = await SqlStorage.open(migrated_url, connections=2)
    owner = await kept_user(storage)

    async def work() -> None:
        async with storage.transaction() as tx:
            for _ in range(3):
                await tx.posts.add([a_post(owner)])
            raise LookupError
        raise AssertionError

    # Later and later: before, within and after every wait of the transaction.
    for steps in range(0, 900, 15):
        task = asyncio.create_task(work())
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with suppress(asyncio.CancelledError, LookupError):
            await task

    assert await listed(storage, AllPosts()) == (0, [])
    await asyncio.gather(*(kept_user(storage) for _ in range(10)))
    await storage.close()
    gc.collect()
    assert caplog.messages == []


async def test_a_caller_who_hangs_up_in_a_long_statement_frees_its_connection_at_once(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres, connections=1)

    async def hang() -> None:
        async with storage.transaction() as tx:
            await tx.users.run(SLEEP)

    hanging = asyncio.create_task(hang())
    await asyncio.to_thread(_until_somebody_sleeps, migrated_postgres)
    started = time.monotonic()
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    await storage.ping()

    assert time.monotonic() - started < 1
    await storage.close()


async def test_a_caller_who_hangs_up_on_a_hung_server_is_gone_at_once(
    postgres: SqlStorage, own_server: str
) -> None:
    await postgres.ping()

    with hung(own_server):
        task = asyncio.create_task(read(postgres))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        waited = time.monotonic() - started

    assert waited < 0.5
    await in_a_moment(postgres.ping)
