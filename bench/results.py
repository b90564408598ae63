"""What benches find out, as it is kept in files of JSON between measuring and telling."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.measuring import Cost


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


@dataclass(frozen=True, slots=True)
class Beside:
    """The 50th and 99th percentile of reads in milliseconds, alone and beside log-ins."""

    system: str
    alone: tuple[float, float]
    beside: tuple[float, float]
    log_ins: float
    """A second, meanwhile."""


@dataclass(frozen=True, slots=True)
class Load:
    """What `bench.load` measured."""

    made: str
    """The day."""
    facts: dict[str, str]
    posts: int
    rounds: int
    seconds: float
    callers: int
    lines: Sequence[Line]
    log_price: float | None = None
    """Milliseconds of CPU time that the access log of production adds to a request."""
    beside: Sequence[Beside] = field(default=())


@dataclass(frozen=True, slots=True)
class Point:
    """A scenario in a database with so many posts."""

    posts: int
    name: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Growth:
    """What `bench.growth` measured."""

    made: str
    facts: dict[str, str]
    rounds: int
    seconds: float
    callers: int
    points: Sequence[Point]
