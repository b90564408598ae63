"""What hashtags are used."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union,
    union_all,
)

from hashpost.adapters.sql.hiding import is_shown, is_shown_among_many, run_hiding, telling
from hashpost.adapters.sql.statements import inline, is_among
from hashpost.adapters.sql.tables import changes, is_of_hashtag, post_hashtags, posts, tallies
from hashpost.adapters.sql.tallies import (
    ALL_HASHTAGS,
    FOLDED,
    is_after_watermark,
    of_hashtag,
    total,
)
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.popularity import HashtagCount
from hashpost.domain.trend import Usage

_COUNT = func.count()

# A range of the primary key. No name has U+10FFFF in it, which is no character and sorts behind
# all that are: `prefix` with it behind comes after every name that begins with the prefix and,
# since names are in the order of code points, before every other that comes after the prefix.
_LAST = "\U0010ffff"


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


_OF_HASHTAG = of_hashtag(post_hashtags.c.name)


def _recounted(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Each name with its count, from its entries; the one way where posts are hidden."""
    is_shown = is_shown_among_many(post_hashtags.c.post_id)
    counted = select(post_hashtags.c.name, _COUNT).where(is_shown, *conditions)
    return counted.group_by(post_hashtags.c.name)


def _lately() -> CTE:
    """By how much the lists of hashtags differ from their tallies."""
    entered = select(_OF_HASHTAG.label("list"), _COUNT.label("delta"))
    entered = entered.where(is_after_watermark(post_hashtags.c.post_id)).group_by(
        post_hashtags.c.name
    )
    changed = select(changes.c.list, changes.c.delta)
    changed = changed.where(changes.c.list.between(*ALL_HASHTAGS), changes.c.post_id <= FOLDED)
    both = union_all(entered, changed).subquery("both")
    delta = total(both.c.delta).label("delta")
    return select(both.c.list, delta).group_by(both.c.list).cte("lately")


def _ranked(candidates: CompoundSelect[Any], lately: CTE) -> Select[Any]:
    """The candidates, each with its count, most used first."""
    each = candidates.subquery("each")
    count = each.c.live + func.coalesce(lately.c.delta, inline(0))
    return (
        select(func.substr(each.c.list, inline(2)), count.label("count"), *telling(hiding=False))
        .select_from(each.outerjoin(lately, lately.c.list == each.c.list))
        .where(count > inline(0))
        .order_by(count.desc(), each.c.list)
        .limit(_number("limit"))
    )


def _touched(lately: CTE) -> Select[Any]:
    """What differs from its tally, with that."""
    live = select(tallies.c.live).where(tallies.c.list == lately.c.list).scalar_subquery()
    return select(lately.c.list, func.coalesce(live, inline(0)).label("live"))


@cache
def _popular(*, hiding: bool) -> Select[Any]:
    """The most used by their tallies, and whatever differs from its tally.

    Of the former so many more than are wanted as have lost something since: the others are right.
    """
    if hiding:
        counted = _recounted()
        return counted.order_by(_COUNT.desc(), post_hashtags.c.name).limit(_number("limit"))
    lately = _lately()
    fewer = select(_COUNT).where(lately.c.delta < inline(0)).scalar_subquery()
    best = (
        select(tallies.c.list, tallies.c.live)
        .where(is_of_hashtag)
        .order_by(tallies.c.live.desc(), tallies.c.list)
        .limit(_number("limit") + fewer)
        .subquery("best")
    )
    return _ranked(union(select(best), _touched(lately)), lately)


@cache
def _completions(*, hiding: bool) -> Select[Any]:
    if hiding:
        name = post_hashtags.c.name
        counted = _recounted(name >= bindparam("prefix"), name <= bindparam("last"))
        return counted.order_by(_COUNT.desc(), name).limit(_number("limit"))

    def begins_so(name: ColumnElement[str]) -> ColumnElement[bool]:
        first, last = (of_hashtag(bindparam(end, type_=Text)) for end in ("prefix", "last"))
        return and_(name >= first, name <= last)

    lately = _lately()
    tallied = select(tallies.c.list, tallies.c.live).where(begins_so(tallies.c.list))
    touched = _touched(lately).where(begins_so(lately.c.list))
    return _ranked(union(tallied, touched), lately)


