"""The clock and the random numbers of this machine: the only place that asks for them."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from hashpost.domain.ids import LOW_BITS, first_id_at, from_unix_ms


class SystemClock:
    """The clock of this machine, which may be set back or forward at any time."""

    def __call__(self) -> datetime:
        """Now, in UTC, in whole milliseconds."""
        return from_unix_ms(time.time_ns() // 1_000_000)


def unix_time() -> float:
    """Seconds since 1970 by the same clock, which is how libraries tell the time."""
    return time.time()


def chance() -> float:
    """A number from 0 up to, but not with, 1, at random."""
    return secrets.randbits(53) / (1 << 53)


def random_bytes(count: int) -> bytes:
    """That many bytes that nobody can guess."""
    return secrets.token_bytes(count)


@dataclass(slots=True)
class SystemIds:
    """Ids of 53 bits: a millisecond, and 11 bits that count up within it from a random start.

    The start is drawn from the lower half, so that counting has room and two processes seldom
    meet. When a clock stands still or is set back, ids go on from the last one.
    """

    _last: int = 0
    _lock: Lock = field(default_factory=Lock)

    def next(self, at: datetime) -> int:
        """An id of the time `at`, above every id that this process got from here before."""
        with self._lock:
            drawn = first_id_at(at) + secrets.randbelow(1 << (LOW_BITS - 1))
            self._last = max(self._last + 1, drawn)
            return self._last

    def backdated(self, at: datetime, *, attempt: int) -> int:
        """An id of the time `at`, at random, from a window that doubles with every attempt."""
        return first_id_at(at) + secrets.randbelow(1 << (LOW_BITS + attempt))
