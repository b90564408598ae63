"""Timelines: lists of live posts, newest first, and the pages they are read in."""

from collections.abc import Iterator
from dataclasses import dataclass

from hashpost.domain.errors import FieldError
from hashpost.domain.ids import MAX_ID
from hashpost.domain.post import Deletion, Post

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100
MERGED_MAX = 10_000
"""How many posts of a merged timeline can be reached by numbers of pages."""


@dataclass(frozen=True, slots=True)
class AllPosts:
    """The timeline of all live posts."""

    @property
    def name(self) -> str:
        """What tells this timeline from every other."""
        return "posts"


@dataclass(frozen=True, slots=True)
class UserPosts:
    """The timeline of one user's live posts."""

    user_id: int

    @property
    def name(self) -> str:
        """What tells this timeline from every other."""
        return f"user:{self.user_id}"


@dataclass(frozen=True, slots=True)
class HashtagPosts:
    """The timeline of the live posts that carry one hashtag, by its key."""

    hashtag: str

    @property
    def name(self) -> str:
        """What tells this timeline from every other."""
        return f"hashtag:{self.hashtag}"


Timeline = AllPosts | UserPosts | HashtagPosts


@dataclass(frozen=True, slots=True)
class MatchedPost:
    """A post of a merged timeline; `matched_tags` are those of its hashtags it is there for."""

    post: Post
    matched_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedPage:
    """One page of a timeline that is merged from those of several hashtags.

    As `Page`, without a count: nobody counts a union exactly in a time that does not grow with it.
    """

    page: int | None
    page_size: int
    has_next: bool
    has_previous: bool | None
    next_cursor: str | None
    result: tuple[MatchedPost, ...]

    @property
    def count(self) -> None:
        """Nothing, so that merged pages read as others do."""
        return


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of a timeline, and how many posts the whole timeline had at that moment."""

    count: int
    posts: tuple[Post, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a timeline.

    `count` is exact: the live posts of the timeline at that moment. `page` is None and
    `has_previous` too where a cursor led here. `next_cursor` goes on after the last post of
    `result`, or is None at the end.
    """

    count: int
    page: int | None
    page_size: int
    has_next: bool
    has_previous: bool | None
    next_cursor: str | None
    result: tuple[Post, ...]


def page_faults(*, page: int | None, page_size: int, cursor: str | None) -> Iterator[FieldError]:
    """What is wrong with a request for a page."""
    if page is not None and not 1 <= page <= MAX_ID:
        yield FieldError("page", f"1 to {MAX_ID}")
    if not 1 <= page_size <= PAGE_SIZE_MAX:
        yield FieldError("page_size", f"1 to {PAGE_SIZE_MAX}")
    if page is not None and cursor is not None:
        yield FieldError("cursor", "page or cursor, not both")


def merged_page_faults(
    *, page: int | None, page_size: int, cursor: str | None
) -> Iterator[FieldError]:
    """What is wrong with a request for a page of a merged timeline."""
    faults = list(page_faults(page=page, page_size=page_size, cursor=cursor))
    if not faults and page is not None and (page - 1) * page_size >= MERGED_MAX:
        yield FieldError("page", f"up to the {MERGED_MAX:,}th post; a cursor goes on from there")
    yield from faults


@dataclass(frozen=True, slots=True)
class DeletedPage:
    """One page of somebody's deleted posts, the last deleted first, each with its deletion.

    As `Page`: `count` are all that can still be restored. There are no cursors.
    """

    count: int
    page: int
    page_size: int
    has_next: bool
    has_previous: bool
    result: tuple[tuple[Post, Deletion], ...]
