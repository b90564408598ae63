"""Tables of what was measured: for a terminal, and for `bench/RESULTS.md`.

python -m bench.report --load load.json --growth growth.json >bench/RESULTS.md
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.measuring import Cost
from bench.results import Beside, Growth, Line, Load

_HEADS = (
    "req/s", "floor", "share",
    "server ms", "floor", "ratio",
    "database ms", "floor",
    "p50 ms", "floor", "p99 ms", "floor",
)  # fmt: skip

_METHOD = """\
One process of `hashpost serve` and one of the floor (`bench/floor/`: bare ASGI, psycopg and
msgspec, a hand-written statement a route, the same check of the token; it is not exact, and checks
nothing else) over the same tables of one PostgreSQL, on the same machine as the driver. {callers}
connections ask at once, each again as soon as it is answered. Both are asked in turns, {rounds}
rounds of {seconds:g} s; the numbers are medians. *server* is the CPU time per request of the
server's process and of those that hash for it, *database* that of all processes of PostgreSQL.
Rate limits are off, and so is the access log (`HASHPOST_LOG_LEVEL=warning`), which the floor does
not have.
"""

_GROWTH = """\
CPU time per request in milliseconds, server + database, and how many times the first the last is;
all of them asked in turns, round by round.
Users and hashtags become more as posts do, so that pages of any of them hold as many posts. A page
that is not there yet is the last one. Ten million posts do not fit into `shared_buffers`: what is
asked for at random is fetched from the kernel then, more or less of it from one run to the next.
"""


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--load", type=Path, required=True, help="what bench.load wrote")
    parser.add_argument("--growth", type=Path, help="what bench.growth wrote")
    given = parser.parse_args()
    load = msgspec.json.decode(given.load.read_bytes(), type=Load)
    growth = given.growth and msgspec.json.decode(given.growth.read_bytes(), type=Growth)
    print(*report(load, growth), sep="\n")


def report(load: Load, growth: Growth | None = None) -> Iterator[str]:
    """All of it in Markdown, line by line."""
    yield from ("# Results", "", f"Measured on {load.made}.", "")
    yield from _listed(load.facts)
    yield from ("", f"## {load.posts:,} live posts", "")
    yield _METHOD.format(callers=load.callers, rounds=load.rounds, seconds=load.seconds)
    yield from markdown(load.lines)
    yield from ("", *(f"- {finding}" for finding in findings(load)))
    if growth is not None:
        yield from ("", "## Growth", "", _GROWTH)
        yield from growth_table(growth)
        yield from ("", "![server](plots/server.svg)", "", "![database](plots/database.svg)")


def table(lines: Sequence[Line], *, with_head: bool = True) -> Iterator[str]:
    """Lines for a terminal."""
    if with_head:
        yield f"{'':32}" + "".join(f"{head:>12}" for head in _HEADS)
    for line in lines:
        yield f"{line.title:32}" + "".join(f"{each:>12}" for each in _cells(line))


def markdown(lines: Sequence[Line]) -> Iterator[str]:
    """The same as a table in Markdown."""
    yield from _head("scenario", _HEADS)
    for line in lines:
        yield _row(line.title, _cells(line))


def findings(load: Load) -> Iterator[str]:
    """What the numbers say of each other."""
    lines = {line.name: line for line in load.lines}
    first = lines.get("posts-page-1")
    if first is not None:
        for name in ("posts-page-45000", "popular"):
            if name in lines:
                factor = lines[name].ours.cpu / first.ours.cpu
                yield (
                    f"{lines[name].title}: {factor:.2f} times the CPU time (server and database)"
                    f" of {first.title}."
                )
    if load.log_price is not None:
        yield f"The access log costs {load.log_price * 1000:.0f} µs of CPU time a request."
    if "trend" in lines and "even" in lines:
        share = lines["trend"].ours.rate / lines["even"].ours.rate
        yield f"{lines['trend'].title}: {share:.0%} of the rate of evenly spread ones."
    yield from map(_beside, load.beside)


def _beside(found: Beside) -> str:
    alone, beside = found.alone[1], found.beside[1]
    return (
        f"While 50 log-ins wait ({found.log_ins:.0f} a second go through), reads of {found.system}"
        f" take {beside:.1f} ms at the 99th percentile, {alone:.1f} ms without:"
        f" {beside / alone:.1f} times as long."
    )


def growth_table(growth: Growth) -> Iterator[str]:
    """CPU time by the number of posts, and how many times the first the last is."""
    costs: dict[str, dict[int, Cost]] = defaultdict(dict)
    for point in growth.points:
        costs[point.name][point.posts] = point.cost
    sizes = sorted({point.posts for point in growth.points})
    yield from _head("scenario", [*(f"{size:,} posts" for size in sizes), "grew"])
    for name, by_size in costs.items():
        first, last = by_size.get(sizes[0]), by_size.get(sizes[-1])
        grew = f"{last.cpu / first.cpu:.2f}" if first and last else "–"
        yield _row(name, [*(_both(by_size.get(size)) for size in sizes), grew])


def _both(cost: Cost | None) -> str:
    return "failed" if cost is None else f"{cost.server:.3f} + {_or_dash(cost.database)}"


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


def _listed(facts: Mapping[str, str]) -> Iterator[str]:
    return (f"- {name}: {text}" for name, text in facts.items())


def _head(first: str, others: Sequence[str]) -> Iterator[str]:
    yield _row(first, others)
    yield f"|---|{'---:|' * len(others)}"


def _row(first: str, others: Iterable[str]) -> str:
    return f"| {first} | {' | '.join(others)} |"


if __name__ == "__main__":
    main()
