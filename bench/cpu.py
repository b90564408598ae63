"""How much CPU time processes have used, as Linux tells of any process."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class ProcessMeter:
    """A process with all its threads, its children, and those of them that have ended."""

    pid: int

    def seconds(self) -> float:
        """Seconds, to the microsecond; of children that have ended only to a hundredth each."""
        ended = sum(map(int, _fields(self.pid)[13:15])) / _TICKS
        own = time.clock_gettime(_clock_of(self.pid))
        return own + ended + sum(map(_seconds_if_there, _children(self.pid)))


def postgres_meter(url: str) -> ProcessMeter | None:
    """The meter of the server at that URL, or None if its processes cannot be seen from here.

    It may run on another machine, or in a container.
    """
    with psycopg.connect(url) as connection:
        backend = connection.info.backend_pid
        postmaster = _parent(backend)
        if postmaster is None or backend not in _children(postmaster):
            return None
    return ProcessMeter(postmaster) if _name(postmaster).startswith("postgres") else None


def _seconds_if_there(pid: int) -> float:
    try:
        return time.clock_gettime(_clock_of(pid))
    except OSError:  # it has just ended
        return 0


def _clock_of(pid: int) -> int:
    """The clock that counts what a process uses (clock_getcpuclockid)."""
    return (~pid << 3) | 2


def _children(pid: int) -> Iterator[int]:
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, listed.read_text().split())


def _parent(pid: int) -> int | None:
    try:
        return int(_fields(pid)[1])
    except OSError:
        return None


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def _fields(pid: int) -> list[str]:
    """What stands in /proc/PID/stat behind the name, which may hold anything (man 5 proc)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
