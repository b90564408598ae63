"""The broker that processes share: a sorted set in Redis."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from taskiq.message import BrokerMessage
from taskiq_redis.redis_broker import BaseRedisBroker

from hashpost.adapters.outages import Outage
from hashpost.adapters.taskiq.brokers import WAITING_MAX, Broker
from hashpost.domain.errors import Unavailable

KEY: Final = "hashpost:messages"
ANSWERS_WITHIN = 1.0
"""Seconds; a Redis that is slower counts as away."""
LISTENS_FOR = 5.0
"""Seconds for which one command waits for a wake-up."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
"""Seconds between two tries to reach a Redis that is away."""

_AWAY = (RedisError, OSError, TimeoutError)


class RedisBroker(BaseRedisBroker, Broker):
    """Keeps wake-ups in a sorted set, ordered by message id, which is to say by age.

    A member of a set is there once, however often it is added; when there is no room, the youngest
    go. Nothing else is kept in Redis: no group, no results, nothing that would have to be there
    before or be put right after a crash.
    """

    def __init__(self, url: str, *, key: str = KEY) -> None:
        super().__init__(
            url,
            queue_name=key,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=None,
            socket_connect_timeout=None,
        )
        self._redis: Redis = Redis(connection_pool=self.connection_pool)
        self._sending = Outage("Redis, for sending")
        self._listening = Outage("Redis, for listening")

    async def kick(self, message: BrokerMessage) -> None:
        """Keep the wake-up, if Redis is there and there is room."""
        try:
            async with (
                asyncio.timeout(ANSWERS_WITHIN),
                self._redis.pipeline(transaction=False) as pipeline,
            ):
                await pipeline.zadd(
                    self.queue_name, {message.message: int(message.task_id)}, nx=True
                )
                await pipeline.zremrangebyrank(self.queue_name, WAITING_MAX, -1)
                await pipeline.execute()
        except _AWAY as error:
            self._sending.began(error)
        else:
            self._sending.is_over()

    async def listen(self) -> AsyncGenerator[bytes, None]:
        """The wake-ups, each to one listener, the oldest message first; it outlasts every outage.

        One that is taken and not worked on is lost, until the sweep tells of it again.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(LISTENS_FOR + ANSWERS_WITHIN):
                    taken = await self._redis.bzpopmin(self.queue_name, timeout=LISTENS_FOR)
            except _AWAY as error:
                self._listening.began(error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            self._listening.is_over()
            pause = FIRST_PAUSE
            if taken is not None:
                yield cast(bytes, taken[1])

    async def room(self) -> int:
        """How many more would be kept."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                waiting = await self._redis.zcard(self.queue_name)
        except _AWAY as error:
            raise Unavailable("Redis is away") from error
        return max(0, WAITING_MAX - waiting)

    async def shutdown(self) -> None:
        """Let the connections go."""
        with suppress(*_AWAY):
            async with asyncio.timeout(ANSWERS_WITHIN):
                await super().shutdown()
