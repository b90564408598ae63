"""What a keeper of sessions must do."""

import asyncio
from datetime import timedelta

from hashpost.application.ports import Storage
from hashpost.domain.ids import time_of
from hashpost.domain.session import Session
from hashpost.testing.builders import a_session, a_token_hash
from hashpost.testing.contracts.keeping import keep_session, kept_user


async def found(storage: Storage, token_hash: bytes) -> Session | None:
    """The session of that token, as everybody sees it."""
    async with storage.transaction() as tx:
        return await tx.sessions.by_token(token_hash)


def next_of(session: Session, successor: bytes) -> Session:
    """The session after a refresh."""
    at = time_of(session.id) + timedelta(seconds=1)
    return session.rotated(successor, at=at, expires_at=at + timedelta(days=30))


class SessionsContract:
    """The port `Sessions`. Fixture: `storage`, empty."""

    async def test_a_session_is_found_by_its_token_as_it_was_kept(self, storage: Storage) -> None:
        session = a_session(await kept_user(storage))

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
