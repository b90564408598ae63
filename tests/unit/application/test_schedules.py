"""Each slot of a periodic job is run once, whatever happens to clocks and schedulers."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hashpost.application.schedules import Slot
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidInput, ScheduleNotFound
from hashpost.domain.message import State
from hashpost.testing.clock import START, ManualClock
from tests.services import ListedQueue

TRENDS = "score-trends"
FIRST = datetime(2026, 11, 22, 6, 25, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def schedules(service: Service) -> None:
    await service.ensure_schedules()


async def only(service: Service, job: str, *, cron: str = "*/5 * * * *") -> None:
    """Switch off all others."""
    for each in await service.list_schedules():
        await service.change_schedule(each.schedule.job, enabled=each.schedule.job == job)
    await service.change_schedule(job, cron=cron)


async def slots(service: Service, job: str) -> list[datetime | None]:
    return [message.slot for message in await service.list_messages(job=job)]


async def schedule_once(service: Service) -> list[int | None]:
    return [await service.claim_slot(slot) for slot in await service.plan_slots()]


async def test_every_job_has_a_schedule_and_the_one_that_deletes_posts_is_off(
    service: Service,
) -> None:
    planned = {each.schedule.job: each for each in await service.list_schedules()}

    assert list(planned) == sorted(planned)
    assert set(planned) <= set(service.run_message.jobs)
    assert [job for job, each in planned.items() if not each.schedule.is_enabled] == [
        "delete-old-posts"
    ]
    assert planned["delete-old-posts"].schedule.arguments == {"days": 365}
    assert planned["delete-old-posts"].next_at is None
    assert planned[TRENDS].next_at == FIRST


async def test_what_an_operator_has_changed_stays_changed(service: Service) -> None:
    await service.change_schedule(TRENDS, cron="0 0 1 1 *", enabled=False)

    await service.ensure_schedules()

    (trends,) = [
        each.schedule for each in await service.list_schedules() if each.schedule.job == TRENDS
    ]
    assert (trends.cron, trends.is_enabled) == ("0 0 1 1 *", False)


async def test_nothing_was_missed_before_a_schedule_was_there(service: Service) -> None:
    assert list(await service.plan_slots()) == []


async def test_a_slot_is_planned_when_its_time_has_come_and_until_it_is_claimed(
    service: Service, clock: ManualClock
) -> None:
    await only(service, TRENDS)
    clock.now = FIRST - timedelta(milliseconds=1)
    before = await service.plan_slots()
    clock.now = FIRST

    planned = await service.plan_slots()
    claimed = [await service.claim_slot(slot) for slot in planned]

    assert list(before) == []
    assert list(planned) == [Slot(TRENDS, FIRST)]
    assert claimed[0] is not None
    assert list(await service.plan_slots()) == []
    assert await service.claim_slot(planned[0]) is None
    attempt = await service.run_message(claimed[0])
    assert attempt is not None
    assert attempt.message.state is State.DONE


async def test_of_many_schedulers_one_claims_a_slot(service: Service, clock: ManualClock) -> None:
    await only(service, TRENDS)
    clock.now = FIRST

    claimed = await asyncio.gather(*(schedule_once(service) for _ in range(3)))

    assert [ids for ids in claimed if ids and ids[0] is not None] != []
    assert await slots(service, TRENDS) == [FIRST]


async def test_of_missed_slots_the_latest_is_run_late(service: Service, clock: ManualClock) -> None:
    await only(service, TRENDS)
    clock.now = FIRST + timedelta(hours=3, minutes=3)

    await schedule_once(service)

    assert await slots(service, TRENDS) == [FIRST + timedelta(hours=3)]


async def test_a_clock_that_jumps_runs_no_slot_twice(service: Service, clock: ManualClock) -> None:
    await only(service, TRENDS)
    jumps = [0, 60, -30, 5, -5, 60 * 24 * 365, -60 * 24 * 365, 5, 5]

    clock.now = FIRST
    for minutes in jumps:
        clock.advance(minutes=minutes)
        await schedule_once(service)
        await schedule_once(service)

    run = await slots(service, TRENDS)
    at = FIRST
    visited = set()
    for minutes in jumps:
        at += timedelta(minutes=minutes)
        visited.add(at)
    assert len(run) == len(set(run))
    assert set(run) == visited


async def test_a_slot_is_not_run_again_after_its_message_was_purged(
    service: Service, clock: ManualClock
) -> None:
    await only(service, TRENDS, cron="0 0 1 * *")
    clock.now = datetime(2026, 12, 1, tzinfo=UTC)
    (message_id,) = await schedule_once(service)
    assert message_id is not None
    await service.run_message(message_id)

    for _ in range(29):
        clock.advance(days=1)
        await service.purge_messages(state=State.DONE, older_than=timedelta(0))

    assert list(await service.plan_slots()) == []


async def test_a_schedule_that_is_off_plans_and_claims_nothing(
    service: Service, clock: ManualClock
) -> None:
    await only(service, TRENDS)
    clock.now = FIRST
    planned = await service.plan_slots()
    await service.change_schedule(TRENDS, enabled=False)

    assert list(await service.plan_slots()) == []
    assert await service.claim_slot(planned[0]) is None
    assert await service.claim_slot(Slot("no-such-job", FIRST)) is None


async def test_what_is_switched_on_again_has_missed_nothing(
    service: Service, clock: ManualClock
) -> None:
    await only(service, TRENDS)
    await service.change_schedule(TRENDS, enabled=False)
    clock.now = FIRST + timedelta(minutes=1)

    await service.change_schedule(TRENDS, enabled=True)

    assert list(await service.plan_slots()) == []
    assert await service.claim_slot(Slot(TRENDS, FIRST)) is None


async def test_a_schedule_that_never_comes_round_is_planned_for_no_time(service: Service) -> None:
    changed = await service.change_schedule(TRENDS, cron="0 0 29 2 *")

    assert changed.cron == "0 0 29 2 *"
    (trends,) = [each for each in await service.list_schedules() if each.schedule.job == TRENDS]
    assert trends.next_at == datetime(2028, 2, 29, tzinfo=UTC)


async def test_a_job_is_run_by_command_with_its_arguments(
    service: Service, queue: ListedQueue
) -> None:
    message_id = await service.run_schedule("delete-old-posts")

    assert queue.told == [message_id]
    message = await service.read_message(message_id)
    assert (message.job, message.arguments, message.slot) == (
        "delete-old-posts",
        {"days": 365},
        None,
    )


async def test_arguments_and_times_are_changed(service: Service) -> None:
    changed = await service.change_schedule(
        "delete-old-posts", enabled=True, cron="5 5 * * *", arguments={"days": 30}
    )

    assert (changed.is_enabled, changed.cron, changed.arguments) == (
        True,
        "5 5 * * *",
        {"days": 30},
    )
    assert changed.since == START


async def test_everything_wrong_with_a_change_is_said_at_once(service: Service) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.change_schedule("delete-old-posts", cron="x", arguments={"days": 0, "y": 1})

    assert [error.field for error in caught.value.errors] == ["cron", "days", "y"]


async def test_a_job_that_is_not_there_is_named(service: Service) -> None:
    with pytest.raises(ScheduleNotFound, match="no schedule called x"):
        await service.change_schedule("x", enabled=True)
    with pytest.raises(ScheduleNotFound, match="no schedule called x"):
        await service.run_schedule("x")
