"""When periodic jobs run."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from hashpost.adapters.sql.rows import SCHEDULE, schedule_of, schedule_values
from hashpost.adapters.sql.statements import insert_new
from hashpost.adapters.sql.tables import schedules
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.schedule import Schedule

_ALL = select(*SCHEDULE).order_by(schedules.c.job)
_ADD = insert_new(schedules)
_FOR_CHANGE = (
    select(*SCHEDULE).where(schedules.c.job == bindparam("job")).with_for_update(of=schedules)
)
_SAVE = (
    update(schedules)
    .where(schedules.c.job == bindparam("of_job"))
    .values({column: bindparam(column.name) for column in schedules.c if column.name != "job"})
)


@dataclass(frozen=True, slots=True)
class SqlSchedules:
    """Schedules, each one row."""

    run: Run

    async def all(self) -> Sequence[Schedule]:
        """All schedules, by job."""
        return [schedule_of(row) for row in await self.run(_ALL)]

    async def add_missing(self, schedules: Sequence[Schedule]) -> None:
        """Keep those whose jobs have none yet."""
        ordered = sorted(schedules, key=lambda schedule: schedule.job)
        if ordered:
            await self.run(_ADD, [schedule_values(schedule) for schedule in ordered])

    async def for_change(self, job: str) -> Schedule | None:
        """The schedule of the job, its row locked until the end."""
        rows = await self.run(_FOR_CHANGE, {"job": job})
        return schedule_of(rows[0]) if rows else None

    async def save(self, schedule: Schedule) -> None:
        """Keep the next state of a schedule."""
        values = schedule_values(schedule)
        await self.run(_SAVE, {"of_job": values.pop("job"), **values})
