"""The port `TaskQueue`, over a broker."""

import asyncio
from collections.abc import Collection
from contextlib import suppress
from contextvars import Context
from itertools import islice

from hashpost.adapters.taskiq.brokers import Broker

PENDING_MAX = 1000
"""How many messages may wait to be told of; surplus is left to the sweep."""
FAREWELL = 1.0
"""Seconds for telling of what is pending in the end."""


class TaskiqQueue:
    """Tells the broker of messages, one after the other, behind whoever asked for it."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._pending: dict[int, None] = {}
        self._sender: asyncio.Task[None] | None = None

    def wake(self, message_ids: Collection[int]) -> None:
        """Have workers told of committed messages; without an event loop, of none."""
        with suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            room = PENDING_MAX - len(self._pending)
            self._pending |= dict.fromkeys(islice(message_ids, max(0, room)))
            if self._pending and (self._sender is None or self._sender.done()):
                # In a context of its own: what it logs is about no request in particular.
                self._sender = loop.create_task(self._send(), context=Context())

    async def room(self) -> int:
        """How many more messages can be told of now.

        Raises:
            Unavailable: that cannot be found out, and none can.
        """
        return max(0, await self._broker.room() - len(self._pending))

    async def close(self) -> None:
        """Tell of what is pending, if that is soon done, and end."""
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=FAREWELL)
            self._sender.cancel()
            await asyncio.wait([self._sender])

    async def _send(self) -> None:
        while self._pending:
            message_id = next(iter(self._pending))
            await self._broker.tell(message_id)
            del self._pending[message_id]
