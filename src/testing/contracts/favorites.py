"""What a keeper of favourites must do."""

import asyncio
from datetime import timedelta

from hashpost.application.ports import Storage
from hashpost.domain.errors import TooManyFavorites
from hashpost.domain.favorite import FAVORITES_MAX, Favorite, added
from hashpost.domain.user import User
from hashpost.testing.builders import a_favorite
from hashpost.testing.contracts.keeping import kept_user


async def keep_favorites(storage: Storage, user: User, *favorites: Favorite) -> None:
    """Keep new favourites of that user."""
    async with storage.transaction() as tx:
        assert await tx.users.for_change(user.id) == user
        for favorite in favorites:
            await tx.favorites.add(user.id, favorite)


async def favorites_of(storage: Storage, user: User) -> list[Favorite]:
    """The favourites, as everybody sees them."""
    async with storage.reading() as reading:
        return list(await reading.favorites.of(user.id))


async def add_another(storage: Storage, user: User, name: str) -> bool:
    """Whether the favourite was added, by the domain's word."""
    async with storage.transaction() as tx:
        await tx.users.for_change(user.id)
        try:
            favorite = added(await tx.favorites.of(user.id), name, at=user.created_at)
        except TooManyFavorites:
            return False
        await asyncio.sleep(0)
        if favorite is not None:
            await tx.favorites.add(user.id, favorite)
        return favorite is not None


class FavoritesContract:
    """The port `Favorites`. Fixture: `storage`, empty."""

    async def test_nobody_has_any_at_first(self, storage: Storage) -> None:
        assert await favorites_of(storage, await kept_user(storage)) == []

    async def test_favorites_are_listed_newest_first_and_those_of_one_moment_by_name(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        then, later = user.created_at, user.created_at + timedelta(milliseconds=1)
        z, a, e, han, newest = (
            a_favorite(name, since=since)
            for name, since in (("z", then), ("a", then), ("é", then), ("字", then), ("m", later))
        )

        await keep_favorites(storage, user, han, z, newest, a, e)

        assert await favorites_of(storage, user) == [newest, a, z, e, han]

    async def test_the_names_are_those_of_the_favorites(self, storage: Storage) -> None:
        ada, bob, nobody = [await kept_user(storage) for _ in range(3)]
        await keep_favorites(storage, ada, a_favorite("a"), a_favorite("é"))
        await keep_favorites(storage, bob, a_favorite("b"))

        async with storage.transaction() as tx:
            await tx.favorites.remove(ada.id, "a")
            seen = await tx.favorites.names(ada.id)
        async with storage.reading() as reading:
            names = [await reading.favorites.names(user.id) for user in (ada, bob, nobody)]

        assert names == [seen, {"b"}, frozenset()]
        assert seen == {"é"}

    async def test_everybody_has_their_own(self, storage: Storage) -> None:
        ada, bob = await kept_user(storage), await kept_user(storage)
        first, second = a_favorite("a"), a_favorite("a")

        await keep_favorites(storage, ada, first)
        await keep_favorites(storage, bob, second)

        assert await favorites_of(storage, ada) == [first]
        assert await favorites_of(storage, bob) == [second]

    async def test_a_favorite_that_is_removed_is_gone_and_can_come_back(
        self, storage: Storage
    ) -> None:
        ada, bob = await kept_user(storage), await kept_user(storage)
        gone, left, again = a_favorite("gone"), a_favorite("left"), a_favorite("gone")
        await keep_favorites(storage, ada, gone, left)
        await keep_favorites(storage, bob, gone)

        async with storage.transaction() as tx:
            await tx.favorites.remove(ada.id, "gone")
            seen = await tx.favorites.of(ada.id)
        removed = await favorites_of(storage, ada)
        await keep_favorites(storage, ada, again)

        assert list(seen) == removed == [left]
        assert await favorites_of(storage, ada) == [again, left]
        assert await favorites_of(storage, bob) == [gone]

    async def test_removing_what_is_no_favorite_changes_nothing(self, storage: Storage) -> None:
        user = await kept_user(storage)
        favorite = a_favorite("a")
        await keep_favorites(storage, user, favorite)

        async with storage.transaction() as tx:
            await tx.favorites.remove(user.id, "A")
            await tx.favorites.remove(user.id + 1, "a")

        assert await favorites_of(storage, user) == [favorite]

    async def test_of_twenty_who_add_one_favorite_at_once_one_does(self, storage: Storage) -> None:
        user = await kept_user(storage)

        added_ = await asyncio.gather(*(add_another(storage, user, "a") for _ in range(20)))

        assert sum(added_) == 1
        assert [favorite.name for favorite in await favorites_of(storage, user)] == ["a"]

    async def test_twenty_who_add_at_once_never_overrun_the_limit(self, storage: Storage) -> None:
        user = await kept_user(storage)
        await keep_favorites(storage, user, *(a_favorite() for _ in range(FAVORITES_MAX - 5)))

        added_ = await asyncio.gather(
            *(add_another(storage, user, f"another_{number}") for number in range(20))
        )

        assert sum(added_) == 5
        assert len(await favorites_of(storage, user)) == FAVORITES_MAX

    async def test_all_of_a_user_are_forgotten_at_once(self, storage: Storage) -> None:
        ada, bob = await kept_user(storage), await kept_user(storage)
        mine, other = [a_favorite(), a_favorite()], a_favorite()
        await keep_favorites(storage, ada, *mine)
        await keep_favorites(storage, bob, other)

        async with storage.transaction() as tx:
            await tx.favorites.remove_all(ada.id)

        assert await favorites_of(storage, ada) == []
        assert await favorites_of(storage, bob) == [other]
