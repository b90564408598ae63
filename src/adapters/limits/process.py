"""Counting in the process."""

from collections import OrderedDict, deque
from collections.abc import Callable
from time import monotonic

from limits.aio.storage import MemoryStorage

from hashpost.adapters.limits.counts import MovingWindowCounts

Times = deque[float]


class ProcessCounts(MovingWindowCounts):
    """Counts by the process's own clock, which nobody sets."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(ProcessStorage(clock), clock)


class ProcessStorage(MemoryStorage):
    """The library's memory, but for moving windows, whose times are kept as long as they matter.

    Keys stand in the order of their last times, for each length of window, so that those that
    matter no more are found at the head: forgetting costs no more than remembering did. (The
    library's own looks at every key after each hit, in a thread.)
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[int, OrderedDict[str, Times]] = {}

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count so many more, if that makes no more than `limit` in `expiry` seconds."""
        now = self._clock()
        times = self._recent(key, expiry, now)
        if len(times) + amount > limit:
            return False
        times.extend([now] * amount)
        window = self._windows[expiry]
        window[key] = times
        window.move_to_end(key)
        return True

    async def get_moving_window(
        self,
        key: str,
        limit: int,  # noqa: ARG002 - others need it to look no further
        expiry: int,
    ) -> tuple[float, int]:
        """The oldest time within the window, or now, and how many there are."""
        now = self._clock()
        times = self._recent(key, expiry, now)
        return (times[0] if times else now), len(times)

    async def clear(self, key: str) -> None:
        """Forget a key."""
        await super().clear(key)
        for window in self._windows.values():
            window.pop(key, None)

    async def reset(self) -> int | None:
        """Forget all keys, and tell how many there were."""
        others, own = await super().reset() or 0, len(self)
        self._windows.clear()
        return others + own

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
