"""When periodic jobs run, and seeing to it that each slot is run once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hashpost.application import periodic
from hashpost.application.messages import Outgoing
from hashpost.application.ports import Clock, CronTimes, Storage, TaskQueue
from hashpost.domain.errors import FieldError, ScheduleNotFound, require
from hashpost.domain.ids import first_id_at
from hashpost.domain.message import Argument
from hashpost.domain.schedule import Schedule


@dataclass(frozen=True, slots=True)
class PlannedSchedule:
    """A schedule, and when its job runs next; None when it is disabled or will never run."""

    schedule: Schedule
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment for which a periodic job was planned."""

    job: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EnsureSchedules:
    """Keep a schedule for every periodic job that has none yet, as it is by default."""

    storage: Storage
    clock: Clock

    async def __call__(self) -> None:
        """Keep them. Those that are there already stay as they are.

        Raises:
            Unavailable: the storage is away.
        """
        now = self.clock()
        schedules = [
            Schedule(
                job=each.job,
                cron=each.cron,
                is_enabled=each.is_enabled,
                since=now,
                arguments=each.arguments,
            )
            for each in periodic.DEFAULTS
        ]
        async with self.storage.transaction() as tx:
            await tx.schedules.add_missing(schedules)


@dataclass(frozen=True, slots=True)
class PlanSlots:
    """Tell the slots whose time has come and that nobody has claimed.

    Of those that a job has missed, only the latest: what is late is run once.
    """

    storage: Storage
    clock: Clock
    cron: CronTimes

    async def __call__(self) -> Sequence[Slot]:
        """The slots, at most one for each job.

        Raises:
            Unavailable: the storage is away.
        """
        now, slots = self.clock(), []
        async with self.storage.reading() as reading:
            for schedule in await reading.schedules.all():
                latest = self.cron.latest(schedule.cron, at=now) if schedule.is_enabled else None
                if latest is None or latest <= schedule.since:
                    continue
                if not await reading.messages.has_slot(schedule.job, latest):
                    slots.append(Slot(schedule.job, latest))
        return slots


@dataclass(frozen=True, slots=True)
class ClaimSlot:
    """Claim a slot of a periodic job, and have the job run for it.

    Of any number who try, one gets it; a slot that has ever been claimed is not free any more.
    """

    storage: Storage
    outgoing: Outgoing

    async def __call__(self, slot: Slot) -> int | None:
        """The id of the message that runs it; None when it is somebody else's, or not wanted.

        Raises:
            Unavailable: the storage is away.
        """
        async with self.storage.transaction() as tx:
            schedule = await tx.schedules.for_change(slot.job)
            if schedule is None or not schedule.is_enabled or slot.at <= schedule.since:
                return None
            return await self.outgoing.add_slot(tx, slot.job, slot.at, schedule.arguments)


@dataclass(frozen=True, slots=True)
class ListSchedules:
    """List all periodic jobs."""

    storage: Storage
    clock: Clock
    cron: CronTimes

    async def __call__(self) -> Sequence[PlannedSchedule]:
        """Every schedule, by job.

        Raises:
            Unavailable: the storage is away.
        """
        now = self.clock()
        async with self.storage.reading() as reading:
            schedules = await reading.schedules.all()
        return [
            PlannedSchedule(
                each, self.cron.following(each.cron, at=now) if each.is_enabled else None
            )
            for each in schedules
        ]


@dataclass(frozen=True, slots=True)
class ChangeSchedule:
    """Switch a periodic job on or off, move it, or give it other arguments. It holds at once."""

    storage: Storage
    clock: Clock
    cron: CronTimes

    async def __call__(
        self,
        job: str,
        *,
        enabled: bool | None = None,
        cron: str | None = None,
        arguments: Mapping[str, Argument] | None = None,
    ) -> Schedule:
        """The schedule as it is now; what is None stays as it was.

        Raises:
            ScheduleNotFound: there is no such job.
            InvalidInput: not a cron expression, an argument that the job does not have or that is
                out of its range.
        """
        now = self.clock()
        async with self.storage.transaction() as tx:
            schedule = await tx.schedules.for_change(job)
            if schedule is None:
                raise ScheduleNotFound(f"There is no schedule called {job}")
            require(self._cron_faults(cron), schedule.argument_faults(arguments or {}))
            if cron is not None:
                schedule = schedule.moved(cron, at=now)
            if arguments:
                schedule = schedule.told(arguments)
            if enabled is not None:
                schedule = schedule.switched(on=enabled, at=now)
            await tx.schedules.save(schedule)
        return schedule

    def _cron_faults(self, cron: str | None) -> Sequence[FieldError]:
        try:
            if cron is not None:
                self.cron.check(cron)
        except ValueError as error:
            return [FieldError("cron", str(error))]
        return ()


@dataclass(frozen=True, slots=True)
class RunSchedule:
    """Run a periodic job now, whether or not it is enabled, besides its slots."""

    storage: Storage
    outgoing: Outgoing
    queue: TaskQueue

    async def __call__(self, job: str) -> int:
        """The id of the message.

        Raises:
            ScheduleNotFound: there is no such job.
        """
        async with self.storage.transaction() as tx:
            schedule = await tx.schedules.for_change(job)
            if schedule is None:
                raise ScheduleNotFound(f"There is no schedule called {job}")
            message_id = await self.outgoing.add(tx, job, **schedule.arguments)
        self.queue.wake([message_id])
        return message_id


@dataclass(frozen=True, slots=True)
class CountOldPosts:
    """Count the live posts that `delete-old-posts` would delete, before it is switched on."""

    storage: Storage
    clock: Clock

    async def __call__(self, *, days: int) -> int:
        """How many are older than that many days."""
        below = first_id_at(self.clock() - timedelta(days=days))
        async with self.storage.reading() as reading:
            return await reading.timelines.count_below(below)
