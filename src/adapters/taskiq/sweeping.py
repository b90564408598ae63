"""The sweep: tells again, and again, of what is due."""

import asyncio
from contextlib import suppress
from typing import Protocol

from hashpost.adapters.outages import Outage
from hashpost.adapters.taskiq.queue import TaskiqQueue
from hashpost.application.messages import Chance
from hashpost.domain.errors import Unavailable

EVERY = 2.0
"""Seconds between two sweeps, more or less, so that several sweepers do not keep in step."""
SOON = 0.1
"""Seconds until the next one when there was more than could be told of."""
LIMIT = 500
"""How many messages one sweep tells of."""


class SweepOutbox(Protocol):
    """Tells the queue of what is due."""

    async def __call__(self, *, limit: int) -> int:
        """How many were due, of at most that many."""
        ...


class Sweeper:
    """Sweeps the outbox, telling of no more than the queue has room for."""

    def __init__(self, sweep_outbox: SweepOutbox, queue: TaskiqQueue, chance: Chance) -> None:
        self._sweep_outbox = sweep_outbox
        self._queue = queue
        self._chance = chance
        self._outage = Outage("the storage or the queue, for the sweep")

    async def run(self, stop: asyncio.Event) -> None:
        """Sweep until told to stop."""
        while not stop.is_set():
            pause = await self._sweep()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()

    async def _sweep(self) -> float:
        """How long to pause."""
        pause = EVERY * (0.75 + self._chance() / 2)
        try:
            limit = min(LIMIT, await self._queue.room())
            due = await self._sweep_outbox(limit=limit) if limit else 0
        except Unavailable as error:
            self._outage.began(error)
            return pause
        self._outage.is_over()
        return SOON if due == limit else pause
