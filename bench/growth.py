"""What a request costs as posts become more: ten thousand, a hundred thousand, a million.

Fills a PostgreSQL with each number of posts, serves it by hashpost, and asks every scenario that
reads, then creates; prints the CPU time of server and database, and draws both.

    python -m bench.growth --json growth.json
    python -m bench.growth --ten        (ten million as well: some minutes and 10 GB more)
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.cpu import postgres_meter
from bench.driver import WrongAnswer
from bench.fill import fill, settle
from bench.machine import facts
from bench.measuring import CALLERS, Bench, Cost, median
from bench.plots import Series, plot
from bench.report import growth_table
from bench.results import Growth, Point
from bench.scenarios import SCENARIOS, Stock, requests
from bench.systems import database, ours
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
    points: list[Point] = []
    for size in [*given.sizes, *([10_000_000] if given.ten else [])]:
        with database() as url:
            fill(url, World(size, last_hour()))
            told = facts(url)
            points += measured(url, size, given.only, rounds=given.rounds, seconds=given.seconds)
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


def measured(
    url: str, posts: int, names: Sequence[str], *, rounds: int, seconds: float
) -> Iterator[Point]:
    """What each scenario costs over that database with so many posts."""
    stock = Stock.of(url)
    with ours(url) as system:
        settle(url)
        bench, warm_up = Bench(seconds, postgres_meter(url)), Bench(_WARM_UP, None)
        warm_up.round(system, requests(SCENARIOS["users"], stock, seed=1))
        for name in names:
            asked = requests(SCENARIOS[name], stock, seed=1)
            try:
                warm_up.round(system, asked)
                cost = median([bench.round(system, asked) for _ in range(rounds)])
            except WrongAnswer as error:
                print(f"{posts:,} posts, {name}: FAILED", flush=True)
                print(error, file=sys.stderr)
                continue
            print(f"{posts:,} posts, {name}: {cost.cpu:.3f} ms", flush=True)
            yield Point(posts, name, cost)


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
