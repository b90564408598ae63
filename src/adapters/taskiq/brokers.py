"""What a broker has to be here, and the one within a process."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator

from taskiq import AsyncBroker
from taskiq.kicker import AsyncKicker
from taskiq.message import BrokerMessage

TASK = "run_message"
"""The one task there is; its argument is the id of a message, and its own id is the same."""
WAITING_MAX = 1000
"""How many wake-ups a broker keeps. The sweep tells of more as soon as there is room."""


class Broker(AsyncBroker):
    """Keeps wake-ups until a worker takes them: each message once, and a bounded number.

    `kick` is best effort: it soon returns, and raises nothing when the wake-up cannot be kept.
    """

    async def tell(self, message_id: int) -> None:
        """Have a worker told of the message."""
        kicker = AsyncKicker[[int], None](TASK, self, {}).with_task_id(str(message_id))
        await kicker.kiq(message_id)

    @abstractmethod
    async def room(self) -> int:
        """How many more wake-ups would be kept.

        Raises:
            Unavailable: that cannot be found out, and none would be.
        """


class LocalBroker(Broker):
    """Keeps wake-ups in this process, for workers on the same event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, bytes] = {}
        self._is_told = asyncio.Event()

    async def kick(self, message: BrokerMessage) -> None:
        """Keep the wake-up, if there is room."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.setdefault(message.task_id, message.message)
            self._is_told.set()

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """The wake-ups, each once, in their order, for as long as somebody listens."""
        while True:
            while self._waiting:
                yield self._waiting.pop(next(iter(self._waiting)))
            self._is_told.clear()
            await self._is_told.wait()

    async def room(self) -> int:
        """How many more would be kept."""
        return WAITING_MAX - len(self._waiting)
