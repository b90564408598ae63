"""A server killed while it writes a post: the retry under the same key makes it one post."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.integration.retries.doomed import NOWHERE, POINTS
from tests.integration.retries.serving import CREDENTIALS, serving, token


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
