"""Counting in the process."""

from collections import OrderedDict, deque
from collections.abc import Callable
from time import monotonic

from hashpost.adapters.limits.counts import Count

Times = deque[float]


class ProcessCounts:
    """Keeps the times of what happened, as long as they matter.

    Keys stand in the order of their last times, for each length of window, so that those that
    matter no more are found at the head: forgetting costs no more than remembering did.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._windows: dict[int, OrderedDict[str, Times]] = {}

    async def take(self, key: str, *, limit: int, seconds: int) -> Count:
        """Count one more, if that makes no more than `limit`."""
        now = self._clock()
        times = self._recent(key, seconds, now)
        is_taken = len(times) < limit
        if is_taken:
            times.append(now)
            window = self._windows[seconds]
            window[key] = times
            window.move_to_end(key)
        return _count(times, seconds, now, was_counted=is_taken)

    async def look(self, key: str, *, seconds: int) -> Count:
        """Count nothing."""
        now = self._clock()
        return _count(self._recent(key, seconds, now), seconds, now, was_counted=False)

    def __len__(self) -> int:
        return sum(map(len, self._windows.values()))

    def _recent(self, key: str, seconds: int, now: float) -> Times:
        """The times within the window. What has left it is forgotten, of other keys as well."""
        window = self._windows.setdefault(seconds, OrderedDict())
        while window and next(iter(window.values()))[-1] <= now - seconds:
            window.popitem(last=False)
        times = window.get(key, deque())
        while times and times[0] <= now - seconds:
            times.popleft()
        return times


def _count(times: Times, seconds: int, now: float, *, was_counted: bool) -> Count:
    frees_in = times[0] + seconds - now if times else 0.0
    return Count(len(times), frees_in, was_counted=was_counted)
