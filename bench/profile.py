"""Where a request spends the CPU time of the server, by package and by function.

Serves a database of its own under a sampler (`bench.sampled`), asks one scenario, and prints the
microseconds per request: in a function itself, and in it with all that it calls.

    python -m bench.profile --scenario posts-page-1
    python -m bench.profile --scenario posts-page-1 --floor

There are some 250 samples in a second of CPU time; the more of them, the less is left to chance.
Time outside of Python (the event loop, the kernel) stands with the Python function that it was
called from, or with the one that it called next.
"""

import argparse
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.fill import fill
from bench.measuring import CALLERS, Bench
from bench.scenarios import SCENARIOS, Stock, requests
from bench.systems import database, floor, ours
from bench.world import World, last_hour

Function = tuple[str, str]

_WARM_UP = 2
_WRITTEN_WITHIN = 30


@dataclass(frozen=True, slots=True)
class Samples:
    """Stacks of functions, from the outermost in, and how often each was met."""

    stacks: Sequence[tuple[int, Sequence[Function]]]

    @classmethod
    def read(cls, file: Path) -> "Samples":
        """What `bench.sampled` wrote."""
        told = json.loads(file.read_text())
        return cls([(count, [(path, name) for path, name in stack]) for count, stack in told])

    @property
    def total(self) -> int:
        """How many samples there are."""
        return sum(count for count, _ in self.stacks)

    def itself(self) -> Counter[Function]:
        """How often each function was the innermost."""
        return _counted((count, stack[-1:]) for count, stack in self.stacks)

    def inclusive(self) -> Counter[Function]:
        """How often each function was in the stack, but for those that always are."""
        found = _counted((count, stack) for count, stack in self.stacks)
        return Counter({each: count for each, count in found.items() if count < self.total})

    def packages(self) -> Counter[Function]:
        """How often the innermost function was one of that package."""
        found: Counter[Function] = Counter()
        for (path, _), count in self.itself().items():
            found[path.partition("/")[0], ""] += count
        return found


def _counted(stacks: Iterable[tuple[int, Sequence[Function]]]) -> Counter[Function]:
    found: Counter[Function] = Counter()
    for count, stack in stacks:
        for function in set(stack):
            found[function] += count
    return found


def main() -> None:
    """Print the tables of the scenario that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenario", choices=SCENARIOS, default="posts-page-1")
    parser.add_argument("--floor", action="store_true", help="the floor instead of hashpost")
    parser.add_argument("--posts", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--callers", type=int, default=CALLERS, help="connections at once")
    parser.add_argument("--functions", type=int, default=40, help="how many of them to print")
    parser.add_argument("--url", help="a database that bench.fill has filled")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = given.url
        if url is None:
            url = stack.enter_context(database())
            fill(url, World(given.posts, last_hour()))
        serve = floor if given.floor else ours
        file = folder / "samples.json"
        system = stack.enter_context(serve(url, through=["bench.sampled", str(file)]))
        asked = requests(SCENARIOS[given.scenario], Stock.of(url), seed=1)
        Bench(_WARM_UP, None, given.callers).round(system, asked)
        os.kill(system.meter.pid, signal.SIGUSR1)
        cost = Bench(given.seconds, None, given.callers).round(system, asked)
        os.kill(system.meter.pid, signal.SIGUSR2)
        samples = Samples.read(_written(file))
    print(f"{given.scenario}: {cost.rate:.0f} requests/s, {cost.server * 1000:.0f} us of CPU each")
    price = cost.server * 1000 / samples.total
    _print("us in packages", samples.packages(), price, given.functions)
    _print("us in functions themselves", samples.itself(), price, given.functions)
    _print("us in functions and what they call", samples.inclusive(), price, given.functions)


def _written(file: Path) -> Path:
    give_up = time.monotonic() + _WRITTEN_WITHIN
    while not file.exists():
        if time.monotonic() > give_up:
            raise TimeoutError("the server does not write down its samples")
        time.sleep(0.05)
    return file


def _print(title: str, found: Counter[Function], price: float, most: int) -> None:
    print(f"\n{title}")
    for (path, name), count in found.most_common(most):
        print(f"{count * price:8.1f}  {path}  {name}")


if __name__ == "__main__":
    main()
