"""Reading timelines in pages, by number or by cursor."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from hashpost.application.admission import Admission
from hashpost.application.ports import Cursors, Reading, Storage
from hashpost.domain.errors import (
    FieldError,
    InvalidInput,
    PageOutOfRange,
    UserNotFound,
    require,
)
from hashpost.domain.hashtag import parse
from hashpost.domain.session import Actor
from hashpost.domain.timeline import (
    MERGED_MAX,
    PAGE_SIZE,
    AllPosts,
    HashtagFilter,
    HashtagPosts,
    MatchedPost,
    MergedPage,
    Page,
    Timeline,
    UserPosts,
    filter_of,
    look,
    merged_page_faults,
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
        yield from _cursor_faults(self.cursors, timeline.name, page=page, cursor=cursor)

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

        There are no `faults` in what it asks.

        Raises:
            PageOutOfRange: the timeline ends before that page.
        """
        position = None if cursor is None else self.cursors.unseal(timeline.name, cursor)
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

    def _after(self, timeline: Timeline, post_id: int) -> str:
        return self.cursors.seal(timeline.name, post_id)


@dataclass(frozen=True, slots=True)
class MergedPages:
    """Cuts what is merged from the timelines of several hashtags into pages, as `Pages` does.

    Pages by number go to the 10,000th post; a cursor has no end. Where a filter lets few posts
    through, a page may end early; `budget` tells how many posts may be looked at for it.
    """

    cursors: Cursors
    budget: Callable[[int], int] = look

    def faults(
        self, name: str, *, page: int | None, page_size: int, cursor: str | None
    ) -> Iterator[FieldError]:
        """What is wrong with a request for a page of the merged timeline of that name."""
        yield from merged_page_faults(page=page, page_size=page_size, cursor=cursor)
        yield from _cursor_faults(self.cursors, name, page=page, cursor=cursor)

    async def read(
        self,
        reading: Reading,
        wanted: HashtagFilter,
        *,
        name: str,
        page: int | None,
        page_size: int,
        cursor: str | None,
    ) -> MergedPage:
        """A page of the posts that the filter lets through; there are no `faults` in what it asks.

        Raises:
            InvalidInput: too much would have to be looked at before that page.
            PageOutOfRange: the timeline ends before that page.
        """
        position = None if cursor is None else self.cursors.unseal(name, cursor)
        number = None if position is not None else page or 1
        offset = 0 if number is None else (number - 1) * page_size
        limit = page_size + 1
        stretch = await reading.timelines.matching(
            wanted,
            before=position,
            after=0,
            offset=offset,
            limit=limit,
            # The same for all pages by number: if a later one saw farther, it would begin behind
            # matching posts that an earlier one, which ended early, has not shown.
            budget=self.budget(limit if number is None else MERGED_MAX),
        )
        if offset and not stretch.posts:
            raise PageOutOfRange if stretch.rest is None else InvalidInput([_TOO_FAR])
        shown = stretch.posts[:page_size]
        last = shown[-1].id if len(stretch.posts) == limit else stretch.rest
        return MergedPage(
            page=number,
            page_size=page_size,
            has_next=last is not None,
            has_previous=None if number is None else number > 1,
            next_cursor=None if last is None else self.cursors.seal(name, last),
            result=tuple(MatchedPost(post, wanted.matched(post.tags)) for post in shown),
            ends_early=stretch.rest is not None,
        )


_TOO_FAR = FieldError("page", "not as far, where so few posts match; a cursor goes on from there")


def _cursor_faults(
    cursors: Cursors, name: str, *, page: int | None, cursor: str | None
) -> Iterator[FieldError]:
    if page is None and cursor is not None and cursors.unseal(name, cursor) is None:
        yield FieldError("cursor", "a next_cursor that this timeline gave")


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
        timeline = AllPosts()
        require(self.pages.faults(timeline, page=page, page_size=page_size, cursor=cursor))
        async with self.storage.reading() as reading:
            return await self.pages.read(
                reading, timeline, page=page, page_size=page_size, cursor=cursor
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
            try:
                found = await self.pages.read(
                    reading, timeline, page=page, page_size=page_size, cursor=cursor
                )
            except PageOutOfRange:
                await _require_user(reading, user_id)
                raise
            if not found.result:
                await _require_user(reading, user_id)
            return found


async def _require_user(reading: Reading, user_id: int) -> None:
    """Return if there is such a user. Whoever has a post that is shown need not be looked for."""
    user = await reading.users.by_id(user_id)
    if user is None or user.is_deleted:
        raise UserNotFound


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
        require(self._faults(key, page=page, page_size=page_size, cursor=cursor))
        async with self.storage.reading() as reading:
            return await self.pages.read(
                reading, HashtagPosts(key or ""), page=page, page_size=page_size, cursor=cursor
            )

    def faults(
        self, hashtag: str, *, page: int | None, page_size: int, cursor: str | None
    ) -> Iterator[FieldError]:
        """What is wrong with a request for a page of the hashtag's timeline."""
        return self._faults(parse(hashtag), page=page, page_size=page_size, cursor=cursor)

    def _faults(
        self, key: str | None, *, page: int | None, page_size: int, cursor: str | None
    ) -> Iterator[FieldError]:
        if key is None:
            yield FieldError("hashtag", "one whole hashtag, with or without its sign")
        timeline = HashtagPosts(key or "")
        yield from self.pages.faults(timeline, page=page, page_size=page_size, cursor=cursor)


@dataclass(frozen=True, slots=True)
class ListMatchingPosts:
    """Read the posts that carry at least one of some hashtags, each of others, none of yet others.

    Newest first, in pages; by number to the 10,000th post, by cursor without end. Each post comes
    with those of its hashtags that were asked for. Where very few posts match, a page may end
    early, and only the cursor leads on.
    """

    storage: Storage
    admission: Admission
    pages: MergedPages

    async def __call__(
        self,
        actor: Actor,
        *,
        any: Collection[str] | None = None,
        all: Collection[str] = (),
        none: Collection[str] = (),
        page: int | None = None,
        page_size: int = PAGE_SIZE,
        cursor: str | None = None,
    ) -> MergedPage:
        """One page; the hashtags in any spelling, at most 10 different ones.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: not whole hashtags, too many of them, a number out of its range, page and
                cursor both, a strange cursor, or a page too far for so few posts that match.
            PageOutOfRange: the timeline ends before that page.
        """
        await self.admission.to_read(actor)
        require(
            self.faults(any=any, all=all, none=none, page=page, page_size=page_size, cursor=cursor)
        )
        wanted, _ = filter_of(any=any, all=all, none=none)
        async with self.storage.reading() as reading:
            return await self.pages.read(
                reading, wanted, name=wanted.name, page=page, page_size=page_size, cursor=cursor
            )

    def faults(
        self,
        *,
        any: Collection[str] | None,
        all: Collection[str],
        none: Collection[str],
        page: int | None,
        page_size: int,
        cursor: str | None,
    ) -> Iterator[FieldError]:
        """What is wrong with a request for a page of such posts."""
        wanted, faults = filter_of(any=any, all=all, none=none)
        yield from faults
        yield from self.pages.faults(wanted.name, page=page, page_size=page_size, cursor=cursor)
