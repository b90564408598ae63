"""What a keeper of users must do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.errors import UsernameTaken
from hashpost.domain.user import User
from hashpost.testing.builders import a_session, a_user
from hashpost.testing.contracts.keeping import delete_user, keep_session, kept_user

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def keep_users(storage: Storage, *users: User) -> None:
    """Keep new users."""
    async with storage.transaction() as tx:
        for user in users:
            assert await tx.users.add(user)


async def by_email(storage: Storage, email: str) -> Sequence[User]:
    """The users of that address."""
    async with storage.reading() as reading:
        return list(await reading.users.by_email(email))


async def with_digest(storage: Storage, *, after: int, limit: int) -> Sequence[User]:
    """Some users who want the weekly digest."""
    async with storage.reading() as reading:
        return list(await reading.users.with_digest(after=after, limit=limit))


async def save(storage: Storage, before: User, after: User) -> None:
    """Change a kept user."""
    async with storage.transaction() as tx:
        assert await tx.users.for_change(before.id) == before
        await tx.users.save(after)


class UsersContract:
    """The port `Users`. Fixture: `storage`, empty."""

    async def test_a_user_is_found_by_id_as_it_was_kept(self, storage: Storage) -> None:
        user = a_user(
            "Ada.L",
            email="ada@example.com",
            generation=7,
            weekly_digest=True,
            digest_at=NOON,
        )

        async with storage.transaction() as tx:
            added = await tx.users.add(user)

        async with storage.reading() as reading:
            assert added
            assert await reading.users.by_id(user.id) == user

    async def test_a_user_without_address_and_password_is_kept_as_such(
        self, storage: Storage
    ) -> None:
        user = a_user(email=None, password_hash=None)

        async with storage.transaction() as tx:
            await tx.users.add(user)

        async with storage.reading() as reading:
            assert await reading.users.by_id(user.id) == user

    @pytest.mark.parametrize("spelling", ["Ada", "ada", "ADA", "aDa"])
    async def test_a_user_is_found_by_name_in_whatever_case(
        self, storage: Storage, spelling: str
    ) -> None:
        user = await kept_user(storage, "Ada")

        async with storage.reading() as reading:
            assert await reading.users.by_username(spelling) == user

    @pytest.mark.parametrize(
        "name", ["bob", "", "ada ", "%", "ad_", "\u212a", "ada'--", "é" * 5000]
    )
    async def test_a_name_that_nobody_has_finds_nobody(self, storage: Storage, name: str) -> None:
        await kept_user(storage, "ada")
        await kept_user(storage, "k")

        async with storage.reading() as reading:
            assert await reading.users.by_username(name) is None

    async def test_an_id_that_nobody_has_finds_nobody(self, storage: Storage) -> None:
        user = await kept_user(storage)

        async with storage.reading() as reading:
            assert await reading.users.by_id(user.id + 1) is None
            assert await reading.users.by_id(2**53 - 1) is None

    @pytest.mark.parametrize("spelling", ["Ada", "ada", "ADA"])
    async def test_a_name_is_taken_in_whatever_case(self, storage: Storage, spelling: str) -> None:
        first = await kept_user(storage, "Ada")
        second = a_user(spelling)

        with pytest.raises(UsernameTaken):
            async with storage.transaction() as tx:
                await tx.users.add(second)

        async with storage.reading() as reading:
            assert await reading.users.by_username(spelling) == first
            assert await reading.users.by_id(second.id) is None

    async def test_a_taken_id_keeps_nothing_and_leaves_the_transaction_usable(
        self, storage: Storage
    ) -> None:
        first = await kept_user(storage, "ada")
        second = a_user("bob", id=first.id)

        async with storage.transaction() as tx:
            added = await tx.users.add(second)
            added_again = await tx.users.add(replace(second, id=first.id + 1))

        async with storage.reading() as reading:
            assert (added, added_again) == (False, True)
            assert await reading.users.by_id(first.id) == first
            assert await reading.users.by_username("bob") == replace(second, id=first.id + 1)

    async def test_of_twenty_who_take_one_name_at_once_one_gets_it(self, storage: Storage) -> None:
        async def take(user: User) -> bool:
            try:
                async with storage.transaction() as tx:
                    return await tx.users.add(user)
            except UsernameTaken:
                return False

        users = [a_user("Ada" if number % 2 else "ada") for number in range(20)]
        won = await asyncio.gather(*map(take, users))

        async with storage.reading() as reading:
            winner = await reading.users.by_username("ada")
        assert [user for user, has_won in zip(users, won, strict=True) if has_won] == [winner]

    async def test_a_user_and_a_session_are_found_together(self, storage: Storage) -> None:
        user = await kept_user(storage)
        session = a_session(user)
        await keep_session(storage, session)

        async with storage.reading() as reading:
            assert await reading.users.with_session(user.id, session.id) == (user, session)

    async def test_a_user_is_found_though_the_session_is_not(self, storage: Storage) -> None:
        user = await kept_user(storage)

        async with storage.reading() as reading:
            assert await reading.users.with_session(user.id, user.id + 1) == (user, None)

    async def test_neither_is_found_when_there_is_no_such_user(self, storage: Storage) -> None:
        async with storage.reading() as reading:
            user, _ = await reading.users.with_session(5, 6)

        assert user is None

    async def test_a_password_hash_is_replaced_while_it_is_the_old_one(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        assert user.password_hash is not None

        async with storage.transaction() as tx:
            first = await tx.users.replace_password_hash(
                user.id, old=user.password_hash, new="$new$"
            )
            second = await tx.users.replace_password_hash(
                user.id, old=user.password_hash, new="$late$"
            )

        async with storage.reading() as reading:
            assert (first, second) == (True, False)
            assert await reading.users.by_id(user.id) == replace(user, password_hash="$new$")

    async def test_the_next_state_of_a_user_is_kept(self, storage: Storage) -> None:
        before, other = a_user("Ada"), a_user("Bob")
        await keep_users(storage, before, other)
        after = replace(
            before.with_password("$new$").with_digest(weekly=True).digested(at=NOON),
            email="ada@example.com",
        )

        await save(storage, before, after)

        async with storage.reading() as reading:
            assert await reading.users.by_id(before.id) == after
            assert await reading.users.by_username("ada") == after
            assert await reading.users.by_id(other.id) == other

    async def test_a_user_who_is_not_there_cannot_be_locked(self, storage: Storage) -> None:
        user = await kept_user(storage)

        async with storage.transaction() as tx:
            assert await tx.users.for_change(user.id + 1) is None

    async def test_of_twenty_who_change_a_user_at_once_none_is_lost(self, storage: Storage) -> None:
        user = await kept_user(storage)

        async def change_password(number: int) -> None:
            async with storage.transaction() as tx:
                present = await tx.users.for_change(user.id)
                assert present is not None
                await asyncio.sleep(0)
                await tx.users.save(present.with_password(f"${number}$"))

        await asyncio.gather(*map(change_password, range(20)))

        async with storage.reading() as reading:
            changed = await reading.users.by_id(user.id)
        assert changed is not None
        assert changed.generation == 20

    async def test_users_are_found_by_address_in_whatever_case_by_id(
        self, storage: Storage
    ) -> None:
        first = a_user(email="Ada@Example.com")
        second = a_user(email="ada@example.com")
        others = [a_user(email="ada@example.org"), a_user(email=None), a_user(email="da@e.com")]
        await keep_users(storage, second, *others, first)

        assert await by_email(storage, "ada@EXAMPLE.com") == [first, second]
        assert await by_email(storage, "Ada@Example.com") == [first, second]
        assert await by_email(storage, "ada@example.net") == []

    @pytest.mark.parametrize(
        "address",
        ["", "%", "ada@example.co", "\u212a@e.com", "k2@e.com", "É@e.com", "ü@e.com", "é" * 500],
    )
    async def test_an_address_that_nobody_has_finds_nobody(
        self, storage: Storage, address: str
    ) -> None:
        emails = ["ada@example.com", "k@e.com", "\u212a2@e.com", "é@e.com", "Ü@e.com", None]
        await keep_users(storage, *(a_user(email=email) for email in emails))

        assert await by_email(storage, address) == []

    async def test_a_user_is_found_by_the_present_address_only(self, storage: Storage) -> None:
        before, without = a_user(email="old@example.com"), a_user(email="Old@example.com")
        await keep_users(storage, before, without)
        after = replace(before, email="new@example.com")

        await save(storage, before, after)
        await save(storage, without, replace(without, email=None))

        assert await by_email(storage, "old@example.com") == []
        assert await by_email(storage, "NEW@example.com") == [after]

    async def test_who_wants_digests_is_found_in_stretches_by_id(self, storage: Storage) -> None:
        users = [a_user(weekly_digest=number != 2) for number in range(6)]
        await keep_users(storage, *users[::-1])
        await save(storage, users[4], users[4].with_digest(weekly=False))

        first = await with_digest(storage, after=0, limit=2)
        second = await with_digest(storage, after=first[-1].id, limit=2)
        third = await with_digest(storage, after=second[-1].id, limit=2)

        assert first == [users[0], users[1]]
        assert second == [users[3], users[5]]
        assert third == []

    async def test_a_deleted_user_is_kept_as_such_and_the_name_stays_taken(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage, "Ada")

        left = await delete_user(storage, user, at=NOON)

        async with storage.reading() as reading:
            assert await reading.users.by_id(user.id) == left
            assert await reading.users.by_username("ada") == left
        with pytest.raises(UsernameTaken):
            await kept_user(storage, "aDa")

    async def test_a_user_and_a_session_are_found_to_write(self, storage: Storage) -> None:
        user, other = await kept_user(storage), await kept_user(storage)
        session = a_session(user)
        await keep_session(storage, session)

        async with storage.transaction() as tx:
            assert await tx.users.for_write(user.id, session.id) == (user, session)
            assert await tx.users.for_write(other.id, None) == (other, None)
            assert await tx.users.for_write(user.id, other.id) == (user, None)
            assert (await tx.users.for_write(5, session.id))[0] is None

    async def test_users_who_live_are_told_from_those_who_are_deleted(
        self, storage: Storage
    ) -> None:
        users = [await kept_user(storage) for _ in range(3)]
        await delete_user(storage, users[1])

        async with storage.transaction() as tx:
            living = await tx.users.living([*(user.id for user in users), 5])
            none = await tx.users.living([])

        assert set(living) == {users[0].id, users[2].id}
        assert not none

    @pytest.mark.parametrize("how", ["for_write", "living"])
    async def test_a_user_is_not_deleted_while_somebody_writes_for_the_user(
        self, storage: Storage, how: str
    ) -> None:
        user = await kept_user(storage)
        order = []
        is_writing = asyncio.Event()

        async def write() -> None:
            async with storage.transaction() as tx:
                if how == "living":
                    assert user.id in await tx.users.living([user.id])
                else:
                    assert (await tx.users.for_write(user.id, None))[0] == user
                is_writing.set()
                await asyncio.sleep(0.05)
                order.append("written")

        async def delete() -> None:
            await is_writing.wait()
            await delete_user(storage, user)
            order.append("deleted")

        await asyncio.gather(write(), delete())

        assert order == ["written", "deleted"]
        async with storage.transaction() as tx:
            assert not await tx.users.living([user.id])
