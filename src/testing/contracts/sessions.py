"""What a keeper of sessions must do."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hashpost.application.ports import Storage
from hashpost.domain.ids import time_of
from hashpost.domain.session import Session
from hashpost.testing.builders import a_session, a_token_hash
from hashpost.testing.contracts.keeping import keep_session, kept_user

NOON = datetime(2026, 12, 12, 12, tzinfo=UTC)
"""After all sessions here were made, and before they expire, unless a test says otherwise."""
SECOND = timedelta(seconds=1)


async def found(storage: Storage, token_hash: bytes) -> Session | None:
    """The session of that token, as everybody sees it."""
    async with storage.transaction() as tx:
        return await tx.sessions.by_token(token_hash)


def next_of(session: Session, successor: bytes) -> Session:
    """The session after a refresh."""
    at = time_of(session.id) + timedelta(seconds=1)
    return session.rotated(successor, at=at, expires_at=at + timedelta(days=30))


async def purged(storage: Storage, *, limit: int = 100) -> int:
    """How many sessions that ended before noon were purged at once."""
    async with storage.transaction() as tx:
        return await tx.sessions.purge(before=NOON, limit=limit)


async def purged_until_none_is_left(storage: Storage, *, limit: int) -> int:
    """How many were purged by and by."""
    total = 0
    while batch := await purged(storage, limit=limit):
        total += batch
    return total


class SessionsContract:
    """The port `Sessions`. Fixture: `storage`, empty."""

    async def test_a_session_is_found_by_its_token_as_it_was_kept(self, storage: Storage) -> None:
        session = replace(a_session(await kept_user(storage)), generation=7)

        await keep_session(storage, session)

        assert await found(storage, session.current) == session

    async def test_a_token_that_nobody_has_finds_nothing(self, storage: Storage) -> None:
        await keep_session(storage, a_session(await kept_user(storage)))

        assert await found(storage, a_token_hash()) is None

    async def test_a_taken_id_keeps_nothing_and_leaves_the_transaction_usable(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        first = a_session(user)
        await keep_session(storage, first)
        second = a_session(user, id=first.id)
        third = a_session(user)

        async with storage.transaction() as tx:
            added = await tx.sessions.add(second)
            added_again = await tx.sessions.add(third)

        assert (added, added_again) == (False, True)
        assert await found(storage, first.current) == first
        assert await found(storage, second.current) is None
        assert await found(storage, third.current) == third

    async def test_a_session_is_found_by_every_token_it_ever_had(self, storage: Storage) -> None:
        session = a_session(await kept_user(storage))
        await keep_session(storage, session)
        tokens = [session.current, *(a_token_hash() for _ in range(3))]

        for token in tokens[1:]:
            async with storage.transaction() as tx:
                session = next_of(session, token)
                assert await tx.sessions.by_token(session.previous or b"") is not None
                await tx.sessions.save(session)

        assert [await found(storage, token) for token in tokens] == [session] * 4

    async def test_a_revocation_is_kept(self, storage: Storage) -> None:
        session = a_session(await kept_user(storage))
        await keep_session(storage, session)
        revoked = session.revoked(at=time_of(session.id))

        async with storage.transaction() as tx:
            assert await tx.sessions.by_token(session.current) == session
            await tx.sessions.save(revoked)

        assert await found(storage, session.current) == revoked

    async def test_a_session_is_changed_by_one_at_a_time(self, storage: Storage) -> None:
        session = a_session(await kept_user(storage))
        await keep_session(storage, session)
        first_token = session.current

        async def rotate() -> bool:
            async with storage.transaction() as tx:
                present = await tx.sessions.by_token(first_token)
                assert present is not None
                if present.current != first_token:
                    return False
                await asyncio.sleep(0)
                await tx.sessions.save(next_of(present, a_token_hash()))
                return True

        assert sum(await asyncio.gather(*(rotate() for _ in range(20)))) == 1

    async def test_what_expired_or_was_revoked_is_purged_with_all_its_tokens(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        expired, revoked = a_session(user, expires_at=NOON - SECOND), a_session(user)
        rotated = next_of(revoked, a_token_hash())
        left = [
            a_session(user, expires_at=NOON),
            a_session(user, expires_at=NOON + SECOND).revoked(at=NOON),
            a_session(user, expires_at=NOON + SECOND),
        ]
        for session in (expired, revoked, *left):
            await keep_session(storage, session)
        async with storage.transaction() as tx:
            await tx.sessions.by_token(revoked.current)
            await tx.sessions.save(rotated)
            await tx.sessions.save(replace(rotated, revoked_at=NOON - SECOND))

        assert await purged(storage) == 2
        assert await purged(storage) == 0
        gone = [expired.current, revoked.current, rotated.current]
        assert [await found(storage, token) for token in gone] == [None] * 3
        assert [await found(storage, session.current) for session in left] == left
        async with storage.reading() as reading:
            assert await reading.users.with_session(user.id, revoked.id) == (user, None)

    async def test_a_session_that_expired_and_was_revoked_is_purged_once(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        session = a_session(user, expires_at=NOON - SECOND).revoked(at=NOON - 2 * SECOND)
        await keep_session(storage, session)

        assert await purged(storage) == 1
        assert await found(storage, session.current) is None

    async def test_a_purge_stops_at_its_limit(self, storage: Storage) -> None:
        user = await kept_user(storage)
        for _ in range(3):
            await keep_session(storage, a_session(user, expires_at=NOON - SECOND))
            await keep_session(storage, a_session(user).revoked(at=NOON - SECOND))

        assert [await purged(storage, limit=4) for _ in range(3)] == [4, 2, 0]

    async def test_purges_at_once_forget_each_session_once(self, storage: Storage) -> None:
        user = await kept_user(storage)
        for number in range(40):
            session = a_session(user, expires_at=NOON - SECOND)
            await keep_session(storage, session.revoked(at=NOON - number * SECOND))

        counts = await asyncio.gather(
            *(purged_until_none_is_left(storage, limit=7) for _ in range(4))
        )

        assert sum(counts) == 40
