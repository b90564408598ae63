"""Tables of what was measured, for a terminal and in Markdown, and what it was measured on."""

import os
import platform
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.measuring import Cost
from tests import servers

_LIBRARIES = (
    "litestar", "msgspec", "psycopg", "sqlalchemy", "uvicorn", "uvloop", "httptools", "pyjwt"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A scenario, as hashpost and as the floor did."""

    name: str
    title: str
    ours: Cost
    floor: Cost

    @property
    def share(self) -> float:
        """How many requests a second, as a share of the floor's."""
        return self.ours.rate / self.floor.rate

    @property
    def ratio(self) -> float:
        """How much CPU time of the server a request takes, as a multiple of the floor's."""
        return self.ours.server / self.floor.server


_HEADS = (
    "req/s", "floor", "share",
    "server ms", "floor", "ratio",
    "database ms", "floor",
    "p50 ms", "floor", "p99 ms", "floor",
)  # fmt: skip


def table(lines: Sequence[Line], *, with_head: bool) -> Iterator[str]:
    """Lines for a terminal."""
    if with_head:
        yield f"{'':32}" + "".join(f"{head:>12}" for head in _HEADS)
    for line in lines:
        yield f"{line.title:32}" + "".join(f"{each:>12}" for each in _cells(line))


def markdown(lines: Sequence[Line]) -> Iterator[str]:
    """The same as a table in Markdown."""
    yield f"| scenario | {' | '.join(_HEADS)} |"
    yield f"|---|{'---:|' * len(_HEADS)}"
    for line in lines:
        yield f"| {line.title} | {' | '.join(_cells(line))} |"


def _cells(line: Line) -> list[str]:
    ours, floor = line.ours, line.floor
    return [
        f"{ours.rate:,.0f}",
        f"{floor.rate:,.0f}",
        f"{line.share:.0%}",
        f"{ours.server:.3f}",
        f"{floor.server:.3f}",
        f"{line.ratio:.2f}",
        _or_dash(ours.database),
        _or_dash(floor.database),
        f"{ours.p50:.1f}",
        f"{floor.p50:.1f}",
        f"{ours.p99:.1f}",
        f"{floor.p99:.1f}",
    ]


def _or_dash(milliseconds: float | None) -> str:
    return "–" if milliseconds is None else f"{milliseconds:.3f}"


def facts() -> dict[str, str]:
    """The machine and the versions."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return {
        "machine": f"{os.cpu_count()} cores, {_cpu_model()}",
        "system": f"{platform.system()} {platform.release()}",
        "PostgreSQL": servers.find_postgres().text,
        "SQLite": sqlite3.sqlite_version,
        "Python": platform.python_version(),
        "libraries": libraries,
    }


def _cpu_model() -> str:
    known = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", known.read_text()) if known.exists() else None
    return found[1] if found else platform.machine()
