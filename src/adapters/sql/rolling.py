"""Rolling up beside the work: soon after posts were written, and never very often.

Whoever has a storage open and writes with it rolls up, so it needs no process of its own; with
several processes on PostgreSQL one does it for all. A process that dies leaves at most a few
hundred posts to whoever comes next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from hashpost.adapters.outages import Outage
from hashpost.domain.errors import Unavailable

SOON = 250
"""After so many writes it is time."""
LATE = 1.0
"""Seconds after the first write, however few came after it."""
SELDOM = 0.25
"""Seconds from the end of one roll-up to the next, at least."""

_log = structlog.get_logger("hashpost.rolling")


class Rolling:
    """Rolls up when it is time."""

    def __init__(self, roll_up: Callable[[], Awaitable[bool]]) -> None:
        self._roll_up = roll_up
        self._writes = 0
        self._is_time = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self._outage = Outage("the database, for roll-ups")

    def note(self, writes: int) -> None:
        """So many posts were written, and committed."""
        self._writes += writes
        if self._writes >= SOON:
            self._is_time.set()
        if self._writes and self._task is None and not self._is_closed:
            self._task = asyncio.create_task(self._run())
            self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop for good; what is under way is left undone."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._writes:
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE):
                    await self._is_time.wait()
            self._is_time.clear()
            written, self._writes = self._writes, 0
            if not await self._rolled_up():
                self._writes += written
            await asyncio.sleep(SELDOM)

    async def _rolled_up(self) -> bool:
        try:
            is_done = await self._roll_up()
        except Unavailable as error:
            self._outage.began(error)
            return False
        self._outage.is_over()
        return is_done

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            # Answers stay exact, and whoever writes next tries again.
            _log.error("roll_up_failed", exc_info=error)
        else:
            self.note(0)  # what was written since it looked for the last time
