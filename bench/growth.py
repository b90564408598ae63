"""What a request costs as posts become more: ten thousand, a hundred thousand, a million.

Fills a PostgreSQL with each number of posts, serves each by hashpost, and asks every scenario that
reads, then creates, of all of them in turns: a machine may be slower a minute later. Prints the CPU
time of server and database, and draws both.

    python -m bench.growth --json growth.json
    python -m bench.growth --ten        (ten million as well: some minutes and 10 GB more)
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.cpu import postgres_meter
from bench.driver import Request, WrongAnswer
from bench.fill import fill, settle
from bench.machine import facts
from bench.measuring import CALLERS, Bench, Cost, median
from bench.plots import Series, plot
from bench.report import growth_table
from bench.results import Growth, Point
from bench.scenarios import SCENARIOS, Stock, requests
from bench.systems import System, database, ours
from bench.world import World, last_hour

PLOTS = Path(__file__).parent / "plots"
_SIZES = (10_000, 100_000, 1_000_000)
_WARM_UP = 1
_NAMES = [name for name, each in SCENARIOS.items() if not each.writes] + ["create"]


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ten", action="store_true", help="ten million posts as well")
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, help="numbers of posts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3, help="of a round")
    parser.add_argument("--only", nargs="+", choices=_NAMES, default=_NAMES, metavar="SCENARIO")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    parser.add_argument("--plots", type=Path, default=PLOTS, help="the folder to draw into")
    given = parser.parse_args()
    with ExitStack() as stack:
        worlds = []
        for size in [*given.sizes, *([10_000_000] if given.ten else [])]:
            url = stack.enter_context(database())
            fill(url, World(size, last_hour()))
            print(f"{size:,} posts are there", flush=True)
            worlds.append(Grown.at(url, size, stack, seconds=given.seconds))
            told = facts(url)
        points = [*measured(worlds, given.only, rounds=given.rounds)]
    growth = Growth(
        made=f"{datetime.now(UTC):%Y-%m-%d}",
        facts=told,
        rounds=given.rounds,
        seconds=given.seconds,
        callers=CALLERS,
        points=points,
    )
    print(*growth_table(growth), sep="\n")
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(growth)))
    draw(growth, given.plots)


@dataclass(frozen=True, slots=True)
class Grown:
    """So many posts, and who serves them."""

    posts: int
    stock: Stock
    system: System
    bench: Bench

    @classmethod
    def at(cls, url: str, posts: int, stack: ExitStack, *, seconds: float) -> "Grown":
        """The database at that URL, served for as long as the stack is open."""
        system = stack.enter_context(ours(url))
        settle(url)
        grown = cls(posts, Stock.of(url), system, Bench(seconds, postgres_meter(url)))
        grown.warm_up("users")
        return grown

    def warm_up(self, name: str) -> None:
        """Ask for a while, without looking."""
        Bench(_WARM_UP, None).round(self.system, self.asked(name))

    def asked(self, name: str) -> Iterator[Request]:
        """The requests of that scenario."""
        return requests(SCENARIOS[name], self.stock, seed=1)


def measured(worlds: Sequence[Grown], names: Sequence[str], *, rounds: int) -> Iterator[Point]:
    """What each scenario costs in each of them; they take turns, round by round."""
    for name in names:
        try:
            costs = _costs(worlds, name, rounds)
        except WrongAnswer as error:
            print(f"{name}: FAILED", flush=True)
            print(error, file=sys.stderr)
            continue
        told = ", ".join(f"{each.posts:,} {costs[each.posts].cpu:.3f} ms" for each in worlds)
        print(f"{name}: {told}", flush=True)
        yield from (Point(posts, name, cost) for posts, cost in costs.items())


def _costs(worlds: Sequence[Grown], name: str, rounds: int) -> dict[int, Cost]:
    asked = {each.posts: each.asked(name) for each in worlds}
    costs: dict[int, list[Cost]] = defaultdict(list)
    for each in worlds:
        each.warm_up(name)
    for number in range(rounds):
        for each in worlds if number % 2 == 0 else reversed(worlds):
            costs[each.posts].append(each.bench.round(each.system, asked[each.posts]))
    return {posts: median(of_all) for posts, of_all in costs.items()}


def draw(growth: Growth, folder: Path) -> None:
    """Draw the CPU time of the server, and that of the database."""
    folder.mkdir(exist_ok=True)
    for file, title, of in (
        ("server.svg", "CPU time of the server per request", lambda cost: cost.server),
        ("database.svg", "CPU time of PostgreSQL per request", lambda cost: cost.database),
    ):
        series = _series(growth.points, of)
        if series:
            (folder / file).write_text(plot(title, series))


def _series(points: Sequence[Point], of: Callable[[Cost], float | None]) -> Series:
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in points:
        number = of(point.cost)
        if number is not None:
            series[point.name].append((point.posts, number))
    return series


if __name__ == "__main__":
    main()
