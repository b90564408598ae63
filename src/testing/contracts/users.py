"""What a keeper of users must do."""

import asyncio
from dataclasses import replace

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.errors import UsernameTaken
from hashpost.domain.user import User
from hashpost.testing.builders import a_session, a_user
from hashpost.testing.contracts.keeping import keep_session, kept_user


class UsersContract:
    """The port `Users`. Fixture: `storage`, empty."""

    async def test_a_user_is_found_by_id_as_it_was_kept(self, storage: Storage) -> None:
        user = a_user("Ada.L", email="ada@example.com", generation=7)

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
