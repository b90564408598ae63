"""Counting within a moving window, wherever the library keeps it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import MovingWindowRateLimiter

_NAMESPACE: Final = "limits"


@dataclass(frozen=True, slots=True)
class Count:
    """How often it happened within the window, and in how many seconds the oldest has left it.

    `was_counted` says whether what was asked to be counted was, or would have been too much.
    """

    used: int
    frees_in: float
    was_counted: bool


class MovingWindowCounts:
    """Counts in a storage of the library's, whose times are those of `clock`."""

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._strategy = MovingWindowRateLimiter(storage)
        self._clock = clock

    async def take(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count one more, if that makes no more than `limit`."""
        item = _item(limit, seconds)
        was_counted = await self._strategy.hit(item, key)
        return await self._count(item, key, was_counted=was_counted)

    async def look(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count nothing."""
        return await self._count(_item(limit, seconds), key, was_counted=False)

    async def _count(self, item: RateLimitItem, key: str, *, was_counted: bool) -> Count:
        window = await self._strategy.get_window_stats(item, key)
        used = item.amount - window.remaining
        frees_in = max(0.0, window.reset_time - self._clock()) if used else 0.0
        return Count(used, frees_in, was_counted=was_counted)


def _item(limit: int, seconds: int) -> RateLimitItem:
    return RateLimitItemPerSecond(limit, seconds, _NAMESPACE)
