"""Favourite hashtags, of each user."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from hashpost.adapters.sql.tables import favorites
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.favorite import Favorite
from hashpost.domain.ids import from_unix_ms, unix_ms

_OF = (
    select(favorites.c.name, favorites.c.created_at)
    .where(favorites.c.user_id == bindparam("user"))
    .order_by(favorites.c.created_at.desc(), favorites.c.name)
)
_NAMES = select(favorites.c.name).where(favorites.c.user_id == bindparam("user"))
_ADD = insert(favorites)
_REMOVE = delete(favorites).where(
    favorites.c.user_id == bindparam("user"), favorites.c.name == bindparam("name")
)
_REMOVE_ALL = delete(favorites).where(favorites.c.user_id == bindparam("user"))


@dataclass(frozen=True, slots=True)
class SqlFavorites:
    """Favourites, each one row."""

    run: Run

    async def of(self, user_id: int) -> Sequence[Favorite]:
        """The user's favourites, newest first."""
        rows = await self.run(_OF, {"user": user_id})
        return [Favorite(name, from_unix_ms(created_at)) for name, created_at in rows]

    async def names(self, user_id: int) -> frozenset[str]:
        """The names of the user's favourites."""
        return frozenset([name for (name,) in await self.run(_NAMES, {"user": user_id})])

    async def add(self, user_id: int, favorite: Favorite) -> None:
        """Keep a new favourite; that it is new, the lock on the user's row has seen to."""
        await self.run(
            _ADD,
            {"user_id": user_id, "name": favorite.name, "created_at": unix_ms(favorite.since)},
        )

    async def remove(self, user_id: int, name: str) -> None:
        """Forget a favourite."""
        await self.run(_REMOVE, {"user": user_id, "name": name})

    async def remove_all(self, user_id: int) -> None:
        """Forget every favourite of the user."""
        await self.run(_REMOVE_ALL, {"user": user_id})
