"""Timelines: pages of live posts, each with the count of its timeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, assert_never

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    true,
)

from hashpost.adapters.sql.rows import POST, Row, post_columns, post_of
from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.transaction import Rows, Run
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagPosts, Slice, Timeline, UserPosts

_IS_LIVE = posts.c.deleted_at.is_(None)

# For each kind of timeline: the ids it is made of, and the conditions for being one of them.
_Listing = tuple[ColumnElement[int], tuple[ColumnElement[bool], ...]]
_LISTINGS: dict[str, _Listing] = {
    "all": (posts.c.id, (_IS_LIVE,)),
    "user": (posts.c.id, (_IS_LIVE, posts.c.owner_id == bindparam("owner"))),
    "hashtag": (post_hashtags.c.post_id, (post_hashtags.c.name == bindparam("name"),)),
}


@cache
def _slice(kind: str, *, limit: int, by_offset: bool) -> Select[Any]:
    """A page and the count, in one statement: both are of one moment.

    The ids of the page come from an index alone; the posts that are passed over are never read.
    The limit stands in the statement and not in a parameter (there are as many statements as sizes
    of pages): the planner then knows that a page is short. A page of unknown length it takes for a
    tenth of the timeline, and reads all posts to join it.
    """
    key, conditions = _LISTINGS[kind]
    page = select(key.label("id")).where(*conditions).order_by(key.desc()).limit(_inline(limit))
    if by_offset:
        page = page.offset(bindparam("offset", type_=BigInteger))
    else:
        page = page.where(key < bindparam("before", type_=BigInteger))
    ids = page.subquery("ids")
    found = select(*posts.c).join_from(ids, posts, posts.c.id == ids.c.id).subquery("found")
    total = select(func.count().label("count")).where(*conditions).subquery("total")
    # The outer join gives the count its row even where the page is empty.
    return (
        select(total.c.count, *post_columns(found))
        .select_from(total.outerjoin(found, true()))
        .order_by(found.c.id.desc())
    )


@cache
def _oldest(limit: int) -> Select[Any]:
    after = posts.c.id > bindparam("after")
    return select(*POST).where(_IS_LIVE, after).order_by(posts.c.id).limit(_inline(limit))


def _inline(limit: int) -> ColumnElement[int]:
    return literal_column(str(int(limit)), BigInteger)


@dataclass(frozen=True, slots=True)
class SqlTimelines:
    """Timelines, paged by their indexes."""

    run: Run

    async def at_offset(self, timeline: Timeline, *, offset: int, limit: int) -> Slice:
        """At most `limit` posts after the `offset` newest."""
        kind, parameters = _listing_of(timeline)
        statement = _slice(kind, limit=limit, by_offset=True)
        return _slice_of(await self.run(statement, {**parameters, "offset": offset}))

    async def before(self, timeline: Timeline, *, post_id: int, limit: int) -> Slice:
        """At most `limit` posts whose ids are below `post_id`."""
        kind, parameters = _listing_of(timeline)
        statement = _slice(kind, limit=limit, by_offset=False)
        return _slice_of(await self.run(statement, {**parameters, "before": post_id}))

    async def oldest(self, *, after: int, limit: int) -> Sequence[Post]:
        """At most `limit` live posts whose ids are above `after`."""
        return [post_of(row) for row in await self.run(_oldest(limit), {"after": after})]


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


def _slice_of(rows: Rows) -> Slice:
    count: int = rows[0][0]
    return Slice(count, tuple(post_of(row[1:]) for row in rows if _is_found(row)))


def _is_found(row: Row) -> bool:
    return row[1] is not None
