"""Rounds of requests, and what each of them cost."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.cpu import ProcessMeter
from bench.driver import Crowd, Request, WrongAnswer, drive
from bench.systems import System

CALLERS = 16
"""Connections that call at once."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured in a round, or the medians of several rounds; times are in milliseconds.

    `server` is the CPU time of the server process per request, `database` that of all processes of
    PostgreSQL: None where these cannot be seen.
    """

    rate: float
    server: float
    database: float | None
    p50: float
    p99: float

    @property
    def cpu(self) -> float:
        """Server and database together."""
        return self.server + (self.database or 0)


@dataclass(frozen=True, slots=True)
class Bench:
    """How a round is measured: so many seconds, with so many connections."""

    seconds: float
    postgres: ProcessMeter | None
    callers: int = CALLERS

    def round(self, system: System, requests: Iterator[Request]) -> Cost:
        """One round.

        Raises:
            WrongAnswer: something was not answered as expected, or nothing was.
        """
        meters = [system.meter, *([self.postgres] if self.postgres else [])]
        before = [meter.seconds() for meter in meters]
        (done,) = drive(system.address, [Crowd(self.callers, requests)], self.seconds)
        if not done.latencies:
            raise WrongAnswer("every request was turned away")
        used = [
            (meter.seconds() - earlier) / len(done.latencies) * 1000
            for meter, earlier in zip(meters, before, strict=True)
        ]
        return Cost(
            rate=done.rate,
            server=used[0],
            database=used[1] if self.postgres else None,
            p50=done.percentile(0.5) * 1000,
            p99=done.percentile(0.99) * 1000,
        )


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each number."""
    databases = [cost.database for cost in costs if cost.database is not None]
    return Cost(
        rate=statistics.median(cost.rate for cost in costs),
        server=statistics.median(cost.server for cost in costs),
        database=statistics.median(databases) if databases else None,
        p50=statistics.median(cost.p50 for cost in costs),
        p99=statistics.median(cost.p99 for cost in costs),
    )
