"""What hashtags are used."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
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

from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.popularity import HashtagCount
from hashpost.domain.trend import Usage

# Counted anew each time, from the primary key alone, which holds live posts only.
_COUNT = func.count()
_POPULAR = (
    select(post_hashtags.c.name, _COUNT)
    .group_by(post_hashtags.c.name)
    .order_by(_COUNT.desc(), post_hashtags.c.name)
    .limit(bindparam("limit"))
)
# A range of the primary key. No name has U+10FFFF in it, which is no character and sorts behind
# all that are: `prefix` with it behind comes after every name that begins with the prefix and,
# since names are in the order of code points, before every other that comes after the prefix.
_LAST = "\U0010ffff"
_COMPLETIONS = (
    select(post_hashtags.c.name, _COUNT)
    .where(post_hashtags.c.name >= bindparam("prefix"))
    .where(post_hashtags.c.name <= bindparam("last"))
    .group_by(post_hashtags.c.name)
    .order_by(_COUNT.desc(), post_hashtags.c.name)
    .limit(bindparam("limit"))
)
_COUNTS = (
    select(post_hashtags.c.name, _COUNT)
    .where(post_hashtags.c.name.in_(bindparam("names", expanding=True)))
    .group_by(post_hashtags.c.name)
)


def _written_on(day: str) -> Select[Any]:
    """Who wrote what on one of the two days, with a one for that day.

    Bounded on both sides of the join: either is read by an index over ids.
    """
    start: ColumnElement[int] = bindparam(f"{day}_start", type_=BigInteger)
    end: ColumnElement[int] = bindparam(f"{day}_end", type_=BigInteger)
    today, yesterday = (
        literal_column(str(int(day == each)), Integer).label(each)
        for each in ("today", "yesterday")
    )
    return (
        select(post_hashtags.c.name, posts.c.owner_id, today, yesterday)
        .join_from(post_hashtags, posts, posts.c.id == post_hashtags.c.post_id)
        .where(post_hashtags.c.post_id >= start, post_hashtags.c.post_id < end)
        .where(posts.c.id >= start, posts.c.id < end)
    )


# A union, so that each user counts once for a name and a day.
_WRITTEN = union(_written_on("today"), _written_on("yesterday")).subquery("written")
_TODAY, _YESTERDAY = func.sum(_WRITTEN.c.today), func.sum(_WRITTEN.c.yesterday)
_USAGE = (
    select(_WRITTEN.c.name, _TODAY, _YESTERDAY)
    .group_by(_WRITTEN.c.name)
    .having(
        or_(
            bindparam("least") <= _TODAY,
            _WRITTEN.c.name.in_(bindparam("names", expanding=True)),
        )
    )
)


@dataclass(frozen=True, slots=True)
class SqlHashtags:
    """Hashtags, counted by their entries in timelines."""

    run: Run

    async def popular(self, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags, ties by name in code-point order."""
        return [HashtagCount(*row) for row in await self.run(_POPULAR, {"limit": limit})]

    async def completions(self, prefix: str, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags whose names begin with the prefix."""
        values = {"prefix": prefix, "last": prefix + _LAST, "limit": limit}
        return [HashtagCount(*row) for row in await self.run(_COMPLETIONS, values)]

    async def counts(self, names: Collection[str]) -> Mapping[str, int]:
        """The number of live posts under each of the hashtags that has any."""
        rows = await self.run(_COUNTS, {"names": sorted(names)})
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
        rows = await self.run(_USAGE, {**bounds, "least": least, "names": sorted(names)})
        found = [Usage(name, users, users_before) for name, users, users_before in rows]
        unused = set(names) - {usage.name for usage in found}
        return found + [Usage(name, 0, 0) for name in sorted(unused)]
