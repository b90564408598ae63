"""Timelines: pages of live posts, each with the count of its timeline."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    bindparam,
    func,
    select,
    true,
    union_all,
)

from hashpost.adapters.sql.hiding import is_shown, is_shown_post, run_hiding, telling
from hashpost.adapters.sql.rows import POST, post_columns, post_of, slice_of
from hashpost.adapters.sql.statements import inline
from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.ids import MAX_ID
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagPosts, Slice, Timeline, UserPosts

_IS_LIVE = posts.c.deleted_at.is_(None)

_PAST_ALL = MAX_ID + 1

# For each kind of timeline: the ids it is made of, and the conditions for being one of them.
_Listing = tuple[ColumnElement[int], tuple[ColumnElement[bool], ...]]
_LISTINGS: dict[str, _Listing] = {
    "all": (posts.c.id, (_IS_LIVE,)),
    "user": (posts.c.id, (_IS_LIVE, posts.c.owner_id == bindparam("owner"))),
    "hashtag": (post_hashtags.c.post_id, (post_hashtags.c.name == bindparam("name"),)),
}


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


# What keeps the posts of deleted users out of each of them.
_HIDING: dict[str, ColumnElement[bool]] = {
    "all": is_shown(posts.c.owner_id),
    "user": is_shown(posts.c.owner_id),
    "hashtag": is_shown_post(post_hashtags.c.post_id),
}


@cache
def _slice(kind: str, *, limit: int, by_offset: bool, hiding: bool) -> Select[Any]:
    """A page and the count, in one statement: both are of one moment.

    The ids of the page come from an index alone; the posts that are passed over are never read.
    The limit stands in the statement and not in a parameter (there are as many statements as sizes
    of pages): the planner then knows that a page is short. A page of unknown length it takes for a
    tenth of the timeline, and reads all posts to join it.
    """
    key, conditions = _LISTINGS[kind]
    if hiding:
        conditions += (_HIDING[kind],)
    page = select(key.label("id")).where(*conditions).order_by(key.desc()).limit(inline(limit))
    page = page.offset(_number("offset")) if by_offset else page.where(key < _number("before"))
    ids = page.subquery("ids")
    found = select(*posts.c).join_from(ids, posts, posts.c.id == ids.c.id).subquery("found")
    total = select(func.count().label("count")).where(*conditions).subquery("total")
    # The outer join gives the count its row even where the page is empty.
    return (
        select(total.c.count, *post_columns(found), *telling(hiding=hiding))
        .select_from(total.outerjoin(found, true()))
        .order_by(found.c.id.desc())
    )


@cache
def _oldest(limit: int, *, hiding: bool) -> Select[Any]:
    after = posts.c.id > bindparam("after")
    some = select(*POST, *telling(hiding=hiding)).where(_IS_LIVE, after)
    some = some.where(_HIDING["all"]) if hiding else some
    return some.order_by(posts.c.id).limit(inline(limit))


@cache
def _merged(names: int, *, hiding: bool) -> Select[Any]:
    """A page of the posts under so many hashtags, merged from their timelines.

    Each hashtag gives no more entries than would fill the page and all pages before it, so the work
    does not grow with the posts under the hashtags. PostgreSQL merges them as they come and stops
    when the page is full; SQLite sorts them (0.4 s for the 10,000th post under 256 hashtags, 4 ms
    for the first). Here the limits may be parameters: the planner takes each arm for a few entries.
    """
    name, post_id = post_hashtags.c.name, post_hashtags.c.post_id
    hidden = (_HIDING["hashtag"],) if hiding else ()
    arms = (
        select(post_id)
        .where(name == bindparam(f"name_{number}"))
        .where(post_id > _number("after"), post_id < _number("before"), *hidden)
        .order_by(post_id.desc())
        .limit(_number("reach"))
        .subquery(f"arm_{number}")
        for number in range(names)
    )
    merged = union_all(*(select(arm.c.post_id) for arm in arms)).subquery("merged")
    page = select(merged.c.post_id).distinct().order_by(merged.c.post_id.desc())
    ids = page.limit(_number("limit")).offset(_number("offset")).subquery("ids")
    found = select(*posts.c).join_from(ids, posts, posts.c.id == ids.c.post_id).subquery("found")
    page_of = select(*post_columns(found), *telling(hiding=hiding))
    return page_of.order_by(found.c.id.desc())


_COUNT_BELOW = select(func.count()).where(_IS_LIVE, posts.c.id < _number("below"))


@dataclass(frozen=True, slots=True)
class SqlTimelines:
    """Timelines, paged by their indexes."""

    run: Run

    async def at_offset(self, timeline: Timeline, *, offset: int, limit: int) -> Slice:
        """At most `limit` posts after the `offset` newest."""
        kind, parameters = _listing_of(timeline)
        forms = partial(_slice, kind, limit=limit, by_offset=True)
        return slice_of(await run_hiding(self.run, forms, {**parameters, "offset": offset}))

    async def before(self, timeline: Timeline, *, post_id: int, limit: int) -> Slice:
        """At most `limit` posts whose ids are below `post_id`."""
        kind, parameters = _listing_of(timeline)
        forms = partial(_slice, kind, limit=limit, by_offset=False)
        return slice_of(await run_hiding(self.run, forms, {**parameters, "before": post_id}))

    async def oldest(self, *, after: int, limit: int) -> Sequence[Post]:
        """At most `limit` live posts whose ids are above `after`."""
        rows = await run_hiding(self.run, partial(_oldest, limit), {"after": after})
        return [post_of(row) for row in rows]

    async def merged(
        self, names: Collection[str], *, before: int | None, after: int, offset: int, limit: int
    ) -> Sequence[Post]:
        """Posts that carry at least one of the hashtags, each once, newest first."""
        if not names:
            return []
        ordered = sorted(set(names))
        # Repeated names change nothing, and so there are few statements.
        ordered += ordered[-1:] * (_power_of_two(len(ordered)) - len(ordered))
        parameters = {
            **{f"name_{number}": name for number, name in enumerate(ordered)},
            "after": after,
            "before": _PAST_ALL if before is None else before,
            "offset": offset,
            "limit": limit,
            "reach": offset + limit,
        }
        rows = await run_hiding(self.run, partial(_merged, len(ordered)), parameters)
        return [post_of(row) for row in rows]

    async def count_below(self, post_id: int) -> int:
        """How many live posts have ids below that."""
        ((count,),) = await self.run(_COUNT_BELOW, {"below": post_id})
        return int(count)


def _power_of_two(number: int) -> int:
    """The least power of two that is not below the number."""
    return 1 << (number - 1).bit_length()


def _listing_of(timeline: Timeline) -> tuple[str, dict[str, Any]]:
    match timeline:
        case AllPosts():
            return "all", {}
        case UserPosts(user_id):
            return "user", {"owner": user_id}
        case HashtagPosts(hashtag):
            return "hashtag", {"name": hashtag}
        case _:
            assert_never(timeline)
