"""Counting in Redis, for all processes; in this process while Redis is away."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final, cast

from limits.aio.storage import RedisStorage
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hashpost.adapters.limits.counts import Count, MovingWindowCounts
from hashpost.adapters.limits.process import ProcessCounts
from hashpost.adapters.outages import Outage
from hashpost.adapters.system import unix_time

PREFIX: Final = "hashpost"
ANSWERS_WITHIN: Final = 0.1
"""Seconds; a Redis that is slower counts as away."""
LEFT_ALONE_FOR: Final = 3.0
"""Seconds until a Redis that was away is tried again, by one request."""
CONNECTIONS: Final = 16
"""Each is busy for a moment only; whoever finds none free waits for that moment."""

_AWAY: Final = (RedisError, OSError, TimeoutError)
_NO_URL: Final = "async+redis://"
"""The library wants a port in any other; the pool knows where to connect."""


class RedisCounts:
    """Counts by this machine's clock; those of all machines should agree, as they do by NTP.

    Losing Redis must not stop the service, nor slow it down: one request finds out, within
    `ANSWERS_WITHIN`, and for some seconds the process counts by itself, beginning with nothing. A
    Redis that comes back empty begins with nothing, too.
    """

    def __init__(
        self, url: str, *, prefix: str = PREFIX, clock: Callable[[], float] = monotonic
    ) -> None:
        self._pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=None,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        storage = RedisStorage(
            _NO_URL,
            implementation="redispy",
            key_prefix=prefix,
            connection_pool=cast(Any, self._pool),  # not among the types of options, but told of
        )
        self._shared = MovingWindowCounts(storage, unix_time)
        self._clock = clock
        self._outage = Outage("Redis, for rate limits")
        self._tries_at = clock()
        self._own = ProcessCounts(clock)

    async def take(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count one more, if that makes no more than `limit`."""
        count = await self._ask(lambda: self._shared.take(key, limit=limit, seconds=seconds))
        return count or await self._own.take(key, limit=limit, seconds=seconds)

    async def look(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count nothing."""
        count = await self._ask(lambda: self._shared.look(key, limit=limit, seconds=seconds))
        return count or await self._own.look(key, limit=limit, seconds=seconds)

    async def close(self) -> None:
        """Let the connections go."""
        with suppress(*_AWAY):
            async with asyncio.timeout(ANSWERS_WITHIN):
                await self._pool.aclose()

    async def _ask(self, question: Callable[[], Awaitable[Count]]) -> Count | None:
        """What Redis says, or None while it is away."""
        now = self._clock()
        if self._outage.is_on:
            if now < self._tries_at:
                return None
            self._tries_at = now + LEFT_ALONE_FOR  # so nobody else tries meanwhile
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                count = await question()
        except _AWAY as error:
            self._tries_at = self._clock() + LEFT_ALONE_FOR
            self._outage.began(error)
            return None
        self._outage.is_over()
        return count
