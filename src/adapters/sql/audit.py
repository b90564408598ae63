"""What is stored of every post, for a recount."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from hashpost.adapters.sql.rows import tags_of
from hashpost.adapters.sql.statements import inline
from hashpost.adapters.sql.tables import changes, marks, post_hashtags, posts, tallies
from hashpost.adapters.sql.tallies import (
    FOLDED,
    IS_ALIVE,
    LEVELS,
    LIST,
    LISTINGS,
    count,
    is_after_watermark,
    list_of,
    listed,
    timeline_of,
    total,
)
from hashpost.adapters.sql.transaction import Run
from hashpost.application.ports import Audited, Miscount
from hashpost.domain.timeline import Timeline

# The entries of a post are looked up by post, whatever its tags say: that shows those too that
# should not be there.
_SPACE: Any = literal_column("' '")
_LISTED = select(func.aggregate_strings(post_hashtags.c.name, _SPACE)).where(
    post_hashtags.c.post_id == posts.c.id
)

STRETCHES = 500
"""Stretches that one statement counts again: some 200,000 posts."""
STEP = 10_000
"""Entries that one statement looks for strays in; each takes far less than a statement may."""


@cache
def _posts(limit: int) -> Select[Any]:
    return (
        select(
            posts.c.id,
            posts.c.owner_id,
            posts.c.text,
            posts.c.deleted_at,
            posts.c.tags,
            _LISTED.scalar_subquery(),
        )
        .where(posts.c.id > bindparam("after"))
        .order_by(posts.c.id)
        .limit(literal_column(str(int(limit))))
    )


@cache
def _step_end(step: int) -> Select[Any]:
    entries = (
        select(post_hashtags.c.post_id)
        .where(post_hashtags.c.post_id > bindparam("after"))
        .order_by(post_hashtags.c.post_id)
        .limit(literal_column(str(int(step))))
        .subquery()
    )
    return select(func.max(entries.c.post_id))


# A sub-select that is a look-up, and not an anti-join: that may read all posts for each step.
_STRAYS = (
    select(post_hashtags.c.name, post_hashtags.c.post_id)
    .where(
        post_hashtags.c.post_id > bindparam("after"),
        post_hashtags.c.post_id <= bindparam("upto"),
        select(posts.c.id).where(posts.c.id == post_hashtags.c.post_id).scalar_subquery().is_(None),
    )
    .order_by(post_hashtags.c.post_id, post_hashtags.c.name)
)


@cache
def _counted(limit: int) -> Select[Any]:
    return (
        select(tallies.c.list)
        .where(tallies.c.list > bindparam("after", type_=Text))
        .order_by(tallies.c.list)
        .limit(inline(limit))
    )


@cache
def _uncounted(limit: int) -> Select[Any]:
    tail = select(posts.c.id).where(is_after_watermark(posts.c.id)).order_by(posts.c.id)
    waiting = union_all(
        *(
            select(each.limit(inline(limit)).subquery().c[0])
            for each in (tail, select(changes.c.post_id).where(IS_ALIVE))
        )
    )
    return select(func.count()).select_from(waiting.subquery())


@cache
def _count(kind: str) -> Select[Any]:
    """The count of a list, as it is told and as it is."""
    listing = LISTINGS[kind]
    told: ColumnElement[Any] = count(listing.counted().subquery("counted"))
    return select(told, listing.recount())


def _stretches(level: int) -> Subquery:
    """The stretches of a list, from one on."""
    upto = func.lead(marks.c.first_id).over(order_by=marks.c.first_id)
    return (
        select(
            marks.c.first_id, marks.c.live, func.coalesce(upto, FOLDED + inline(1)).label("upto")
        )
        .where(marks.c.list == LIST, marks.c.level == inline(level))
        .where(marks.c.first_id >= bindparam("first_id", type_=BigInteger))
        .order_by(marks.c.first_id)
        .limit(inline(STRETCHES))
        .subquery("stretch")
    )


@cache
def _marked(kind: str, level: int) -> Select[Any]:
    """Of stretches what is told of each, and how many posts there are, or in the finer ones."""
    stretch = _stretches(level)

    def within(key: ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
        return key >= stretch.c.first_id, key < stretch.c.upto

    if level:
        finer = marks.alias("finer")
        is_finer = (finer.c.list == LIST, finer.c.level == inline(level - 1))
        there = select(total(finer.c.live)).where(*is_finer, *within(finer.c.first_id))
        told: ColumnElement[int] = stretch.c.live
    else:
        listing = LISTINGS[kind]
        there = select(func.count()).where(*listing.conditions, *within(listing.key))
        changed = select(total(changes.c.delta)).where(
            changes.c.list == LIST, IS_ALIVE, *within(changes.c.post_id)
        )
        told = stretch.c.live + changed.scalar_subquery()
    return select(stretch.c.first_id, told, there.scalar_subquery()).order_by(stretch.c.first_id)


@dataclass(frozen=True, slots=True)
class SqlAudit:
    """Posts with their entries, entries without posts, tallies and marks."""

    run: Run
    step: int = STEP

    async def posts(self, *, after: int, limit: int) -> Sequence[Audited]:
        """At most `limit` posts with ids above `after`, each as it is at one moment."""
        rows = await self.run(_posts(limit), {"after": after})
        return [
            Audited(
                post_id=post_id,
                owner_id=owner_id,
                text=text,
                is_live=deleted_at is None,
                tags=tags_of(tags),
                listed=frozenset(tags_of(listed)),
            )
            for post_id, owner_id, text, deleted_at, tags, listed in rows
        ]

    async def strays(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """At most `limit` entries whose posts do not exist, found step by step."""
        strays: list[tuple[str, int]] = []
        after = 0
        while len(strays) < limit:
            ((upto,),) = await self.run(_step_end(self.step), {"after": after})
            if upto is None:
                break
            for name, post_id in await self.run(_STRAYS, {"after": after, "upto": upto}):
                strays.append((name, post_id))
            after = upto
        return strays[:limit]

    async def counted(self, *, after: Timeline | None, limit: int) -> Sequence[Timeline]:
        """At most `limit` timelines that have tallies, by the names of their lists."""
        name = "" if after is None else list_of(after)
        rows = await self.run(_counted(limit), {"after": name})
        return [timeline_of(list_) for (list_,) in rows]

    async def uncounted(self, *, limit: int) -> int:
        """How many posts come after the watermark, and changes at or before it."""
        ((count,),) = await self.run(_uncounted(limit))
        return min(int(count), limit)

    async def miscounts(self, timeline: Timeline) -> Sequence[Miscount]:
        """Where tally, changes and tail do not add up to the count, or marks to what they mark."""
        kind, parameters = listed(list_of(timeline))
        found: list[Miscount] = []
        ((told, count),) = await self.run(_count(kind), parameters)
        if told != count:
            found.append(Miscount(f"count of timeline {timeline.name}", told, count))
        for level in range(LEVELS):
            statement, first_id = _marked(kind, level), 0
            while rows := await self.run(statement, {**parameters, "first_id": first_id}):
                found += [
                    Miscount(f"stretch {level}/{first} of timeline {timeline.name}", told, count)
                    for first, told, count in rows
                    if told != count
                ]
                first_id = rows[-1][0] + 1
        return found
