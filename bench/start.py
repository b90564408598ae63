"""What it costs to start: CPU time until `hashpost serve` answers, on a file that is there.

python -m bench.start
"""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.fill import fill
from bench.systems import ours
from bench.world import World, last_hour

POSTS = 10_000
STARTS = 7


def main() -> None:
    """Print the medians."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder)}/bench.db"
        fill(url, World(POSTS, last_hour()))
        starts = sorted(_start(url) for _ in range(STARTS))
    cpu, passed = (statistics.median(numbers) for numbers in zip(*starts, strict=True))
    print(f"answers after {cpu:.2f} s of CPU time, {passed:.2f} s on the clock")


def _start(url: str) -> tuple[float, float]:
    """Seconds of CPU time, and on the clock."""
    begun = time.perf_counter()
    with ours(url) as system:
        return system.meter.seconds(), time.perf_counter() - begun


if __name__ == "__main__":
    main()
