"""What goes on behind requests: the queue, the worker and the scheduler of this process.

Without Redis, `serve` does it all; with it, each has processes of its own. Redis's client is
imported only where there is one.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.system import chance
from hashpost.adapters.taskiq.brokers import Broker, LocalBroker
from hashpost.adapters.taskiq.queue import TaskiqQueue
from hashpost.adapters.taskiq.running import scheduling, working
from hashpost.application.service import Service
from hashpost.entrypoints.library import open_settings
from hashpost.entrypoints.settings import Settings

JOBS_AT_ONCE = 10
"""How many jobs a process has under way at most."""
DRAIN_SECONDS = 10.0
"""How long jobs under way may take once a worker is told to stop."""
DRAIN_SECONDS_AFTER_HTTP = 2.0
"""And in a server, which has spent up to ten seconds on its requests by then."""


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    """The service of a server; without Redis, with a worker and a scheduler beside it.

    Raises:
        Unavailable: the storage is away.
    """
    async with AsyncExitStack() as stack:
        broker, queue = await stack.enter_async_context(_queue(settings))
        hasher = Argon2Hasher(processes=True)
        stack.callback(hasher.close)
        opening = open_settings(settings, queue=queue, hasher=hasher)
        service = await stack.enter_async_context(opening)
        await service.ensure_schedules()
        if settings.redis_url is None:
            await stack.enter_async_context(
                working(
                    broker,
                    service.run_message,
                    concurrency=JOBS_AT_ONCE,
                    drain_seconds=DRAIN_SECONDS_AFTER_HTTP,
                )
            )
            await stack.enter_async_context(scheduling(broker, queue, service, chance))
        yield service


@asynccontextmanager
async def running_worker(settings: Settings, *, concurrency: int) -> AsyncIterator[None]:
    """A worker that is told of messages over Redis.

    Raises:
        Unavailable: the storage is away.
    """
    async with (
        _queue(settings) as (broker, queue),
        open_settings(settings, queue=queue) as service,
        working(broker, service.run_message, concurrency=concurrency, drain_seconds=DRAIN_SECONDS),
    ):
        yield


@asynccontextmanager
async def running_scheduler(settings: Settings) -> AsyncIterator[None]:
    """A scheduler that tells workers over Redis, and sweeps the outbox.

    Raises:
        Unavailable: the storage is away.
    """
    async with (
        _queue(settings) as (broker, queue),
        open_settings(settings, queue=queue) as service,
    ):
        await service.ensure_schedules()
        async with scheduling(broker, queue, service, chance):
            yield


@asynccontextmanager
async def _queue(settings: Settings) -> AsyncIterator[tuple[Broker, TaskiqQueue]]:
    """The broker that the settings describe, and the queue over it."""
    broker = _broker(settings)
    queue = TaskiqQueue(broker)
    try:
        yield broker, queue
    finally:
        await queue.close()
        await broker.shutdown()


def _broker(settings: Settings) -> Broker:
    if settings.redis_url is None:
        return LocalBroker()
    from hashpost.adapters.taskiq.shared import RedisBroker

    return RedisBroker(settings.redis_url.reveal())
