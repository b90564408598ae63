"""An outbox whose jobs do what a test tells them to, and whatever runs them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hashpost.adapters.cron import CronTimetable
from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.system import SystemIds
from hashpost.adapters.taskiq.brokers import Broker
from hashpost.adapters.taskiq.queue import TaskiqQueue
from hashpost.adapters.taskiq.running import scheduling, working
from hashpost.application.messages import Attempt, Done, Outgoing, RunMessage, SweepOutbox
from hashpost.application.ports import Clock, Storage
from hashpost.application.schedules import ClaimSlot, PlanSlots
from hashpost.domain.errors import Unavailable
from hashpost.domain.message import Message, State
from hashpost.domain.schedule import Schedule
from hashpost.testing.clock import ManualClock

LONG_AGO = datetime(2024, 2, 29, 12, 0, 30, tzinfo=UTC)
"""taskiq has a clock of its own; whatever is due here is due by that one too."""
PATIENCE = 20.0
"""Seconds; a loaded machine needs some."""


async def until(holds: Callable[[], Awaitable[bool]] | Callable[[], bool]) -> None:
    """Return as soon as it holds; fail if it never does."""
    async with asyncio.timeout(PATIENCE):
        while True:
            held = holds()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


@dataclass
class Work:
    """A job: counts how often it was begun and how often at once, and may be made to wait."""

    raises: Exception | None = None
    begun: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)
    at_once: int = 0
    at_once_max: int = 0
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_end.set()

    async def __call__(self, message: Message) -> Done:
        self.begun.append(message.id)
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            await self.may_end.wait()
        finally:
            self.at_once -= 1
        if self.raises is not None:
            raise self.raises
        self.ended.append(message.id)
        return Done("worked")


class Failing:
    """A storage that is away as long as it is told to be."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.is_away = False
        self.readings = 0

    def transaction(self) -> AbstractAsyncContextManager[object]:
        self._be_there()
        return self._storage.transaction()

    def reading(self) -> AbstractAsyncContextManager[object]:
        self._be_there()
        self.readings += 1
        return self._storage.reading()

    async def ping(self) -> None:
        self._be_there()

    def _be_there(self) -> None:
        if self.is_away:
            raise Unavailable("gone fishing")


class Shop:
    """The use cases that workers and schedulers have, over one storage and one broker."""

    def __init__(
        self,
        broker: Broker,
        *,
        storage: Storage | None = None,
        clock: Clock | None = None,
        lease: timedelta = timedelta(seconds=30),
    ) -> None:
        self.broker = broker
        self.queue = TaskiqQueue(broker)
        self.storage = storage or MemoryStorage()
        self.clock = clock or ManualClock(LONG_AGO)
        self.work = Work()
        self.failing = Failing(self.storage)
        outgoing = Outgoing(self.clock, SystemIds())
        self._outgoing = outgoing
        away: Storage = self.failing  # type: ignore[assignment]
        self._run_message = RunMessage(
            away, self.clock, lambda: 0.5, self.queue, {"work": self.work}, lease
        )
        self.sweep_outbox = SweepOutbox(away, self.clock, self.queue)
        self.plan_slots = PlanSlots(away, self.clock, CronTimetable())
        self.claim_slot = ClaimSlot(away, outgoing)

    def advance(self, *, seconds: int) -> None:
        """Let time go by, if the clock is one to be moved."""
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(seconds=seconds)

    async def run_message(self, message_id: int) -> Attempt | None:
        return await self._run_message(message_id)

    async def add(self, count: int = 1) -> Sequence[int]:
        """The ids of that many new messages, of which nobody is told."""
        async with self.storage.transaction() as tx:
            return [await self._outgoing.add(tx, "work", email="ada@x.org") for _ in range(count)]

    async def put(self, *, cron: str = "* * * * *", enabled: bool = True) -> None:
        """Have the job run by a schedule, by default every minute; a first slot is due already."""
        since = self.clock() - timedelta(minutes=1)
        schedule = Schedule("work", cron, is_enabled=enabled, since=since, arguments={})
        async with self.storage.transaction() as tx:
            if await tx.schedules.for_change("work") is None:
                await tx.schedules.add_missing([schedule])
            else:
                await tx.schedules.save(schedule)

    async def messages(self) -> Sequence[Message]:
        async with self.storage.reading() as reading:
            return await reading.messages.newest(state=None, job=None, before=None, limit=5000)

    async def states(self) -> Sequence[State]:
        return [message.state for message in await self.messages()]

    async def all_done(self) -> bool:
        return set(await self.states()) == {State.DONE}

    @asynccontextmanager
    async def working(self, *, concurrency: int = 10, drain: float = 5.0) -> AsyncIterator[None]:
        async with working(
            self.broker, self.run_message, concurrency=concurrency, drain_seconds=drain
        ):
            yield

    @asynccontextmanager
    async def scheduling(self) -> AsyncIterator[None]:
        async with scheduling(self.broker, self.queue, self, lambda: 0.5):
            yield

    async def close(self) -> None:
        await self.queue.close()
        await self.broker.shutdown()
