"""How fast posts come in, and whether the ranking is right afterwards.

Imports the posts of a file of JSON lines by `hashpost import` into an empty SQLite file and into an
empty PostgreSQL database; recounts by `hashpost check`; serves, and prints the 20 most popular
hashtags as HTTP answers them beside what a second implementation, which shares nothing with the
first, counts in the same file.

    python -m bench.imports posts.jsonl
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import servers
from tests.unit.domain.reference_hashtags import occurrences

HASHPOST = [sys.executable, "-m", "hashpost"]
WORTH_IMPORTING = re.compile("[^\x00-\x08\x0b-\x1f\x7f-\x9f]{1,5000}", re.DOTALL)
LIMIT = 20


def main() -> None:
    """Measure both databases."""
    shared = os.environ.get("HASHPOST_SHARED")
    given = sys.argv[1] if len(sys.argv) > 1 and Path(sys.argv[1]).is_file() else None
    file = Path(given or Path(shared or "", "data", "posts.jsonl"))
    if not file.is_file():
        print("no posts to import: name a file of JSON lines")
        return
    print(f"\n{'import of ' + file.name:28}{'posts':>8}{'rejected':>10}{'posts/s':>9}  check")
    expected = counted(file)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(servers.postgres())
        postgres = stack.enter_context(servers.fresh_database(server))
        rankings = [measured(url, file) for url in (f"sqlite:///{folder / 'bench.db'}", postgres)]
    print(f"\n{'most popular':28}{'SQLite':>8}{'PostgreSQL':>12}{'recounted':>11}")
    for (name, count), *answers in zip(expected, *rankings, strict=True):
        marks = [str(each) if (each_name, each) == (name, count) else f"{each_name} {each}!"
                 for each_name, each in answers]  # fmt: skip
        print(f"#{name:27}{marks[0]:>8}{marks[1]:>12}{count:>11}")


def counted(file: Path) -> list[tuple[str, int]]:
    """The ranking, by the second implementation."""
    counts: Counter[str] = Counter()
    for line in file.read_text("utf-8").splitlines():
        text = json.loads(line)["text"]
        if WORTH_IMPORTING.fullmatch(text):
            counts.update({name for name, *_ in occurrences(text)})
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:LIMIT]


def measured(url: str, file: Path) -> list[tuple[str, int]]:
    """Import into that database, print how it went, and give the ranking over HTTP."""
    environment = os.environ | {
        "HASHPOST_DATABASE_URL": url,
        "HASHPOST_SECRET_KEY": "a secret key that is only for this bench",
        "HASHPOST_LOG_LEVEL": "warning",
    }
    if url.startswith("postgresql"):
        subprocess.run([*HASHPOST, "migrate"], env=environment, check=True, capture_output=True)
    before = time.perf_counter()
    imported = subprocess.run(
        [*HASHPOST, "import", "--json", str(file)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - before
    told: dict[str, int] = json.loads(imported.stdout)
    checked = subprocess.run(
        [*HASHPOST, "check"], env=environment, capture_output=True, text=True, check=False
    )
    print(
        f"{url.partition(':')[0]:28}{told['imported']:8}{told['rejected']:10}"
        f"{told['imported'] / seconds:9.0f}  {checked.stdout.strip() or checked.stderr.strip()}"
    )
    with serving(environment) as base:
        return popular(base)


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[str]:
    """The URL of a server over that database."""
    command = [*HASHPOST, "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"listens on (http://\S+)", line):
                yield found[1]
                break
        server.terminate()


def popular(base: str) -> list[tuple[str, int]]:
    """The ranking that a new user gets over HTTP."""
    user: dict[str, Any] = {"username": "bench", "password": "correct horse battery"}
    with httpx.Client(base_url=base) as client:
        client.post("/api/create_user/", json=user).raise_for_status()
        access = client.post("/api/token/", json=user).raise_for_status().json()["access"]
        answer = client.get(
            "/api/popular_hashtags/",
            params={"limit": LIMIT},
            headers={"Authorization": f"Bearer {access}"},
        )
    return [(tag["name"], tag["count"]) for tag in answer.raise_for_status().json()]


if __name__ == "__main__":
    main()
