"""How long it takes to find the hashtags in texts, hostile and real.

Prints the CPU time for texts of the worst shapes at 64 KB, 256 KB and 1 MB, and how it grew: four
times the text should take four times as long. Then, if `HASHPOST_SHARED` names a folder with
`data/posts.jsonl`, how many real posts a second one core gets through.

    python -m bench.extraction
"""

import json
import os
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path

from hashpost.domain import hashtag
from hashpost.testing.strategies import worst_texts

LENGTHS = {"64 KB": 1 << 16, "256 KB": 1 << 18, "1 MB": 1 << 20}
ROUNDS = 5


def main() -> None:
    """Measure both and print two tables."""
    print_worst_texts()
    print_real_posts()


def print_worst_texts() -> None:
    print(f"{'CPU time in ms':28}", *(f"{label:>10}" for label in LENGTHS), "    growth per 4x")
    by_length = [worst_texts(length) for length in LENGTHS.values()]
    for name in by_length[0]:
        times = [cpu_seconds(partial(hashtag.extract, texts[name])) for texts in by_length]
        growth = [after / before for before, after in pairwise(times)]
        print(
            f"{name:28}",
            *(f"{seconds * 1000:10.2f}" for seconds in times),
            *(f"{factor:8.1f}" for factor in growth),
        )


def print_real_posts() -> None:
    shared = os.environ.get("HASHPOST_SHARED")
    if shared is None:
        print("\nReal posts: set HASHPOST_SHARED to measure them.")
        return
    with Path(shared, "data", "posts.jsonl").open(encoding="utf-8") as lines:
        posts = [json.loads(line)["text"] for line in lines]
    found = sum(len(hashtag.extract(post)) for post in posts)
    seconds = cpu_seconds(lambda: [hashtag.extract(post) for post in posts])
    print(f"\n{len(posts):,} real posts, {found:,} hashtags: {len(posts) / seconds:,.0f} posts/s")


def cpu_seconds(work: Callable[[], object]) -> float:
    """The CPU time of `work`, the best of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
