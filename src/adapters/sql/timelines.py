"""Timelines: pages of live posts, with the count of the timeline where it is not merged."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    not_,
    or_,
    select,
    true,
    union_all,
)

from hashpost.adapters.sql.hiding import (
    is_shown,
    is_shown_post,
    run_hiding,
    telling,
)
from hashpost.adapters.sql.rows import POST, post_columns, posts_of, slice_of
from hashpost.adapters.sql.statements import inline
from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.tallies import (
    LISTINGS,
    PAST_ALL,
    Listing,
    Measure,
    count,
    list_of,
    listed,
)
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.post import Post
from hashpost.domain.timeline import HashtagFilter, Slice, Stretch, Timeline

_IS_LIVE = posts.c.deleted_at.is_(None)

_DEPTH = 256
"""How many of its newest posts tell how rare a hashtag is."""


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


_OFFSET = _number("offset")


@cache
def _slice(kind: str, *, limit: int, levels: int | None, hiding: bool) -> Select[Any]:
    """A page and the count, in one statement: both are of one moment.

    It begins before a post, or after an offset: that is found by so many `levels` of marks, and
    walked to where there are none. The ids of the page come from an index alone, and the posts that
    are passed over are never read, unless some posts are hidden.

    The limit stands in the statement and not in a parameter (there are as many statements as sizes
    of pages): the planner then knows that a page is short. A page of unknown length it takes for a
    tenth of the timeline, and reads all posts to join it.
    """
    listing = LISTINGS[kind].hiding() if hiding else LISTINGS[kind]
    counted: FromClause = listing.counted().subquery("counted")
    if levels is None:
        found = _page(listing, limit, is_in=listing.key < _number("before"))
    elif levels == 0:
        found = _page_from(listing, limit, listing.newest().offset(_OFFSET))
    else:
        counted = listing.counted().cte("counted")
        found = _page_from(listing, limit, listing.after(_OFFSET, counted, levels=levels))
    total = select(count(counted).label("count")).subquery("total")
    # The outer join gives the count its row even where the page is empty.
    return (
        select(*post_columns(found), total.c.count, *telling(hiding=hiding))
        .select_from(total.outerjoin(found, true()))
        .order_by(found.c.id.desc())
    )


def _page_from(listing: Listing, limit: int, ids: Select[Any]) -> Subquery:
    """The posts from the first of these ids on, which is looked for by itself."""
    return _page(listing, limit, is_in=listing.key <= ids.limit(inline(1)).scalar_subquery())


def _page(listing: Listing, limit: int, *, is_in: ColumnElement[bool]) -> Subquery:
    """The newest posts of the list for which that holds; read as the index of their table goes."""
    if listing.key.table is posts:
        own = select(*posts.c).where(*listing.told, is_in)
        return own.order_by(posts.c.id.desc()).limit(inline(limit)).subquery("found")
    page = listing.newest().where(is_in).limit(inline(limit)).subquery("ids")
    return select(*posts.c).join_from(page, posts, posts.c.id == page.c.id).subquery("found")


@cache
def _oldest(limit: int, *, hiding: bool) -> Select[Any]:
    after = posts.c.id > bindparam("after")
    some = select(*POST, *telling(hiding=hiding)).where(_IS_LIVE, after)
    some = some.where(is_shown(posts.c.owner_id)) if hiding else some
    return some.order_by(posts.c.id).limit(inline(limit))


# Posts that a filter lets through are looked for in a list of candidates, which one index gives in
# the order of the page. Whether a candidate has some other hashtag is looked up in the primary key,
# by a scalar sub-select: that can be nothing but a look-up, where planners would turn a join or an
# EXISTS into reading all that the hashtag has.


def _between(post_id: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(post_id > _number("after"), post_id < _number("before"))


def _entries(name: str) -> Select[Any]:
    """The timeline of the hashtag of that parameter, newest first."""
    post_id = post_hashtags.c.post_id
    return (
        select(post_id.label("id"))
        .where(post_hashtags.c.name == bindparam(name), _between(post_id))
        .order_by(post_id.desc())
    )


def _live_posts() -> Select[Any]:
    return select(posts.c.id).where(_IS_LIVE, _between(posts.c.id)).order_by(posts.c.id.desc())


def _candidates(hashtags: int) -> Select[Any]:
    """The newest posts under any of so many hashtags, each once; of all posts if there are none.

    From each hashtag come no more than from all together, so that the work is bounded whatever the
    planner makes of it: PostgreSQL merges them as they come, SQLite sorts them.
    """
    look = _number("look")
    if hashtags == 0:
        return _live_posts().limit(look)
    arms = [_entries(f"of_{number}").limit(look) for number in range(hashtags)]
    if hashtags == 1:
        return arms[0]
    selects = (select(arm.subquery(f"arm_{number}")) for number, arm in enumerate(arms))
    merged = union_all(*selects).subquery("merged")
    return select(merged.c.id).distinct().order_by(merged.c.id.desc()).limit(look)


def _carries(post_id: ColumnElement[int], name: str) -> ColumnElement[bool]:
    """The condition that the post has the hashtag of that parameter."""
    entry = select(post_hashtags.c.post_id).where(
        post_hashtags.c.name == bindparam(name), post_hashtags.c.post_id == post_id
    )
    return entry.scalar_subquery().is_not(None)


@lru_cache(maxsize=256)
def _matching(*, of: int, any: int, all: int, none: int, hiding: bool) -> Select[Any]:
    """A page of the posts under any `of` so many hashtags that have, or have not, so many others.

    With each row, so that both are of one moment, come the number of candidates that were looked at
    and the last of them; in a row of their own where no post is found.
    """
    looked = _candidates(of).cte("looked")
    conditions = [_carries(looked.c.id, f"all_{number}") for number in range(all)]
    conditions += [not_(_carries(looked.c.id, f"none_{number}")) for number in range(none)]
    if any:
        conditions.append(or_(*(_carries(looked.c.id, f"any_{number}") for number in range(any))))
    if hiding:
        conditions.append(is_shown_post(looked.c.id))
    page = select(looked.c.id).where(*conditions).order_by(looked.c.id.desc())
    ids = page.limit(_number("limit")).offset(_number("offset")).subquery("ids")
    found = select(*posts.c).join_from(ids, posts, posts.c.id == ids.c.id).subquery("found")
    count, last = func.count().label("count"), func.min(looked.c.id).label("last")
    extent = select(count, last).select_from(looked).subquery("extent")
    return (
        select(*post_columns(found), extent.c.count, extent.c.last, *telling(hiding=hiding))
        .select_from(extent.outerjoin(found, true()))
        .order_by(found.c.id.desc())
    )


@cache
def _depths(hashtags: int) -> Select[Any]:
    """For each of so many hashtags the post that is its 256th, which tells how rare it is by now.

    Nothing for a hashtag that has fewer.
    """
    return select(
        *(
            _entries(f"of_{number}").limit(inline(1)).offset(inline(_DEPTH - 1)).scalar_subquery()
            for number in range(hashtags)
        )
    )


_COUNT_BELOW = select(func.count()).where(_IS_LIVE, posts.c.id < _number("below"))


@dataclass(frozen=True, slots=True)
class SqlTimelines:
    """Timelines, paged by their indexes."""

    run: Run
    measure: Measure = field(default_factory=Measure)

    async def at_offset(self, timeline: Timeline, *, offset: int, limit: int) -> Slice:
        """At most `limit` posts after the `offset` newest."""
        if offset == 0:
            return await self.before(timeline, post_id=PAST_ALL, limit=limit)
        kind, parameters = listed(list_of(timeline))
        forms = partial(_slice, kind, limit=limit, levels=self.measure.levels(offset))
        return slice_of(await run_hiding(self.run, forms, {**parameters, "offset": offset}))

    async def before(self, timeline: Timeline, *, post_id: int, limit: int) -> Slice:
        """At most `limit` posts whose ids are below `post_id`."""
        kind, parameters = listed(list_of(timeline))
        forms = partial(_slice, kind, limit=limit, levels=None)
        return slice_of(await run_hiding(self.run, forms, {**parameters, "before": post_id}))

    async def oldest(self, *, after: int, limit: int) -> Sequence[Post]:
        """At most `limit` live posts whose ids are above `after`."""
        rows = await run_hiding(self.run, partial(_oldest, limit), {"after": after})
        return posts_of(rows)

    async def matching(
        self,
        wanted: HashtagFilter,
        *,
        before: int | None,
        after: int,
        offset: int,
        limit: int,
        budget: int,
    ) -> Stretch:
        """Posts that the filter lets through, each once, newest first.

        At first a few candidates are looked at, and then, if these do not suffice, eight times as
        many, from the beginning: so that each answer is of one moment, costs what it needed, and
        not much more for the attempts before it.
        """
        reduced = wanted.reduced()
        if reduced is None:
            return Stretch(())
        bounds = {"after": after, "before": PAST_ALL if before is None else before}
        source = await self._rarest(reduced, bounds)
        parts = _parts(reduced, source)
        forms = partial(_matching, **{part: len(names) for part, names in parts.items()})
        parameters = {**_numbered(parts), **bounds, "offset": offset, "limit": limit}
        all_match = not (parts["any"] or parts["all"] or parts["none"])
        for look in _looks(offset + limit, budget=budget, all_match=all_match):
            rows = await run_hiding(self.run, forms, {**parameters, "look": look})
            looked, last = rows[0][len(POST) :][:2]
            found = posts_of(rows)
            if looked < look or len(found) == limit:
                return Stretch(found)
        return Stretch(found, last)

    async def _rarest(self, wanted: HashtagFilter, bounds: Mapping[str, int]) -> tuple[str, ...]:
        """The hashtags under any of which there are few posts, and all that can match."""
        sources: list[tuple[str, ...]] = [(name,) for name in sorted(wanted.all)]
        if wanted.any is not None:
            sources.append(tuple(sorted(wanted.any)))
        if len(sources) < 2:
            return sources[0] if sources else ()
        names = sorted({name for source in sources for name in source})
        (row,) = await self.run(_depths(len(names)), {**_numbered({"of": names}), **bounds})
        depths = {name: depth or 0 for name, depth in zip(names, row, strict=True)}
        # The farther back its 256th post is, the rarer it is.
        return min(sources, key=lambda source: max(depths[name] for name in source))

    async def count_below(self, post_id: int) -> int:
        """How many live posts have ids below that."""
        ((count,),) = await self.run(_COUNT_BELOW, {"below": post_id})
        return int(count)


def _parts(wanted: HashtagFilter, source: tuple[str, ...]) -> dict[str, list[str]]:
    """The hashtags of each part of the statement that looks among the posts of the source."""
    # Repeated names change nothing, and so there are few statements.
    repeated = source[-1:] * (_rounded(len(source)) - len(source))
    return {
        "of": [*source, *repeated],
        "any": sorted((wanted.any or frozenset()).difference(source)),
        "all": sorted(wanted.all.difference(source)),
        "none": sorted(wanted.none),
    }


def _numbered(parts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The parameters for these hashtags."""
    return {
        f"{part}_{number}": name
        for part, names in parts.items()
        for number, name in enumerate(names)
    }


def _looks(reach: int, *, budget: int, all_match: bool) -> Iterator[int]:
    """At how many candidates to look, time after time, for an answer that reaches so far."""
    look = reach if all_match else 2 * reach
    while look < budget:
        yield look
        look *= 8
    yield budget


def _rounded(number: int) -> int:
    """The number or a little more: one of 1, 2, 4, 8, and from there on every eighth."""
    return -(-number // 8) * 8 if number > 4 else 1 << (number - 1).bit_length()
