"""1.3: GET /api/hashtags/, POST /api/hashtags/extract/."""

from typing import Any
from urllib.parse import quote

import pytest

from hashpost.domain.post import text_faults
from tests.unit.domain.test_hashtag import conformance_cases
from tests.unit.http.calling import Caller, problem_of
from tests.unit.http.test_queries import NO_NUMBERS
from tests.unit.http.test_values import NO_TEXTS, TEXTS

COMPLETION = "/api/hashtags/"
EXTRACTION = "/api/hashtags/extract/"


@pytest.mark.parametrize("prefix", ["s", "#S", "＃s", "﹟Ｓ", "s\u200d"])
async def test_a_beginning_in_any_spelling_is_completed(ada: Caller, prefix: str) -> None:
    for text in ("#sun #sea", "#Sun #moon", "#s"):
        await ada.write(text)

    answer = await ada.get(f"{COMPLETION}?prefix={quote(prefix)}")

    assert answer.status_code == 200
    assert answer.json() == [
        {"name": "sun", "count": 2},
        {"name": "s", "count": 1},
        {"name": "sea", "count": 1},
    ]
    assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_completions_are_ten_by_default_and_as_many_as_asked_for(ada: Caller) -> None:
    await ada.write(" ".join(f"#字{number}" for number in range(12)))

    lengths = [
        len((await ada.get(f"{COMPLETION}?prefix=%E5%AD%97{limit}")).json())
        for limit in ("", "&limit=1", "&limit=50")
    ]

    assert lengths == [10, 1, 12]


async def test_deleted_posts_complete_nothing(ada: Caller) -> None:
    post = await ada.write("#sun")
    await ada.call("DELETE", "/api/posts/", {"id_post": post["id_post"]})

    assert (await ada.get(f"{COMPLETION}?prefix=s")).json() == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["prefix"]),
        ("prefix", ["prefix"]),
        ("prefix=", ["prefix"]),
        ("prefix=%23", ["prefix"]),
        ("prefix=%23%23a", ["prefix"]),
        ("prefix=+a", ["prefix"]),
        ("prefix=a+b", ["prefix"]),
        ("prefix=%C2%B7a", ["prefix"]),
        ("prefix=a%00", ["prefix"]),
        ("prefix=%FF", ["prefix"]),
        ("prefix=a&prefix=a", ["prefix"]),
        ("Prefix=a", ["prefix"]),
        ("limit=1", ["prefix"]),
        ("limit=0", ["limit", "prefix"]),
        ("prefix=a&limit=51", ["limit"]),
        ("prefix=a&limit=1&limit=1", ["limit"]),
        ("prefix=%23&limit=51", ["limit", "prefix"]),
        ("prefix=%23&limit=x", ["limit", "prefix"]),
        ("prefix=%FF&limit=0", ["limit", "prefix"]),
        ("prefix=a&prefix=%23&limit=x", ["limit", "prefix"]),
    ],
)
async def test_all_that_is_wrong_with_a_completion_is_named_once(
    ada: Caller, query: str, fields: list[str]
) -> None:
    status, code, found = problem_of(await ada.get(f"{COMPLETION}?{query}"))

    assert (status, code) == (400, "invalid-input")
    assert sorted(found) == fields


@pytest.mark.parametrize("no_number", NO_NUMBERS)
async def test_a_limit_that_is_no_plain_number_is_named(ada: Caller, no_number: str) -> None:
    answer = await ada.get(f"{COMPLETION}?prefix=a&limit={no_number}")

    assert problem_of(answer) == (400, "invalid-input", ["limit"])


async def test_what_a_prefix_should_be_is_told(ada: Caller) -> None:
    details = [
        (await ada.get(f"{COMPLETION}{query}")).json()["errors"][0]["detail"]
        for query in ("", "?prefix=-")
    ]

    assert details == [
        "this parameter is needed",
        "the beginning of a hashtag, with or without its sign",
    ]


async def test_an_extraction_tells_every_occurrence_in_code_points_and_writes_nothing(
    ada: Caller,
) -> None:
    answer = await ada.call("POST", EXTRACTION, {"text": "\n 😀 #Straße #1 #STRASSE\n"})

    assert answer.status_code == 200
    assert answer.json() == [
        {"name": "strasse", "display": "Straße", "start": 4, "end": 11},
        {"name": "strasse", "display": "STRASSE", "start": 15, "end": 23},
    ]
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert (await ada.get("/api/posts/")).json()["count"] == 0


async def test_a_text_without_hashtags_has_none(ada: Caller) -> None:
    answer = await ada.call("POST", EXTRACTION, {"text": "no hashtag"})

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_is_looked_through_as_for_a_post(ada: Caller, text: str) -> None:
    found = (await ada.call("POST", EXTRACTION, {"text": text})).json()

    assert [{"name": each["name"]} for each in found] == (await ada.write(text))["tags"]


@pytest.mark.parametrize("text", NO_TEXTS)
async def test_a_wrong_text_is_refused_as_for_a_post(ada: Caller, text: str) -> None:
    refused = await ada.call("POST", EXTRACTION, {"text": text})

    assert problem_of(refused) == (400, "invalid-input", ["text"])
    assert refused.json() == (await ada.call("POST", "/api/posts/", {"text": text})).json()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["text"]),
        ({"text": None}, ["text"]),
        ({"text": 1}, ["text"]),
        ({"text": " ", "more": 1}, ["more", "text"]),
        ({"text": "a", "id_post": 1}, ["id_post"]),
    ],
)
async def test_every_wrong_member_is_named(
    ada: Caller, body: dict[str, Any], fields: list[str]
) -> None:
    status, code, found = problem_of(await ada.call("POST", EXTRACTION, body))

    assert (status, code) == (400, "invalid-input")
    assert sorted(found) == fields


CASES = conformance_cases()
IN_POSTS = [case for case in CASES if not list(text_faults(case.values[0].get("text", "")))]
IN_NO_POST = [case for case in CASES if case not in IN_POSTS]


@pytest.mark.parametrize("case", IN_NO_POST)
async def test_a_case_that_no_post_may_have_is_refused(ada: Caller, case: dict[str, Any]) -> None:
    answer = await ada.call("POST", EXTRACTION, {"text": case["text"]})

    assert problem_of(answer) == (400, "invalid-input", ["text"])


@pytest.mark.parametrize("case", IN_POSTS)
async def test_it_conforms(ada: Caller, case: dict[str, Any]) -> None:
    found = (await ada.call("POST", EXTRACTION, {"text": case["text"]})).json()

    first = {each["name"]: each for each in reversed(found)}
    unique = [first[name] for name in dict.fromkeys(each["name"] for each in found)]

    assert [each["name"] for each in unique] == case["expected"]
    assert [each["display"] for each in unique] == case["display"]
    assert [[each["start"], each["end"]] for each in unique] == case["spans"]
