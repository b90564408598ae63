"""What hashtags are used."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union,
)

from hashpost.adapters.sql.hiding import is_shown, is_shown_among_many, run_hiding, telling
from hashpost.adapters.sql.statements import is_among
from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.popularity import HashtagCount
from hashpost.domain.trend import Usage

# Counted anew each time, from the primary key alone, which holds live posts only.
_COUNT = func.count()

# A range of the primary key. No name has U+10FFFF in it, which is no character and sorts behind
# all that are: `prefix` with it behind comes after every name that begins with the prefix and,
# since names are in the order of code points, before every other that comes after the prefix.
_LAST = "\U0010ffff"


@cache
def _counted(*, hiding: bool) -> Select[Any]:
    """Each name with its count."""
    counted = select(post_hashtags.c.name, _COUNT, *telling(hiding=hiding))
    if hiding:
        counted = counted.where(is_shown_among_many(post_hashtags.c.post_id))
    return counted.group_by(post_hashtags.c.name)


@cache
def _popular(*, hiding: bool) -> Select[Any]:
    counted = _counted(hiding=hiding)
    return counted.order_by(_COUNT.desc(), post_hashtags.c.name).limit(bindparam("limit"))


@cache
def _completions(*, hiding: bool) -> Select[Any]:
    name = post_hashtags.c.name
    begins_so = (name >= bindparam("prefix"), name <= bindparam("last"))
    counted = _counted(hiding=hiding).where(*begins_so)
    return counted.order_by(_COUNT.desc(), name).limit(bindparam("limit"))


@cache
def _counts(*, hiding: bool) -> Select[Any]:
    is_one = is_among(post_hashtags.c.name, "names")
    return _counted(hiding=hiding).where(is_one)


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
        return [HashtagCount(*row) for row in rows]

    async def completions(self, prefix: str, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags whose names begin with the prefix."""
        values = {"prefix": prefix, "last": prefix + _LAST, "limit": limit}
        rows = await run_hiding(self.run, _completions, values)
        return [HashtagCount(*row) for row in rows]

    async def counts(self, names: Collection[str]) -> Mapping[str, int]:
        """The number of live posts under each of the hashtags that has any."""
        rows = await run_hiding(self.run, _counts, {"names": sorted(names)})
        return dict(tuple(row) for row in rows)

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
        found = [Usage(name, users, users_before) for name, users, users_before in rows]
        unused = set(names) - {usage.name for usage in found}
        return found + [Usage(name, 0, 0) for name in sorted(unused)]
