"""Periodic jobs run once a slot, and what is due is told of until it is done."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter

import pytest
from structlog.testing import capture_logs
from taskiq.exceptions import ScheduledTaskCancelledError

from hashpost.adapters.taskiq.brokers import WAITING_MAX, LocalBroker
from hashpost.adapters.taskiq.source import OutboxScheduleSource
from hashpost.domain.message import State
from tests.jobs import Shop, until


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop(LocalBroker())
    yield shop
    await shop.close()


@pytest.fixture
def source(shop: Shop) -> OutboxScheduleSource:
    return OutboxScheduleSource(shop.plan_slots, shop.claim_slot)


# Slots


async def test_a_slot_becomes_a_message_and_is_not_planned_again(
    shop: Shop, source: OutboxScheduleSource
) -> None:
    await shop.put()

    [task] = await source.get_schedules()
    await source.pre_send(task)

    [message] = await shop.messages()
    assert (task.args, task.task_id) == ([message.id], str(message.id))
    assert message.slot == task.time
    assert await source.get_schedules() == []


async def test_of_several_sources_one_gets_the_slot(shop: Shop) -> None:
    await shop.put()
    sources = [OutboxScheduleSource(shop.plan_slots, shop.claim_slot) for _ in range(5)]
    tasks = [task for source in sources for task in await source.get_schedules()]

    claims = [source.pre_send(task) for source, task in zip(sources, tasks, strict=True)]
    results = await asyncio.gather(*claims, return_exceptions=True)

    assert results.count(None) == 1
    assert sum(isinstance(each, ScheduledTaskCancelledError) for each in results) == 4


async def test_a_claim_that_failed_is_made_again(shop: Shop, source: OutboxScheduleSource) -> None:
    await shop.put()
    [task] = await source.get_schedules()

    shop.failing.is_away = True
    with pytest.raises(ScheduledTaskCancelledError):
        await source.pre_send(task)
    shop.failing.is_away = False

    # taskiq sends an id again only when it was not planned for once.
    assert await source.get_schedules() == []
    [again] = await source.get_schedules()
    assert again.schedule_id == task.schedule_id
    await source.pre_send(again)
    assert await shop.states() == [State.QUEUED]


async def test_a_storage_that_is_away_is_one_line_in_the_log(
    shop: Shop, source: OutboxScheduleSource
) -> None:
    await shop.put()
    shop.failing.is_away = True

    with capture_logs() as logs:
        planned = [await source.get_schedules() for _ in range(5)]
        shop.failing.is_away = False
        planned.append(await source.get_schedules())

    assert [len(each) for each in planned] == [0, 0, 0, 0, 0, 1]
    assert [log["event"] for log in logs] == ["away", "back"]


async def test_a_source_that_has_ended_claims_nothing(
    shop: Shop, source: OutboxScheduleSource
) -> None:
    await shop.put()
    [task] = await source.get_schedules()

    await source.shutdown()

    with pytest.raises(ScheduledTaskCancelledError):
        await source.pre_send(task)
    assert await source.get_schedules() == []
    assert await shop.messages() == []


# The scheduler


async def test_a_job_runs_once_for_each_slot_whatever_the_number_of_schedulers(
    shop: Shop,
) -> None:
    await shop.put()

    async with shop.working(), shop.scheduling(), shop.scheduling():
        await until(lambda: len(shop.work.ended) == 1)
        shop.advance(seconds=60)
        await until(lambda: len(shop.work.ended) == 2)

    slots = [message.slot for message in await shop.messages()]
    assert len(slots) == len(set(slots)) == len(shop.work.begun) == 2


async def test_a_change_of_the_schedule_holds_at_once(shop: Shop) -> None:
    await shop.put(enabled=False)

    async with shop.working(), shop.scheduling():
        await until(lambda: shop.failing.readings > 0)
        began = perf_counter()
        await shop.put(enabled=True)
        await until(lambda: len(shop.work.ended) == 1)
        took = perf_counter() - began

    assert took < 5


async def test_a_scheduler_goes_on_after_an_outage_of_the_storage(shop: Shop) -> None:
    await shop.put()
    shop.failing.is_away = True

    with capture_logs() as logs:
        async with shop.working(), shop.scheduling():
            await until(lambda: len(logs) >= 2)
            shop.failing.is_away = False
            await until(lambda: len(shop.work.ended) == 1)
            await until(lambda: [log["event"] for log in logs].count("back") == 2)

    assert sorted(log["event"] for log in logs) == [*["away"] * 2, *["back"] * 2, "job done"]


# The sweep


async def test_a_message_that_nobody_was_told_of_is_done_all_the_same(shop: Shop) -> None:
    await shop.add(3)
    shop.advance(seconds=3)

    async with shop.working(), shop.scheduling():
        await until(shop.all_done)


async def test_a_backlog_is_swept_without_a_pause(shop: Shop) -> None:
    await shop.add(1200)
    shop.advance(seconds=3)

    async with shop.scheduling():
        began = perf_counter()
        await until(lambda: _is_full(shop))
        took = perf_counter() - began

    assert took < 1.5


async def _is_full(shop: Shop) -> bool:
    return await shop.broker.room() == 0


async def test_no_more_is_swept_than_there_is_room_for(shop: Shop) -> None:
    for each in range(WAITING_MAX - 5):
        await shop.broker.tell(each)
    await shop.add(20)
    shop.advance(seconds=3)
    due = shop.clock()

    async with shop.scheduling():
        await until(lambda: _is_full(shop))

    next_at = [message.next_at for message in await shop.messages()]
    assert sum(at is not None and at > due for at in next_at) == 5
