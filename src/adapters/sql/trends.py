"""The hashtags that were found to be trending."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql

from hashpost.adapters.sql.rows import TREND, trend_of, trend_values
from hashpost.adapters.sql.tables import trends
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.trend import Trend

_IS_HASHTAG = trends.c.name != ""
_ALL = select(*TREND).where(_IS_HASHTAG).order_by(trends.c.name)

# Whoever replaces the trends makes this row, or changes it to what it is: it is locked then, and
# the next one waits, whatever trends there are or will be. Without it two at once, with different
# ones, would both delete what they see, which is not what the other is about to add. An advisory
# lock would do as well, but only on PostgreSQL.
_LOCK = postgresql.insert(trends).values(
    name="", users_today=0, users_yesterday=0, peak=0.0, peaked_at=0
)
_LOCK = _LOCK.on_conflict_do_update(
    index_elements=[trends.c.name], set_={"peaked_at": _LOCK.excluded.peaked_at}
)
_REMOVE = delete(trends).where(_IS_HASHTAG)
_ADD = insert(trends)


@dataclass(frozen=True, slots=True)
class SqlTrends:
    """Trends, each one row."""

    run: Run

    async def all(self) -> Sequence[Trend]:
        """All of them, by name."""
        return [trend_of(row) for row in await self.run(_ALL)]

    async def replace(self, trends: Sequence[Trend]) -> None:
        """Keep these only; of two at once, one comes after the other."""
        await self.run(_LOCK)
        await self.run(_REMOVE)
        if trends:
            await self.run(_ADD, [trend_values(trend) for trend in trends])
