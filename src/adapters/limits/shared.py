"""Counting in Redis, for all processes; in this process while Redis is away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hashpost.adapters.limits.counts import Count
from hashpost.adapters.limits.process import ProcessCounts
from hashpost.adapters.outages import Outage

PREFIX: Final = "hashpost:limits:"
ANSWERS_WITHIN: Final = 0.1
"""Seconds; a Redis that is slower counts as away."""
LEFT_ALONE_FOR: Final = 3.0
"""Seconds until a Redis that was away is tried again, by one request."""
CONNECTIONS: Final = 16
"""Each is busy for a moment only; whoever finds none free waits for that moment."""

_AWAY: Final = (RedisError, OSError, TimeoutError)

_SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local oldest = redis.call('LINDEX', KEYS[1], 0)
while oldest and oldest + window <= now do
    redis.call('LPOP', KEYS[1])
    oldest = redis.call('LINDEX', KEYS[1], 0)
end
local used = redis.call('LLEN', KEYS[1])
if used >= limit then
    return {used, oldest and oldest + window - now or 0, 0}
end
redis.call('RPUSH', KEYS[1], now)
redis.call('PEXPIRE', KEYS[1], window)
return {used + 1, (oldest or now) + window - now, 1}
"""
"""Counts one more, unless there are as many as the limit already: in one round trip, atomically,
and by Redis's own clock, which is the same for all processes. With a limit of 0 it only looks."""


class RedisCounts:
    """Keeps the times of what happened in a list for each key, which Redis lets expire.

    Losing Redis must not stop the service, nor slow it down: one request finds out, within
    `ANSWERS_WITHIN`, and for some seconds the process counts by itself, beginning with nothing. A
    Redis that comes back empty begins with nothing, too.
    """

    def __init__(
        self, url: str, *, prefix: str = PREFIX, clock: Callable[[], float] = monotonic
    ) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=None,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(_SCRIPT)
        self._prefix = prefix
        self._clock = clock
        self._outage = Outage("Redis, for rate limits")
        self._tries_at = clock()
        self._own = ProcessCounts(clock)

    async def take(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count one more, if that makes no more than `limit`."""
        count = await self._shared(key, limit=limit, seconds=seconds)
        return count or await self._own.take(key, limit=limit, seconds=seconds)

    async def look(self, key: str, *, seconds: int) -> Count:
        """Count nothing."""
        count = await self._shared(key, limit=0, seconds=seconds)
        return count or await self._own.look(key, seconds=seconds)

    async def close(self) -> None:
        """Let the connections go."""
        with suppress(*_AWAY):
            async with asyncio.timeout(ANSWERS_WITHIN):
                await self._redis.aclose()

    async def _shared(self, key: str, *, limit: int, seconds: int) -> Count | None:
        """What Redis says, or None while it is away."""
        now = self._clock()
        if self._outage.is_on:
            if now < self._tries_at:
                return None
            self._tries_at = now + LEFT_ALONE_FOR  # so nobody else tries meanwhile
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                answer = await self._script(keys=[self._prefix + key], args=[seconds * 1000, limit])
        except _AWAY as error:
            self._tries_at = self._clock() + LEFT_ALONE_FOR
            self._outage.began(error)
            return None
        self._outage.is_over()
        used, milliseconds, was_counted = cast(list[int], answer)
        return Count(used, milliseconds / 1000, was_counted=bool(was_counted))
