"""A server killed while it writes a post: the retry under the same key makes it one post."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.cli.commands import environment
from tests.integration.cli.serving import KEY
from tests.integration.retries.doomed import NOWHERE, POINTS

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


def write(client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    """Write a post."""
    return client.post("/api/posts/", json={"text": "Hello #World"}, headers=headers)


@pytest.mark.parametrize("point", POINTS)
def test_a_retry_after_the_death_of_the_server_makes_no_second_post(
    migrated_url: str, point: str, tmp_path: Path
) -> None:
    with serving(point, migrated_url, tmp_path) as (client, process):
        client.post("/api/create_user/", json=CREDENTIALS)
        headers = token(client) | {"Idempotency-Key": "0b9f5c1e"}
        with pytest.raises(httpx.TransportError):
            write(client, headers)
        killed_by = process.wait(10)

    with serving(NOWHERE, migrated_url, tmp_path) as (client, _):
        kept = client.get("/api/posts/", headers=headers).json()["result"]
        answers = [write(client, headers) for _ in range(2)]
        page = client.get("/api/posts/", headers=headers).json()

    assert killed_by == -signal.SIGKILL
    assert len(kept) == (0 if point == "before the commit" else 1)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert (page["count"], page["result"]) == (1, [answers[0].json()])
    assert kept in ([], page["result"])
