"""A server of this test's own, and callers of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.integration.cli.commands import environment
from tests.integration.cli.serving import KEY

CREDENTIALS = {"username": "ada", "password": "correct horse battery"}

Pair = tuple[httpx.Client, subprocess.Popen[str]]


@contextmanager
def serving(
    point: str, url: str, folder: Path
) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A server that dies at that point, and a client of it."""
    settings = environment({"SECRET_KEY": KEY, "DATABASE_URL": url})
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.retries.doomed", point],
        stdout=subprocess.PIPE,
        text=True,
        env=settings | {"PYTHONPATH": str(Path(__file__).parents[3])},
        cwd=folder,
    ) as process:
        try:
            assert process.stdout
            port = process.stdout.readline().strip()
            assert port
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, timeout=60) as client:
                yield client, process
        finally:
            process.kill()


def token(client: httpx.Client) -> dict[str, str]:
    """The header that says who calls."""
    answer = client.post("/api/token/", json=CREDENTIALS)
    return {"Authorization": f"Bearer {answer.json()['access']}"}
