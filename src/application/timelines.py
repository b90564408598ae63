"""Reading timelines in pages, by number or by cursor."""

from collections.abc import Iterator
from dataclasses import dataclass

from hashpost.application.admission import Admission
from hashpost.application.ports import Cursors, Reading, Storage
from hashpost.domain.errors import FieldError, PageOutOfRange, UserNotFound, require
from hashpost.domain.hashtag import parse
from hashpost.domain.session import Actor
from hashpost.domain.timeline import (
    PAGE_SIZE,
    AllPosts,
    HashtagPosts,
    Page,
    Timeline,
    UserPosts,
    page_faults,
)


@dataclass(frozen=True, slots=True)
class Pages:
    """Cuts timelines into pages.

    By number, pages count from 1 and move when posts come or go. By cursor, each goes on from
    where the one before it ended, without gaps or repeats, however much is posted meanwhile.
    """

    cursors: Cursors

    def faults(
        self, timeline: Timeline, *, page: int | None, page_size: int, cursor: str | None
    ) -> Iterator[FieldError]:
        """What is wrong with a request for a page of the timeline."""
        yield from page_faults(page=page, page_size=page_size, cursor=cursor)
        if page is None and cursor is not None and self._position(timeline, cursor) is None:
            yield FieldError("cursor", "a next_cursor that this timeline gave")

    async def read(
        self,
        reading: Reading,
        timeline: Timeline,
        *,
        page: int | None,
        page_size: int,
        cursor: str | None,
    ) -> Page:
        """A page of the timeline: the first, the one of that number, or from the cursor on.

        Raises:
            InvalidInput: a number out of its range, page and cursor both, or a strange cursor.
            PageOutOfRange: the timeline ends before that page.
        """
        require(self.faults(timeline, page=page, page_size=page_size, cursor=cursor))
        position = None if cursor is None else self._position(timeline, cursor)
        if position is not None:
            return await self._from(reading, timeline, position=position, page_size=page_size)
        return await self._numbered(reading, timeline, page=page or 1, page_size=page_size)

    async def _numbered(
        self, reading: Reading, timeline: Timeline, *, page: int, page_size: int
    ) -> Page:
        offset = (page - 1) * page_size
        slice_ = await reading.timelines.at_offset(timeline, offset=offset, limit=page_size)
        if page > 1 and not slice_.posts:
            raise PageOutOfRange
        has_next = offset + len(slice_.posts) < slice_.count
        return Page(
            count=slice_.count,
            page=page,
            page_size=page_size,
            has_next=has_next,
            has_previous=page > 1,
            next_cursor=self._after(timeline, slice_.posts[-1].id) if has_next else None,
            result=slice_.posts,
        )

    async def _from(
        self, reading: Reading, timeline: Timeline, *, position: int, page_size: int
    ) -> Page:
        slice_ = await reading.timelines.before(timeline, post_id=position, limit=page_size + 1)
        has_next = len(slice_.posts) > page_size
        posts = slice_.posts[:page_size]
        return Page(
            count=slice_.count,
            page=None,
            page_size=page_size,
            has_next=has_next,
            has_previous=None,
            next_cursor=self._after(timeline, posts[-1].id) if has_next else None,
            result=posts,
        )

    def _position(self, timeline: Timeline, cursor: str) -> int | None:
        return self.cursors.unseal(timeline.name, cursor)

    def _after(self, timeline: Timeline, post_id: int) -> str:
        return self.cursors.seal(timeline.name, post_id)


@dataclass(frozen=True, slots=True)
class ListPosts:
    """Read the timeline of all live posts, newest first, in pages."""

    storage: Storage
    admission: Admission
    pages: Pages

    async def __call__(
        self,
        actor: Actor,
        *,
        page: int | None = None,
        page_size: int = PAGE_SIZE,
        cursor: str | None = None,
    ) -> Page:
        """One page.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: a number out of its range, page and cursor both, or a strange cursor.
            PageOutOfRange: the timeline ends before that page.
        """
        await self.admission.to_read(actor)
        async with self.storage.reading() as reading:
            return await self.pages.read(
                reading, AllPosts(), page=page, page_size=page_size, cursor=cursor
            )


@dataclass(frozen=True, slots=True)
class ListUserPosts:
    """Read the timeline of one user's live posts, newest first, in pages."""

    storage: Storage
    admission: Admission
    pages: Pages

    async def __call__(
        self,
        actor: Actor,
        user_id: int,
        *,
        page: int | None = None,
        page_size: int = PAGE_SIZE,
        cursor: str | None = None,
    ) -> Page:
        """One page.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: a number out of its range, page and cursor both, or a strange cursor.
            UserNotFound: there is no such user.
            PageOutOfRange: the timeline ends before that page.
        """
        await self.admission.to_read(actor)
        timeline = UserPosts(user_id)
        require(self.pages.faults(timeline, page=page, page_size=page_size, cursor=cursor))
        async with self.storage.reading() as reading:
            owner = await reading.users.by_id(user_id)
            if owner is None or owner.is_deleted:
                raise UserNotFound
            return await self.pages.read(
                reading, timeline, page=page, page_size=page_size, cursor=cursor
            )


@dataclass(frozen=True, slots=True)
class ListHashtagPosts:
    """Read the timeline of the live posts that carry a hashtag, newest first, in pages.

    The hashtag may be in any spelling that has the same key, with or without a sign. One that
    nobody uses has an empty timeline.
    """

    storage: Storage
    admission: Admission
    pages: Pages

    async def __call__(
        self,
        actor: Actor,
        hashtag: str,
        *,
        page: int | None = None,
        page_size: int = PAGE_SIZE,
        cursor: str | None = None,
    ) -> Page:
        """One page.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: not one whole hashtag, a number out of its range, page and cursor both,
                or a strange cursor.
            PageOutOfRange: the timeline ends before that page.
        """
        await self.admission.to_read(actor)
        key = parse(hashtag)
        timeline = HashtagPosts(key or "")
        require(
            [] if key else [FieldError("hashtag", "one whole hashtag, with or without its sign")],
            self.pages.faults(timeline, page=page, page_size=page_size, cursor=cursor),
        )
        async with self.storage.reading() as reading:
            return await self.pages.read(
                reading, timeline, page=page, page_size=page_size, cursor=cursor
            )
