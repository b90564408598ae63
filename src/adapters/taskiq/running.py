"""Running a worker and a scheduler on the event loop, until a block is left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog
from taskiq import TaskiqScheduler
from taskiq.cli.scheduler.run import SchedulerLoop
from taskiq.receiver import Receiver

from hashpost.adapters.taskiq.attempts import Attempts, RunMessage
from hashpost.adapters.taskiq.brokers import TASK, Broker
from hashpost.adapters.taskiq.queue import TaskiqQueue
from hashpost.adapters.taskiq.source import ClaimSlot, OutboxScheduleSource, PlanSlots
from hashpost.adapters.taskiq.sweeping import Sweeper, SweepOutbox
from hashpost.application.messages import Chance

_log = structlog.get_logger("hashpost.jobs")

LOOKS_EVERY = timedelta(seconds=1)
"""How often the scheduler looks for slots whose time has come."""
_PLANS_EVERY = LOOKS_EVERY / 2
"""Less than between two looks, so that every look plans anew, early as it may be."""
AGAIN_AFTER = 1.0
"""Seconds until what has failed for an unknown reason is started again."""
ENDS_WITHIN = 1.0
"""Seconds for what a scheduler has under way with the storage when it ends."""


class Outbox(Protocol):
    """The use cases that a scheduler needs: a `Service` has them."""

    @property
    def plan_slots(self) -> PlanSlots:
        """Tells the slots whose time has come."""
        ...

    @property
    def claim_slot(self) -> ClaimSlot:
        """Claims a slot."""
        ...

    @property
    def sweep_outbox(self) -> SweepOutbox:
        """Tells of every message that is due."""
        ...


@asynccontextmanager
async def working(
    broker: Broker, run_message: RunMessage, *, concurrency: int, drain_seconds: float
) -> AsyncIterator[None]:
    """Run the messages that the broker tells of, at most `concurrency` at once.

    In the end no more are taken; those under way have `drain_seconds` and are then given up.
    """
    attempts = Attempts(run_message)

    async def run(message_id: int) -> None:
        await attempts(message_id)

    _calm(logging.getLogger("taskiq"))
    broker.register_task(run, task_name=TASK)
    receiver = Receiver(
        broker, max_async_tasks=concurrency, run_startup=False, wait_tasks_timeout=drain_seconds
    )
    stop = asyncio.Event()
    listening = asyncio.create_task(_kept_up(partial(receiver.listen, stop), stop, what="worker"))
    try:
        yield
    finally:
        stop.set()
        if attempts.count:
            _log.info("finishing jobs", count=attempts.count, seconds=drain_seconds)
        await listening
        await attempts.give_up()


@asynccontextmanager
async def scheduling(
    broker: Broker, queue: TaskiqQueue, outbox: Outbox, chance: Chance
) -> AsyncIterator[None]:
    """Have periodic jobs run when they are due, and sweep the outbox."""
    _calm(logging.getLogger("taskiq"))
    source = OutboxScheduleSource(outbox.plan_slots, outbox.claim_slot)
    sweeper = Sweeper(outbox.sweep_outbox, queue, chance)
    stop = asyncio.Event()
    planning = asyncio.create_task(
        _kept_up(partial(_plan, TaskiqScheduler(broker, [source])), stop, what="scheduler")
    )
    sweeping = asyncio.create_task(_kept_up(partial(sweeper.run, stop), stop, what="sweep"))
    try:
        yield
    finally:
        stop.set()
        planning.cancel()
        ending = asyncio.create_task(source.shutdown())
        await asyncio.wait([ending, sweeping], timeout=ENDS_WITHIN)
        ending.cancel()
        sweeping.cancel()
        await asyncio.wait([ending, sweeping, planning])


async def _plan(scheduler: TaskiqScheduler) -> None:
    loop = SchedulerLoop(scheduler)
    await loop.run(update_interval=_PLANS_EVERY, loop_interval=LOOKS_EVERY)


async def _kept_up(run: Callable[[], Awaitable[None]], stop: asyncio.Event, *, what: str) -> None:
    """Run it until told to stop, again when it has failed for a reason that nobody thought of."""
    while not stop.is_set():
        try:
            await run()
        except Exception as error:  # noqa: BLE001 - logged, and begun anew
            _log.error("failed", what=what, exc_info=error)
            await asyncio.sleep(AGAIN_AFTER)


def _calm(logger: logging.Logger) -> None:
    """Let it tell of errors only, but where everything is logged.

    It tells of each task that it sends or runs, and once a second when a plan takes longer than
    that; the attempts and the outages are logged by us.
    """
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        logger.setLevel(logging.ERROR)
