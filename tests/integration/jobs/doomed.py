"""A worker that kills itself at a named point: python -m tests.integration.jobs.doomed POINT.

Everything in it is the real thing, set up by the settings, but for what stands around storage and
mailer to strike. With Redis it is a worker; without, a worker and a scheduler, as in a server.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from hashpost.adapters.system import chance
from hashpost.adapters.taskiq.brokers import Broker, LocalBroker
from hashpost.adapters.taskiq.queue import TaskiqQueue
from hashpost.adapters.taskiq.running import scheduling, working
from hashpost.adapters.taskiq.shared import RedisBroker
from hashpost.application.ports import Mailer, Reading, Storage, Transaction
from hashpost.domain.mail import Mail
from hashpost.entrypoints.library import mailer, open_service, policy
from hashpost.entrypoints.settings import Settings

LEASE = timedelta(seconds=1)
POINTS = ["before the claim", "after the claim", "before SMTP", "after 250", "before the mark"]
"""Where it kills itself; NOWHERE where it does not."""
NOWHERE = "nowhere"


def strike() -> None:
    """End like a machine without power."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class DoomedStorage:
    """A storage for the one who runs messages: the first transaction claims, the second marks."""

    storage: Storage
    point: str
    transactions: int = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction."""
        self.transactions += 1
        if (self.transactions, self.point) == (1, "before the claim"):
            strike()
        async with self.storage.transaction() as tx:
            yield tx
            if (self.transactions, self.point) == (2, "before the mark"):
                strike()
        if (self.transactions, self.point) == (1, "after the claim"):
            strike()

    def reading(self) -> AbstractAsyncContextManager[Reading]:
        """A reading."""
        return self.storage.reading()

    async def ping(self) -> None:
        """Whether it answers."""
        await self.storage.ping()


@dataclass(frozen=True)
class DoomedMailer:
    """A mailer that strikes before or after it has sent a mail."""

    mailer: Mailer
    point: str

    async def send(self, mail: Mail) -> None:
        """Send it."""
        if self.point == "before SMTP":
            strike()
        await self.mailer.send(mail)
        if self.point == "after 250":
            strike()


async def main(point: str) -> None:
    """Run until SIGTERM, or until it strikes."""
    settings = Settings.read(os.environ)
    assert settings.secret_key
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        broker = _broker(settings)
        stack.push_async_callback(broker.shutdown)
        queue = TaskiqQueue(broker)
        stack.push_async_callback(queue.close)
        service = await stack.enter_async_context(
            open_service(
                settings.database_url.reveal(),
                secret_key=settings.secret_key.reveal(),
                policy=replace(policy(settings), lease=LEASE),
                mailer=DoomedMailer(mailer(settings), point),
                queue=queue,
            )
        )
        run = replace(
            service.run_message, storage=DoomedStorage(service.run_message.storage, point)
        )
        await stack.enter_async_context(working(broker, run, concurrency=10, drain_seconds=5))
        if settings.redis_url is None:
            await stack.enter_async_context(scheduling(broker, queue, service, chance))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stop.wait()


def _broker(settings: Settings) -> Broker:
    return LocalBroker() if settings.redis_url is None else RedisBroker(settings.redis_url.reveal())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
