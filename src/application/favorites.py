"""Favourite hashtags, and the timeline that they make together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hashpost.application.admission import Admission
from hashpost.application.ports import Clock, Storage
from hashpost.application.timelines import MergedPages
from hashpost.domain.errors import FieldError, InvalidInput, require
from hashpost.domain.favorite import Favorite, added
from hashpost.domain.hashtag import parse
from hashpost.domain.session import Actor, actor_id
from hashpost.domain.timeline import PAGE_SIZE, HashtagFilter, MergedPage


def _key(hashtag: str) -> str:
    """The key of one whole hashtag.

    Raises:
        InvalidInput: it is none.
    """
    key = parse(hashtag)
    if key is None:
        raise InvalidInput([FieldError("hashtag", "one whole hashtag, with or without its sign")])
    return key


@dataclass(frozen=True, slots=True)
class AddFavorite:
    """Make a hashtag, in any spelling, one's favourite. It may be one already.

    Of many at once, each is added once, and never more than 200 are.
    """

    storage: Storage
    admission: Admission
    clock: Clock

    async def __call__(self, actor: Actor, hashtag: str) -> None:
        """Add it.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: not one whole hashtag.
            TooManyFavorites: there are 200 others.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_change(tx, actor)
            name = _key(hashtag)
            favorite = added(await tx.favorites.of(user.id), name, at=self.clock())
            if favorite is not None:
                await tx.favorites.add(user.id, favorite)


@dataclass(frozen=True, slots=True)
class RemoveFavorite:
    """Make a hashtag, in any spelling, one's favourite no more. It need not be one."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor, hashtag: str) -> None:
        """Remove it.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: not one whole hashtag.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            await tx.favorites.remove(user.id, _key(hashtag))


@dataclass(frozen=True, slots=True)
class ListFavorites:
    """List one's favourite hashtags, the newest first."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor) -> Sequence[Favorite]:
        """All of them, at most 200.

        Raises:
            Unauthenticated: the actor is nobody (any more).
        """
        await self.admission.to_read(actor)
        async with self.storage.reading() as reading:
            return await reading.favorites.of(actor_id(actor))


@dataclass(frozen=True, slots=True)
class ListFavoritePosts:
    """Read the posts under any of one's favourite hashtags, each once, newest first, in pages.

    Pages by number go to the 10,000th post; a cursor has no end. Each post comes with the
    favourites that it is there for.
    """

    storage: Storage
    admission: Admission
    pages: MergedPages

    async def __call__(
        self,
        actor: Actor,
        *,
        page: int | None = None,
        page_size: int = PAGE_SIZE,
        cursor: str | None = None,
    ) -> MergedPage:
        """One page.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: a number out of its range, page and cursor both, or a strange cursor.
            PageOutOfRange: the timeline ends before that page.
        """
        await self.admission.to_read(actor)
        require(self.faults(actor, page=page, page_size=page_size, cursor=cursor))
        async with self.storage.reading() as reading:
            names = await reading.favorites.names(actor_id(actor))
            return await self.pages.read(
                reading,
                HashtagFilter(any=names),
                name=_name(actor),
                page=page,
                page_size=page_size,
                cursor=cursor,
            )

    def faults(
        self, actor: Actor, *, page: int | None, page_size: int, cursor: str | None
    ) -> Iterator[FieldError]:
        """What is wrong with a request for a page of the actor's favourites."""
        return self.pages.faults(_name(actor), page=page, page_size=page_size, cursor=cursor)


def _name(actor: Actor) -> str:
    """What tells this user's favourites from every other timeline, whatever they are by now."""
    return f"favorites:{actor_id(actor)}"
