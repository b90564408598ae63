"""What purges leave behind, and whom they wait for: nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import text

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.sessions import SqlSessions
from hashpost.application.ports import Transaction
from hashpost.domain.message import State
from hashpost.testing.builders import (
    a_deleted,
    a_message,
    a_post,
    a_session,
    a_token_hash,
    a_user,
)
from hashpost.testing.contracts.keeping import keep_messages, keep_posts, keep_session, kept_user

LATER = datetime(2027, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

Work = Callable[[Transaction], Awaitable[object]]


async def keep_session_with_tokens(
    storage: SqlStorage, tokens: int, *, expires_at: datetime = LATER - SECOND
) -> None:
    """Keep a session that was refreshed until it had so many tokens."""
    session = a_session(a_user(), expires_at=expires_at)
    await keep_session(storage, session)
    async with storage.transaction() as tx:
        for _ in range(tokens - 1):
            session = session.rotated(a_token_hash(), at=LATER, expires_at=expires_at)
            await tx.sessions.save(session)


async def tokens_left(storage: SqlStorage) -> int:
    """How many tokens are kept."""
    async with storage.reading() as reading:
        ((count,),) = await reading.users.run(text("SELECT count(*) FROM session_tokens"))
    return int(count)


async def test_a_purged_session_leaves_no_token(storage: SqlStorage) -> None:
    await keep_session_with_tokens(storage, 5)
    await keep_session(storage, a_session(a_user(), expires_at=LATER))

    async with storage.transaction() as tx:
        purged = await tx.sessions.purge(before=LATER, limit=10)

    assert purged == 1
    assert await tokens_left(storage) == 1


async def test_a_purge_forgets_fewer_sessions_at_once_if_they_have_many_tokens(
    storage: SqlStorage,
) -> None:
    for number, tokens in enumerate((9, 2, 3, 1, 4, 1), start=-10):
        await keep_session_with_tokens(storage, tokens, expires_at=LATER + number * SECOND)

    purged = []
    for _ in range(5):
        async with storage.transaction() as tx:
            sessions = SqlSessions(tx.sessions.run, tokens_at_once=6)
            purged.append(await sessions.purge(before=LATER, limit=10))

    assert purged == [1, 3, 2, 0, 0]
    assert await tokens_left(storage) == 0


# Locks


@pytest.fixture
async def postgres(migrated_postgres: str) -> AsyncIterator[SqlStorage]:
    """A storage in which several transactions write at once."""
    storage = await SqlStorage.open(migrated_postgres)
    yield storage
    await storage.close()


async def two_sessions(storage: SqlStorage) -> Work:
    """Keep two that have expired; how somebody holds one of them."""
    held, other = a_session(a_user()), a_session(a_user())
    await keep_session(storage, held)
    await keep_session(storage, other)
    return lambda tx: tx.sessions.by_token(held.current)


async def two_posts(storage: SqlStorage) -> Work:
    """Keep two that are deleted; how somebody holds one of them."""
    user = await kept_user(storage)
    held, other = a_deleted(a_post(user)), a_deleted(a_post(user))
    await keep_posts(storage, held, other)
    return lambda tx: tx.posts.for_change(held.id)


async def two_ended_messages(storage: SqlStorage) -> Work:
    """Keep two that are done; how somebody holds one of them."""
    at = LATER - SECOND
    held, other = a_message().done(at=at), a_message().done(at=at)
    await keep_messages(storage, held, other)
    return lambda tx: tx.outbox.for_change(held.id)


async def two_due_messages(storage: SqlStorage) -> Work:
    """Keep two that are due; how somebody holds one of them."""
    held, other = a_message(), a_message()
    await keep_messages(storage, held, other)
    return lambda tx: tx.outbox.for_change(held.id)


async def number_of_due(tx: Transaction) -> int:
    """How many messages are due for whoever asks."""
    return len(await tx.outbox.due(at=LATER, limit=10))


@pytest.mark.parametrize(
    ("prepare", "take"),
    [
        (two_sessions, lambda tx: tx.sessions.purge(before=LATER, limit=10)),
        (two_posts, lambda tx: tx.posts.purge(before=LATER, limit=10)),
        (
            two_ended_messages,
            lambda tx: tx.outbox.purge(state=State.DONE, before=LATER, limit=10),
        ),
        (two_due_messages, number_of_due),
    ],
)
async def test_what_somebody_holds_is_passed_over(
    postgres: SqlStorage, prepare: Callable[[SqlStorage], Awaitable[Work]], take: Work
) -> None:
    hold = await prepare(postgres)

    async with postgres.transaction() as holding:
        assert await hold(holding)
        async with asyncio.timeout(1), postgres.transaction() as tx:
            taken = await take(tx)

    assert taken == 1


async def test_an_old_post_that_somebody_edits_is_waited_for(postgres: SqlStorage) -> None:
    user = await kept_user(postgres)
    post = a_post(user, "#a")
    await keep_posts(postgres, post)

    async def delete_old() -> int:
        async with postgres.transaction() as tx:
            return await tx.posts.delete_old(below=post.id + 1, at=LATER, limit=10)

    async with postgres.transaction() as tx:
        before = await tx.posts.for_change(post.id)
        assert before == post
        deleting = asyncio.create_task(delete_old())
        await asyncio.sleep(0.2)
        assert not deleting.done()
        edited = post.edited(by=user.id, text="#b", at=post.created_at)
        await tx.posts.save(post, edited)

    assert await deleting == 1
    async with postgres.reading() as reading:
        assert await reading.posts.by_id(post.id) == edited.deleted(by=user.id, at=LATER)
        (audited,) = await reading.audit.posts(after=0, limit=10)
    assert audited.listed == frozenset()


async def test_an_erasure_that_comes_second_goes_on_with_what_the_first_has_left(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres, rolls_up=False)
    owner = await kept_user(storage)
    await keep_posts(storage, *(a_post(owner) for _ in range(5)))
    async with storage.transaction() as tx:
        await tx.users.save(owner.deleted(at=LATER))

    async def erase() -> int:
        async with storage.transaction() as tx:
            return await tx.posts.erase(owner_id=owner.id, limit=2)

    async with storage.transaction() as tx:
        first = await tx.posts.erase(owner_id=owner.id, limit=2)
        task = asyncio.create_task(erase())
        await somebody_waits_for_a_lock(migrated_postgres)
    second = await task
    async with storage.reading() as reading:
        hidden = await reading.users.run(text("SELECT user_id FROM deleted_users"))

    assert (first, second, hidden) == (2, 2, [(owner.id,)])
    assert [await erase() for _ in range(2)] == [1, 0]
    await storage.close()


async def somebody_waits_for_a_lock(url: str) -> None:
    """Return as soon as somebody does."""
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
    with psycopg.connect(url, autocommit=True) as watcher:
        async with asyncio.timeout(5):
            while not watcher.execute(waits).fetchone():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.005)
