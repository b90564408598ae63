"""Messages reach a worker of the same process, a bounded number of them, each once at a time."""

import asyncio
import re
from collections.abc import AsyncIterator
from time import perf_counter

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars
from structlog.testing import capture_logs
from taskiq.message import BrokerMessage

from hashpost.adapters.taskiq.attempts import Attempts
from hashpost.adapters.taskiq.brokers import WAITING_MAX, LocalBroker
from hashpost.adapters.taskiq.queue import PENDING_MAX, TaskiqQueue
from hashpost.application.ports import MailRefused
from hashpost.domain.errors import Unavailable
from hashpost.domain.message import LEASE, State
from tests.jobs import Shop, until


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop(LocalBroker())
    yield shop
    await shop.close()


# The queue


async def test_a_message_waits_once_however_often_it_is_told_of(shop: Shop) -> None:
    for _ in range(3):
        shop.queue.wake([7, 8])
        await shop.queue.close()

    assert await shop.broker.room() == WAITING_MAX - 2


def test_without_an_event_loop_nobody_is_told_and_nothing_fails() -> None:
    TaskiqQueue(LocalBroker()).wake([7])


class StuckBroker(LocalBroker):
    """Never answers."""

    async def kick(self, message: BrokerMessage) -> None:
        await asyncio.Event().wait()


async def test_a_broker_that_is_stuck_keeps_nobody_waiting_and_few_messages_pending() -> None:
    queue = TaskiqQueue(StuckBroker())

    began = perf_counter()
    for _ in range(100):
        queue.wake(range(100_000))
    took = perf_counter() - began

    assert took < 1
    assert await queue.room() == WAITING_MAX - PENDING_MAX
    await queue.close()


async def test_what_is_pending_is_told_of_in_the_end(shop: Shop) -> None:
    shop.queue.wake([7, 8, 9])

    await shop.queue.close()

    assert await shop.broker.room() == WAITING_MAX - 3


async def test_the_broker_keeps_a_bounded_number(shop: Shop) -> None:
    for each in range(2 * WAITING_MAX):
        await shop.broker.tell(each)

    assert await shop.broker.room() == 0


class ContextBroker(LocalBroker):
    """Remembers what would be logged with whatever happens while it tells."""

    def __init__(self) -> None:
        super().__init__()
        self.contexts: list[dict[str, object]] = []

    async def kick(self, message: BrokerMessage) -> None:
        self.contexts.append(get_contextvars())


async def test_telling_does_not_belong_to_the_request_that_asked_for_it() -> None:
    broker = ContextBroker()
    queue = TaskiqQueue(broker)

    with bound_contextvars(request_id="mine"):
        queue.wake([7])
    await queue.close()

    assert broker.contexts == [{}]


# The worker


async def test_all_messages_are_done_a_few_at_once(shop: Shop) -> None:
    shop.work.may_end.clear()
    messages = await shop.add(12)

    async with shop.working(concurrency=3):
        shop.queue.wake(messages)
        await until(lambda: len(shop.work.begun) == 3)
        shop.work.may_end.set()
        await until(shop.all_done)

    assert shop.work.at_once_max == 3
    assert shop.work.begun == messages


async def test_a_message_under_way_is_not_run_a_second_time_beside_itself(shop: Shop) -> None:
    calls = []
    may_end = asyncio.Event()

    async def run(message_id: int) -> None:
        calls.append(message_id)
        await may_end.wait()

    attempts = Attempts(run)
    first = asyncio.create_task(attempts(7))
    await until(lambda: calls == [7])
    await asyncio.wait_for(attempts(7), 5)
    may_end.set()
    await first
    await attempts(7)

    assert calls == [7, 7]


async def test_a_job_under_way_is_finished_in_the_end_and_no_other_begun(shop: Shop) -> None:
    shop.work.may_end.clear()
    messages = await shop.add(5)

    async with asyncio.TaskGroup() as group, shop.working(concurrency=1):
        shop.queue.wake(messages)
        await until(lambda: len(shop.work.begun) == 1)
        group.create_task(_soon(shop.work.may_end))

    assert shop.work.ended == messages[:1]
    assert sorted(await shop.states()) == [State.DONE, *[State.QUEUED] * 4]


async def _soon(event: asyncio.Event) -> None:
    await asyncio.sleep(0.1)
    event.set()


async def test_a_job_that_hangs_is_given_up_and_tried_again_after_its_lease(shop: Shop) -> None:
    shop.work.may_end.clear()
    [message] = await shop.add()

    with capture_logs() as logs:
        async with shop.working(drain=0.1):
            shop.queue.wake([message])
            await until(lambda: len(shop.work.begun) == 1)
            began = perf_counter()
        took = perf_counter() - began

    assert took < 2
    assert await shop.states() == [State.RUNNING]
    assert [log["event"] for log in logs] == ["finishing jobs", "job interrupted"]

    shop.work.may_end.set()
    shop.advance(seconds=int(LEASE.total_seconds()) + 1)
    async with shop.working(), shop.scheduling():
        await until(shop.all_done)
    assert shop.work.begun == [message, message]


async def test_an_idle_worker_ends_at_once(shop: Shop) -> None:
    async with shop.working(drain=60), shop.scheduling():
        await asyncio.sleep(0)
        began = perf_counter()

    assert perf_counter() - began < 0.5


# Logs


async def test_an_attempt_is_logged_once_with_ids_and_what_came_of_it(shop: Shop) -> None:
    [message] = await shop.add()

    with capture_logs() as logs:
        async with shop.working():
            shop.queue.wake([message])
            await until(shop.all_done)

    [log] = logs
    assert log.pop("seconds") >= 0
    assert log == {
        "event": "job done",
        "log_level": "info",
        "job": "work",
        "message_id": message,
        "attempt": 1,
        "state": "done",
        "outcome": "worked",
    }


@pytest.mark.parametrize(
    ("error", "state", "level", "has_traceback"),
    [
        (Unavailable("not for ada@x.org"), "waiting", "warning", False),
        (MailRefused("550 <ada@x.org> unknown"), "dead", "warning", False),
        (ZeroDivisionError("1/0"), "waiting", "error", True),
    ],
)
async def test_a_failure_is_logged_with_a_traceback_only_if_nobody_thought_of_it(
    shop: Shop, error: Exception, state: str, level: str, *, has_traceback: bool
) -> None:
    shop.work.raises = error
    [message] = await shop.add()

    with capture_logs() as logs:
        await Attempts(shop.run_message)(message)

    [log] = logs
    assert (log["event"], log["state"], log["log_level"]) == ("job failed", state, level)
    assert ("exc_info" in log) is has_traceback
    assert re.search("ada@", repr(log)) is None


async def test_a_storage_that_is_away_is_a_line_in_the_log_and_the_message_stays(
    shop: Shop,
) -> None:
    messages = await shop.add(5)
    attempts = Attempts(shop.run_message)

    with capture_logs() as logs:
        shop.failing.is_away = True
        for message in messages:
            await attempts(message)
        shop.failing.is_away = False
        for message in messages:
            await attempts(message)

    assert [log["event"] for log in logs] == ["away", "back", *["job done"] * 5]
