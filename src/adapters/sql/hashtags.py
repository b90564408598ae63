"""What hashtags are used."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from hashpost.adapters.sql.tables import post_hashtags
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.popularity import HashtagCount

# Counted anew each time, from the primary key alone, which holds live posts only.
_COUNT = func.count()
_POPULAR = (
    select(post_hashtags.c.name, _COUNT)
    .group_by(post_hashtags.c.name)
    .order_by(_COUNT.desc(), post_hashtags.c.name)
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class SqlHashtags:
    """Hashtags, counted by their entries in timelines."""

    run: Run

    async def popular(self, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags, ties by name in code-point order."""
        return [HashtagCount(*row) for row in await self.run(_POPULAR, {"limit": limit})]
