"""Timelines: lists of live posts, newest first, and the pages they are read in."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hashpost.domain.errors import FieldError
from hashpost.domain.hashtag import parse
from hashpost.domain.ids import MAX_ID
from hashpost.domain.post import Deletion, Post

PAGE_SIZE = 20
PAGE_SIZE_MAX = 100
MERGED_MAX = 10_000
"""How many posts of a merged timeline can be reached by numbers of pages."""
FILTER_MAX = 10
"""How many different hashtags a filter may name."""


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
class HashtagFilter:
    """What a post must carry, by keys: at least one of `any`, each of `all`, none of `none`.

    Without `any` no such one is asked for; an empty `any` lets nothing through.
    """

    any: frozenset[str] | None = None
    all: frozenset[str] = frozenset()
    none: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """What tells the timeline of these posts from every other. No key has these signs in it."""
        parts = {"any": self.any or (), "all": self.all, "none": self.none}
        return "matching:" + ";".join(f"{part}={','.join(sorted(parts[part]))}" for part in parts)

    def accepts(self, tags: Collection[str]) -> bool:
        """Whether a post with these hashtags is let through."""
        has_any = self.any is None or not self.any.isdisjoint(tags)
        return has_any and self.all.issubset(tags) and self.none.isdisjoint(tags)

    def matched(self, tags: Collection[str]) -> tuple[str, ...]:
        """Those of a post's hashtags that were asked for."""
        return tuple([tag for tag in tags if tag in self.all or tag in (self.any or ())])

    def reduced(self) -> "HashtagFilter | None":
        """The filter that lets the same posts through and asks least; None if there can be none."""
        wanted = None if self.any is None else self.any - self.none
        if wanted == frozenset() or not self.all.isdisjoint(self.none):
            return None
        if wanted is None or not wanted.isdisjoint(self.all):
            return HashtagFilter(None, self.all, self.none)
        if len(wanted) == 1:
            return HashtagFilter(None, self.all | wanted, self.none)
        return HashtagFilter(wanted, self.all, self.none)


def filter_of(
    *, any: Collection[str] | None, all: Collection[str], none: Collection[str]
) -> tuple[HashtagFilter, list[FieldError]]:
    """The filter of these hashtags, in any spelling, and what is wrong with them."""
    given = {"any": any, "all": all, "none": none}
    keys = {field: [parse(spelling) for spelling in given[field] or ()] for field in given}
    sound = {field: frozenset(key for key in keys[field] if key) for field in keys}
    faults = {
        field: FieldError(field, f"at most {FILTER_MAX} different hashtags, all in all")
        for field in keys
        if keys[field] and len(frozenset().union(*sound.values())) > FILTER_MAX
    }
    faults |= {
        field: FieldError(field, "whole hashtags with commas between, with or without their signs")
        for field in keys
        if None in keys[field]
    }
    wanted = None if any is None else sound["any"]
    return HashtagFilter(wanted, sound["all"], sound["none"]), list(faults.values())


@dataclass(frozen=True, slots=True)
class MatchedPost:
    """A post of a merged timeline; `matched_tags` are those of its hashtags it is there for."""

    post: Post
    matched_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MergedPage:
    """One page of a timeline that is merged from those of several hashtags.

    As `Page`, without a count: nobody counts a union exactly in a time that does not grow with it.
    A page that `ends_early` has fewer posts than it might: too many others had to be passed over.
    `next_cursor` goes on after these, so that nothing is missed.
    """

    page: int | None
    page_size: int
    has_next: bool
    has_previous: bool | None
    next_cursor: str | None
    result: tuple[MatchedPost, ...]
    ends_early: bool = False

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
class Stretch:
    """A stretch of a merged timeline. If it ends early, what is below the id `rest` is unknown."""

    posts: tuple[Post, ...]
    rest: int | None = None


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


def look(reach: int) -> int:
    """How many posts may be looked at for an answer that reaches to the post of that number.

    Filters may let one in a million through: whoever waits must not pay for all of these at once.
    """
    return MERGED_MAX + 10 * reach


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
