"""How many requests a second one process answers, and what one costs, beside the floor.

Fills a PostgreSQL of its own, serves it by hashpost and by the floor (`bench.floor`), and asks both
in turns; prints the medians. Scenarios that write come last.

    python -m bench.load --posts 1000000 --rounds 5 --seconds 5 --json load.json
    python -m bench.load --only posts-page-1 create
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.cpu import PostgresMeter
from bench.fill import fill, settle
from bench.measuring import CALLERS, Bench, Cost, median
from bench.report import Line, facts, table
from bench.scenarios import SCENARIOS, Scenario, Stock, requests
from bench.systems import System, database, floor, ours
from bench.world import World, last_hour

_WARM_UP = 0.5
"""Seconds before the rounds of a scenario: plans are made, caches filled, both as they would be."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure, and how long."""

    posts: int
    rounds: int
    seconds: float
    only: Sequence[str] = ()
    seed: int = 1
    url: str | None = None
    callers: int = CALLERS

    def scenarios(self) -> list[Scenario]:
        """Those that are wanted."""
        return [each for name, each in SCENARIOS.items() if not self.only or name in self.only]


def main() -> None:
    """Measure what is asked for, print it, and write it into a file."""
    given = arguments()
    lines = measured(
        Options(
            posts=given.posts,
            rounds=given.rounds,
            seconds=given.seconds,
            only=given.only,
            seed=given.seed,
            url=given.url,
            callers=given.callers,
        )
    )
    if given.json:
        told = {"facts": facts(), "posts": given.posts, "lines": [asdict(line) for line in lines]}
        given.json.write_text(json.dumps(told, indent=1))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of a round")
    parser.add_argument("--callers", type=int, default=CALLERS, help="connections at once")
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=(), metavar="SCENARIO")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="a database that bench.fill has filled; it is written to")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    return parser.parse_args()


def measured(options: Options) -> list[Line]:
    """A line for each scenario, printed as they come."""
    with ExitStack() as stack:
        url = options.url
        if url is None:
            url = stack.enter_context(database())
            begun = time.perf_counter()
            fill(url, World(options.posts, last_hour(), options.seed))
            print(f"{options.posts:,} posts, filled in {time.perf_counter() - begun:.0f} s\n")
        stock = Stock.of(url)
        systems = [stack.enter_context(each(url)) for each in (ours, floor)]
        settle(url)
        bench = Bench(options.seconds, PostgresMeter.of(url), options.callers)
        lines = []
        print(*table([], with_head=True), sep="\n")
        for scenario in options.scenarios():
            line = _line(bench, systems, scenario, stock, options)
            print(*table([line], with_head=False), sep="\n", flush=True)
            lines.append(line)
        return lines


def _line(
    bench: Bench, systems: Sequence[System], scenario: Scenario, stock: Stock, options: Options
) -> Line:
    costs: dict[str, list[Cost]] = defaultdict(list)
    asked = {system.name: requests(scenario, stock, seed=options.seed) for system in systems}
    for system in systems:
        Bench(_WARM_UP, None, options.callers).round(system, asked[system.name])
    for number in range(options.rounds):
        # Neither is always the first.
        for system in systems if number % 2 == 0 else reversed(systems):
            costs[system.name].append(bench.round(system, asked[system.name]))
    medians = {name: median(each) for name, each in costs.items()}
    return Line(scenario.name, scenario.title, medians["ours"], medians["floor"])


if __name__ == "__main__":
    main()