@cache
def _counts(*, hiding: bool) -> Select[Any]:
    is_one = is_among(post_hashtags.c.name, "names")
    if hiding:
        return _recounted(is_one)
    tallied = select(tallies.c.list, tallies.c.live.label("count")).where(
        is_among(tallies.c.list, "lists")
    )
    entered = select(_OF_HASHTAG, inline(1)).where(
        is_one, is_after_watermark(post_hashtags.c.post_id)
    )
    changed = select(changes.c.list, changes.c.delta)
    changed = changed.where(is_among(changes.c.list, "lists"), changes.c.post_id <= FOLDED)
    parts = union_all(tallied, entered, changed).subquery("parts")
    name = func.substr(parts.c.list, inline(2))
    return select(name, total(parts.c.count), *telling(hiding=False)).group_by(parts.c.list)


def _written_on(day: str, *, hiding: bool) -> Select[Any]:
    """Who wrote what on one of the two days, with a one for that day.

    Bounded on both sides of the join: either is read by an index over ids.
    """
    start: ColumnElement[int] = bindparam(f"{day}_start", type_=BigInteger)
    end: ColumnElement[int] = bindparam(f"{day}_end", type_=BigInteger)
    today, yesterday = (
        literal_column(str(int(day == each)), Integer).label(each)
        for each in ("today", "yesterday")
    )
    written = (
        select(post_hashtags.c.name, posts.c.owner_id, today, yesterday)
        .join_from(post_hashtags, posts, posts.c.id == post_hashtags.c.post_id)
        .where(post_hashtags.c.post_id >= start, post_hashtags.c.post_id < end)
        .where(posts.c.id >= start, posts.c.id < end)
    )
    return written.where(is_shown(posts.c.owner_id)) if hiding else written


@cache
def _usage(*, hiding: bool) -> Select[Any]:
    # A union, so that each user counts once for a name and a day.
    days = (_written_on(day, hiding=hiding) for day in ("today", "yesterday"))
    written = union(*days).subquery("written")
    users_today, users_yesterday = func.sum(written.c.today), func.sum(written.c.yesterday)
    return (
        select(written.c.name, users_today, users_yesterday, *telling(hiding=hiding))
        .group_by(written.c.name)
        .having(
            or_(
                bindparam("least") <= users_today,
                is_among(written.c.name, "names"),
            )
        )
    )


@dataclass(frozen=True, slots=True)
class SqlHashtags:
    """Hashtags, counted by their entries in timelines."""

    run: Run

    async def popular(self, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags, ties by name in code-point order."""
        rows = await run_hiding(self.run, _popular, {"limit": limit})
        return [HashtagCount(row[0], row[1]) for row in rows]

    async def completions(self, prefix: str, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags whose names begin with the prefix."""
        values = {"prefix": prefix, "last": prefix + _LAST, "limit": limit}
        rows = await run_hiding(self.run, _completions, values)
        return [HashtagCount(row[0], row[1]) for row in rows]

    async def counts(self, names: Collection[str]) -> Mapping[str, int]:
        """The number of live posts under each of the hashtags that has any."""
        lists = [f"#{name}" for name in names]
        rows = await run_hiding(self.run, _counts, {"names": sorted(names), "lists": lists})
        return {row[0]: row[1] for row in rows}

    async def usage(
        self,
        *,
        today: tuple[int, int],
        yesterday: tuple[int, int],
        names: Collection[str],
        least: int,
    ) -> Sequence[Usage]:
        """By how many different users hashtags were written in live posts of two days."""
        days = {"today": today, "yesterday": yesterday}
        bounds = {
            f"{day}_{end}": bound
            for day, ids in days.items()
            for end, bound in zip(("start", "end"), ids, strict=True)
        }
        parameters = {**bounds, "least": least, "names": sorted(names)}
        rows = await run_hiding(self.run, _usage, parameters)
        found = [Usage(*row[:3]) for row in rows]
        unused = set(names) - {usage.name for usage in found}
        return found + [Usage(name, 0, 0) for name in sorted(unused)]
