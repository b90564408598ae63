"""1.3: Idempotency-Key."""

import asyncio
from typing import Any

import pytest

from tests.unit.http.calling import Caller, problem_of

KEY = "0b9f5c1e-7d5e-4a52-9d0f-2f4d2f1f6d3a"


async def post(caller: Caller, text: str, key: str = KEY, path: str = "/api/posts/") -> Any:
    return await caller.call("POST", path, {"text": text}, headers={"Idempotency-Key": key})


async def count(caller: Caller) -> int:
    return int((await caller.get("/api/posts/")).json()["count"])


async def test_a_repeated_request_gets_the_first_answer_and_does_nothing(ada: Caller) -> None:
    first = await post(ada, "Hello #World")
    again = await post(ada, "Hello #World")

    for name in ("Location", "ETag", "Cache-Control", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert await count(ada) == 1


async def test_bodies_that_say_the_same_are_the_same(ada: Caller) -> None:
    headers = {"Idempotency-Key": KEY}
    answers = [
        await ada.call("POST", path, content=content, headers=headers)
        for path, content in (
            ("/api/posts/", b'{"text": "Hello"}'),
            ("/api/posts", b' {"text":"x", "text":"\\u0048ello"} '),
        )
    ]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content


async def test_of_many_at_once_one_is_done(ada: Caller) -> None:
    answers = await asyncio.gather(*(post(ada, "Hello") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await count(ada) == 1


async def test_another_body_is_422(ada: Caller) -> None:
    await post(ada, "Hello")

    answer = await post(ada, "World")

    assert problem_of(answer) == (422, "idempotency-key-reused", [])
    assert await count(ada) == 1


async def test_a_restore_takes_a_key(ada: Caller) -> None:
    created = (await post(ada, "Hello")).json()
    path = f"/api/posts/{created['id_post']}/"
    await ada.call("DELETE", path)

    answers = []
    for _ in range(2):
        headers = {"Idempotency-Key": "again"}
        answers.append(await ada.call("POST", f"{path}restore/", headers=headers))
        await ada.call("DELETE", path)

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert (await ada.get(path)).status_code == 404
    other = await ada.call("POST", f"{path}restore/", headers={"Idempotency-Key": KEY})
    assert problem_of(other) == (422, "idempotency-key-reused", [])


async def test_an_answer_that_was_no_success_is_not_remembered(ada: Caller) -> None:
    wrong = await post(ada, " ")
    right = await post(ada, "Hello")

    assert problem_of(wrong) == (400, "invalid-input", ["text"])
    assert right.status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
async def test_what_is_no_key_is_named(ada: Caller, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    answers = [
        await ada.client.request(
            "POST",
            "/api/posts/",
            content=content,
            headers={
                b"Authorization": f"Bearer {ada.access}".encode(),
                b"Content-Type": b"application/json",
                **headers,
            },
        )
        for content in (b'{"text": "Hello"}', b'{"text": " "}', b'{"x": 1}')
    ]

    fields = [problem_of(answer)[2] for answer in answers]
    assert fields == [
        ["Idempotency-Key"],
        ["text", "Idempotency-Key"],
        ["text", "x", "Idempotency-Key"],
    ]
    assert await count(ada) == 0


async def test_two_keys_are_none(ada: Caller) -> None:
    answer = await ada.client.post(
        "/api/posts/",
        json={"text": "Hello"},
        headers=[
            ("Authorization", f"Bearer {ada.access}"),
            ("Idempotency-Key", "a"),
            ("Idempotency-Key", "a"),
        ],
    )

    assert problem_of(answer) == (400, "invalid-input", ["Idempotency-Key"])
