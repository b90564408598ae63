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

from hashpost.adapters.sql.hiding import (
    HIDDEN_ID,
    IS_HIDDEN,
    hidden,
    is_shown,
    is_shown_post,
    run_hiding,
    telling,
)
from hashpost.adapters.sql.statements import inline, is_among
from hashpost.adapters.sql.tables import changes, is_of_hashtag, post_hashtags, posts, tallies
from hashpost.adapters.sql.tallies import (
    ALL_HASHTAGS,
    FOLDED,
    PENDING,
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


def _entered(count: ColumnElement[int], *, hiding: bool) -> Select[str, int]:
    """The lists of hashtags into which something came after the watermark."""
    entered = select(_OF_HASHTAG.label("list"), count.label("delta"))
    entered = entered.where(is_after_watermark(post_hashtags.c.post_id))
    return entered.where(is_shown_post(post_hashtags.c.post_id)) if hiding else entered


def _hidden(count: ColumnElement[int]) -> Select[str, int]:
    """The lists of hashtags in which something is hidden that came before: changes of -1."""
    taken_off = select(_OF_HASHTAG.label("list"), (-count).label("delta"))
    taken_off = taken_off.join_from(hidden, post_hashtags, post_hashtags.c.post_id == hidden.c.id)
    return taken_off.where(IS_HIDDEN, HIDDEN_ID <= FOLDED)


def _lately(*, hiding: bool) -> CTE:
    """By how much the lists of hashtags differ from their tallies."""
    parts = [_entered(_COUNT, hiding=hiding), *([_hidden(_COUNT)] if hiding else [])]
    grouped = [part.group_by(post_hashtags.c.name) for part in parts]
    changed = select(changes.c.list, changes.c.delta)
    changed = changed.where(changes.c.list.between(*ALL_HASHTAGS), *PENDING)
    all_parts = union_all(*grouped, changed).subquery("parts")
    delta = total(all_parts.c.delta).label("delta")
    return select(all_parts.c.list, delta).group_by(all_parts.c.list).cte("lately")


def _ranked(candidates: CompoundSelect[Any], lately: CTE, *, hiding: bool) -> Select[Any]:
    """The candidates, each with its count, most used first."""
    each = candidates.subquery("each")
    count = each.c.live + func.coalesce(lately.c.delta, inline(0))
    return (
        select(func.substr(each.c.list, inline(2)), count.label("count"), *telling(hiding=hiding))
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
    lately = _lately(hiding=hiding)
    fewer = select(_COUNT).where(lately.c.delta < inline(0)).scalar_subquery()
    best = (
        select(tallies.c.list, tallies.c.live)
        .where(is_of_hashtag)
        .order_by(tallies.c.live.desc(), tallies.c.list)
        .limit(_number("limit") + fewer)
        .subquery("best")
    )
    return _ranked(union(select(best), _touched(lately)), lately, hiding=hiding)


@cache
def _completions(*, hiding: bool) -> Select[Any]:
    def begins_so(name: ColumnElement[str]) -> ColumnElement[bool]:
        first, last = (of_hashtag(bindparam(end, type_=Text)) for end in ("prefix", "last"))
        return and_(name >= first, name <= last)

    lately = _lately(hiding=hiding)
    tallied = select(tallies.c.list, tallies.c.live).where(begins_so(tallies.c.list))
    touched = _touched(lately).where(begins_so(lately.c.list))
    return _ranked(union(tallied, touched), lately, hiding=hiding)


@cache
def _counts(*, hiding: bool) -> Select[Any]:
    is_one = is_among(post_hashtags.c.name, "names")
    tallied = select(tallies.c.list, tallies.c.live.label("count")).where(
        is_among(tallies.c.list, "lists")
    )
    counted = [_entered(inline(1), hiding=hiding).where(is_one)]
    if hiding:
        # By the names of lists, which no index has: the few posts that are hidden come first.
        counted.append(_hidden(inline(1)).where(is_among(_OF_HASHTAG, "lists")))
    changed = select(changes.c.list, changes.c.delta)
    changed = changed.where(is_among(changes.c.list, "lists"), *PENDING)
    each = union_all(tallied, *counted, changed).subquery("each")
    name = func.substr(each.c.list, inline(2))
    return select(name, total(each.c.count), *telling(hiding=hiding)).group_by(each.c.list)


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
