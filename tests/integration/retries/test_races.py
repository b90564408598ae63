"""Many callers of a real server at once."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx

from tests.integration.retries.doomed import NOWHERE
from tests.integration.retries.serving import CREDENTIALS, serving, token

ROUNDS = 10
WRITERS = 50


async def test_of_fifty_writers_with_one_etag_one_gets_200_and_the_others_412(
    migrated_url: str, tmp_path: Path
) -> None:
    with serving(NOWHERE, migrated_url, tmp_path) as (client, _):
        client.post("/api/create_user/", json=CREDENTIALS)
        headers = token(client)
        created = client.post("/api/posts/", json={"text": "Hello"}, headers=headers)
        path, tag = created.headers["Location"], created.headers["ETag"]
        statuses: Counter[int] = Counter()

        async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as callers:
            for number in range(ROUNDS):
                answers = await asyncio.gather(
                    *(
                        callers.put(
                            path,
                            json={"text": f"{writer} in {number}"},
                            headers=headers | {"If-Match": tag},
                        )
                        for writer in range(WRITERS)
                    )
                )
                (won,) = [answer for answer in answers if answer.status_code == 200]
                statuses += Counter(answer.status_code for answer in answers)
                assert (await callers.get(path, headers=headers)).json() == won.json()
                tag = won.headers["ETag"]

    assert statuses == {200: ROUNDS, 412: ROUNDS * (WRITERS - 1)}


async def test_of_many_requests_under_one_key_one_is_done(
    migrated_url: str, tmp_path: Path
) -> None:
    with serving(NOWHERE, migrated_url, tmp_path) as (client, _):
        client.post("/api/create_user/", json=CREDENTIALS)
        headers = token(client)

        async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as callers:
            for number in range(ROUNDS):
                key = {"Idempotency-Key": f"key-{number}"}
                answers = await asyncio.gather(
                    *(
                        callers.post("/api/posts/", json={"text": "Hello"}, headers=headers | key)
                        for _ in range(10)
                    )
                )
                assert {answer.status_code for answer in answers} == {201}
                assert len({answer.content for answer in answers}) == 1
            page = (await callers.get("/api/posts/", headers=headers)).json()

    assert page["count"] == ROUNDS
