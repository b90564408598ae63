"""What a process does when it is told of messages."""

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import structlog

from hashpost.adapters.outages import Outage
from hashpost.application.messages import Attempt
from hashpost.application.ports import MailRefused
from hashpost.domain.errors import Unavailable
from hashpost.domain.message import State

_log = structlog.get_logger("hashpost.jobs")

GIVEN_UP_WITHIN = 1.0
"""Seconds that a job has for its last words."""

RunMessage = Callable[[int], Awaitable[Attempt | None]]


class Attempts:
    """Runs messages, each once at a time in this process, and logs each attempt.

    A log tells ids and kinds, and what came of a job that is done. Why one failed is in the row, in
    words that may name an address.
    """

    def __init__(self, run_message: RunMessage) -> None:
        self._run_message = run_message
        self._under_way: dict[int, asyncio.Task[Any] | None] = {}
        self._storage = Outage("the storage, for jobs")

    async def __call__(self, message_id: int) -> None:
        """Make an attempt, if there is something to do that nobody does already."""
        if message_id in self._under_way:
            return
        self._under_way[message_id] = asyncio.current_task()
        try:
            await self._attempt(message_id)
        except asyncio.CancelledError:
            _log.warning("job interrupted", message_id=message_id)
        finally:
            del self._under_way[message_id]

    @property
    def count(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    async def give_up(self) -> None:
        """Cancel whatever is under way; its leases run out."""
        tasks = [task for task in self._under_way.values() if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GIVEN_UP_WITHIN)

    async def _attempt(self, message_id: int) -> None:
        begun = perf_counter()
        try:
            attempt = await self._run_message(message_id)
        except Unavailable as error:
            self._storage.began(error)
            return
        self._storage.is_over()
        if attempt is not None:
            _tell(attempt, seconds=round(perf_counter() - begun, 3))


def _tell(attempt: Attempt, *, seconds: float) -> None:
    message, error = attempt.message, attempt.error
    facts: dict[str, object] = {
        "job": message.job,
        "message_id": message.id,
        "attempt": message.attempts,
        "state": message.state.value,
        "seconds": seconds,
    }
    if error is None and message.state is State.DONE:
        _log.info("job done", **facts, outcome=message.outcome)
    elif error is None or isinstance(error, Unavailable | MailRefused):
        _log.warning("job failed", **facts, error=type(error).__name__)
    else:
        _log.error("job failed", **facts, exc_info=error)
