"""What a keeper of schedules must do."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from hashpost.application.ports import Storage
from hashpost.domain.schedule import Schedule
from hashpost.testing.builders import a_schedule


async def schedules(storage: Storage) -> list[Schedule]:
    """All of them."""
    async with storage.reading() as reading:
        return list(await reading.schedules.all())


async def keep_missing(storage: Storage, *missing: Schedule) -> None:
    """Keep those whose jobs have no schedule."""
    async with storage.transaction() as tx:
        await tx.schedules.add_missing(missing)


class SchedulesContract:
    """The port `Schedules`. Fixture: `storage`, empty."""

    async def test_there_are_none_at_first(self, storage: Storage) -> None:
        assert await schedules(storage) == []
        async with storage.transaction() as tx:
            assert await tx.schedules.for_change("job") is None

    async def test_schedules_are_listed_by_job_as_they_were_kept(self, storage: Storage) -> None:
        plain = a_schedule("b-job")
        upper = a_schedule("Z", cron="*/5 0-7 1,15 * mon")
        disabled = replace(
            a_schedule("a", arguments={"days": 365, "é": "字", "yes": True, "none": None}),
            is_enabled=False,
        )

        await keep_missing(storage, plain, upper, disabled)

        assert await schedules(storage) == [upper, disabled, plain]
        async with storage.transaction() as tx:
            assert await tx.schedules.for_change("a") == disabled

    async def test_a_schedule_that_is_there_stays_as_it_is(self, storage: Storage) -> None:
        first, again, other = a_schedule("job"), a_schedule("job", cron="* * * * *"), a_schedule()
        await keep_missing(storage, first)

        await keep_missing(storage, again, other)
        await keep_missing(storage)

        assert await schedules(storage) == [first, other]

    async def test_the_next_state_of_a_schedule_is_kept(self, storage: Storage) -> None:
        before, other = a_schedule("job", arguments={"days": 1}), a_schedule("other")
        await keep_missing(storage, before, other)
        later = before.since + timedelta(hours=1)
        after = before.moved("0 0 1 1 *", at=later).told({"days": 2}).switched(on=False, at=later)

        async with storage.transaction() as tx:
            assert await tx.schedules.for_change("job") == before
            await tx.schedules.save(after)

        assert await schedules(storage) == [after, other]

    async def test_of_twenty_who_change_a_schedule_at_once_none_is_lost(
        self, storage: Storage
    ) -> None:
        await keep_missing(storage, a_schedule("job", arguments={"days": 0}))

        async def count() -> None:
            async with storage.transaction() as tx:
                schedule = await tx.schedules.for_change("job")
                assert schedule is not None
                await asyncio.sleep(0)
                days = int(schedule.arguments["days"] or 0)
                await tx.schedules.save(schedule.told({"days": days + 1}))

        await asyncio.gather(*(count() for _ in range(20)))

        assert [schedule.arguments for schedule in await schedules(storage)] == [{"days": 20}]

    async def test_of_many_who_keep_schedules_at_once_one_keeps_each(
        self, storage: Storage
    ) -> None:
        jobs = [f"job_{number}" for number in range(9)]
        sets = [[a_schedule(job) for job in order] for order in (jobs, jobs[::-1]) * 5]

        await asyncio.gather(*(keep_missing(storage, *each) for each in sets))

        kept = await schedules(storage)
        assert [schedule.job for schedule in kept] == jobs
        assert all(any(schedule in each for each in sets) for schedule in kept)
