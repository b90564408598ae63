"""How many requests a second one process answers, and what one costs, beside the floor.

Fills a PostgreSQL of its own, serves it by hashpost and by the floor (`bench.floor`), and asks both
in turns; prints the medians. Scenarios that write come last.

    python -m bench.load --posts 1000000 --rounds 5 --seconds 5 --json load.json
    python -m bench.load --posts 20000 --only posts-page-1 create
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from bench.cpu import postgres_meter
from bench.driver import Crowd, WrongAnswer, drive
from bench.fill import fill, settle
from bench.machine import facts
from bench.measuring import CALLERS, Bench, Cost, median
from bench.report import findings, table
from bench.results import Beside, Line, Load
from bench.scenarios import SCENARIOS, Scenario, Stock, requests
from bench.systems import SETTINGS, System, database, floor, ours
from bench.world import World, last_hour

_WARM_UP = 2
"""Seconds of requests before the first round: connections are made, caches filled. A scenario has a
fourth of a round for its own."""
LOG_INS = 50
_PAUSE = 0.002
"""Seconds between two reads of those that log-ins are to hold up, so that they keep nobody busy."""
_LOGGED = {**SETTINGS, "LOG_LEVEL": "info", "LOG_FORMAT": "json"}


def main(*, posts: int = 1_000_000, rounds: int = 5, seconds: float = 5) -> None:
    """Measure what is asked for, print it, and write it into a file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=posts)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seconds", type=float, default=seconds, help="of a round")
    parser.add_argument("--callers", type=int, default=CALLERS, help="connections at once")
    parser.add_argument(
        "--only", nargs="+", choices=SCENARIOS, metavar="SCENARIO", help=", ".join(SCENARIOS)
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="a database that bench.fill has filled; it is written to")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    given = parser.parse_args()
    with filled(given.url, World(given.posts, last_hour(), given.seed)) as url:
        loading = Loading(url, given.rounds, given.seconds, given.callers, given.seed)
        load = loading.all() if given.only is None else loading.some(given.only)
    print("", *findings(load), sep="\n")
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(load)))
    if loading.failed:
        sys.exit(f"failed: {', '.join(loading.failed)}")


@contextmanager
def filled(url: str | None, world: World) -> Iterator[str]:
    """The URL of a database with all that; the one that is given, as it is."""
    if url is not None:
        yield url
        return
    with database() as made:
        begun = time.perf_counter()
        fill(made, world)
        print(f"{world.posts:,} posts, filled in {time.perf_counter() - begun:.0f} s\n")
        yield made


@dataclass(slots=True)
class Loading:
    """Measures hashpost and the floor over one database, in rounds of so many seconds."""

    url: str
    rounds: int
    seconds: float
    callers: int = CALLERS
    seed: int = 1
    stock: Stock = field(init=False)
    bench: Bench = field(init=False)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stock = Stock.of(self.url)
        self.bench = Bench(self.seconds, postgres_meter(self.url), self.callers)

    def all(self) -> Load:
        """Every scenario, the price of the log, and what log-ins do to reads."""
        with ours(self.url, settings=_LOGGED) as logged, ours(self.url) as plain:
            self._warm_up(plain, logged)
            costs = self._costs([plain, logged], SCENARIOS["posts-page-1"])
            price = median(costs[logged]).server - median(costs[plain]).server
        # Of two pages that are the same one, the last that there is, one is enough.
        distinct = {each.title(self.stock): name for name, each in SCENARIOS.items()}
        return self.some([*distinct.values()], log_price=price)

    def some(self, names: Sequence[str], *, log_price: float | None = None) -> Load:
        """These scenarios, printed as they come; log-ins beside reads if that is one of them."""
        with ours(self.url) as system, floor(self.url) as bare:
            self._warm_up(system, bare)
            settle(self.url)
            print(*table([]), sep="\n")
            lines = [line for name in names for line in self._lines(name, system, bare)]
            beside = [self._beside(each) for each in (system, bare)] if "log-in" in names else []
        return Load(
            made=f"{datetime.now(UTC):%Y-%m-%d}",
            facts=facts(self.url),
            posts=self.stock.posts,
            rounds=self.rounds,
            seconds=self.seconds,
            callers=self.callers,
            lines=lines,
            log_price=log_price,
            beside=beside,
        )

    def _lines(self, name: str, system: System, bare: System) -> Iterator[Line]:
        """The line of a scenario, or none if it was answered wrongly."""
        title = SCENARIOS[name].title(self.stock)
        try:
            costs = self._costs([system, bare], SCENARIOS[name])
        except WrongAnswer as error:
            # The others shall be measured all the same: it may have taken long to come here.
            print(f"{title} FAILED", flush=True)
            print(error, file=sys.stderr)
            self.failed.append(name)
            return
        line = Line(name, title, median(costs[system]), median(costs[bare]))
        print(*table([line], with_head=False), sep="\n", flush=True)
        yield line

    def _warm_up(self, *systems: System) -> None:
        for system in systems:
            asked = requests(SCENARIOS["users"], self.stock, seed=self.seed)
            Bench(_WARM_UP, None, self.callers).round(system, asked)

    def _costs(
        self, systems: Sequence[System], scenario: Scenario
    ) -> Mapping[System, Sequence[Cost]]:
        costs: dict[System, list[Cost]] = defaultdict(list)
        asked = {each: requests(scenario, self.stock, seed=self.seed) for each in systems}
        for system in systems:
            Bench(self.seconds / 4, None, self.callers).round(system, asked[system])
        for number in range(self.rounds):
            # Neither is always the first.
            for system in systems if number % 2 == 0 else reversed(systems):
                costs[system].append(self.bench.round(system, asked[system]))
        return costs

    def _beside(self, system: System) -> Beside:
        """What log-ins do to reads, in rounds that take turns."""
        asked = partial(requests, stock=self.stock, seed=self.seed)
        reads = Crowd(1, asked(SCENARIOS["posts-page-1"]), pause=_PAUSE)
        log_ins = Crowd(LOG_INS, asked(SCENARIOS["log-in"]))
        alone, beside, rates = [], [], []
        for _ in range(self.rounds):
            (quiet,) = drive(system.address, [reads], self.seconds)
            busy, logged_in = drive(system.address, [reads, log_ins], self.seconds)
            alone.append(quiet)
            beside.append(busy)
            rates.append(logged_in.rate)
        p50, p99, p50_beside, p99_beside = (
            statistics.median(each.percentile(share) * 1000 for each in drives)
            for drives in (alone, beside)
            for share in (0.5, 0.99)
        )
        return Beside(system.name, (p50, p99), (p50_beside, p99_beside), statistics.median(rates))


if __name__ == "__main__":
    main()
