"""1.3: posts by several hashtags."""

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from hashpost.domain.timeline import MergedPage
from hashpost.entrypoints.http.queries import read_filter
from hashpost.entrypoints.http.timelines import answer_merged_page
from tests.unit.http.calling import Caller, Json, problem_of
from tests.unit.http.test_timelines import MEMBERS, NO_HASHTAGS

POSTS = "/api/posts/"


@pytest.fixture
async def posts(ada: Caller, bob: Caller) -> list[Json]:
    """Seven posts, newest first."""
    texts = (
        "0",
        "1 #moon",
        "2 #Sun #Moon",
        "3 #stars #SUN",
        "4 #stars",
        "5 #moon #stars",
        "6 #año",
    )
    written = [await (ada, bob)[int(text[0]) % 2].write(text) for text in texts]
    return written[::-1]


def matched(post: Json, *names: str) -> Json:
    return post | {"matched_tags": [{"name": name} for name in names]}


def numbers(page: Json) -> str:
    return "".join(post["text"][0] for post in page["result"])


async def test_posts_are_found_by_what_they_carry(ada: Caller, posts: list[Json]) -> None:
    answer = await ada.get(f"{POSTS}?any=sun,moon&none=stars")

    page = answer.json()
    assert answer.status_code == 200
    assert list(page) == MEMBERS
    assert page == {
        "count": None,
        "page": 1,
        "page_size": 20,
        "has_next": False,
        "has_previous": False,
        "next": None,
        "previous": None,
        "next_cursor": None,
        "result": [matched(posts[4], "sun", "moon"), matched(posts[5], "moon")],
    }
    assert list(page["result"][0])[-1] == "matched_tags"
    assert "Link" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("any=moon", "521"),
        ("any=moon,sun", "5321"),
        ("all=moon", "521"),
        ("all=moon,stars", "5"),
        ("none=moon,stars", "60"),
        ("any=moon,stars&all=sun", "32"),
        ("any=moon,sun,stars&all=stars&none=moon", "43"),
        ("any=unused", ""),
        ("any=moon&none=moon", ""),
        ("any=%23MOON", "521"),
        ("any=%EF%BC%83Moon%2C%23sun", "5321"),
        ("any=a%C3%B1o", "6"),
        ("any=AN%CC%83O", "6"),
        ("any=ano", ""),
        ("an%79=moon&other=x", "521"),
    ],
)
async def test_hashtags_come_in_any_spelling(
    ada: Caller, posts: list[Json], query: str, expected: str
) -> None:
    answer = await ada.get(f"{POSTS}?{query}")

    assert answer.status_code == 200
    assert numbers(answer.json()) == expected


async def test_nothing_is_matched_where_nothing_was_asked_for(
    ada: Caller, posts: list[Json]
) -> None:
    page = (await ada.get(f"{POSTS}?none=stars,moon,año")).json()

    assert page["result"] == [matched(posts[6])]


async def test_without_hashtags_it_is_the_page_of_all_posts(ada: Caller, posts: list[Json]) -> None:
    page = (await ada.get(POSTS)).json()

    assert (page["count"], page["result"]) == (7, posts)


async def test_pages_by_number_lead_both_ways_and_keep_the_filter(
    ada: Caller, posts: list[Json]
) -> None:
    answer = await ada.get(f"{POSTS}?page=2&any=%23moon,sun&page_size=1&none=año")

    page = answer.json()
    assert numbers(page) == "3"
    assert page["next"] == f"{POSTS}?any=%23moon,sun&none=a%C3%B1o&page=3&page_size=1"
    assert page["previous"] == f"{POSTS}?any=%23moon,sun&none=a%C3%B1o&page=1&page_size=1"
    assert answer.headers["Link"] == (
        f'<{page["next"]}>; rel="next", <{page["previous"]}>; rel="prev"'
    )
    assert numbers((await ada.get(page["next"])).json()) == "2"
    assert numbers((await ada.get(page["previous"])).json()) == "5"


async def test_a_cursor_goes_on_whatever_happens_meanwhile(
    ada: Caller, bob: Caller, posts: list[Json]
) -> None:
    cursor = (await ada.get(f"{POSTS}?any=moon,sun&page_size=2")).json()["next_cursor"]
    await bob.write("7 #moon")
    await bob.call("DELETE", POSTS, {"id_post": posts[3]["id_post"]})

    answer = await ada.get(f"{POSTS}?any=SUN,%23moon&page_size=1&cursor={cursor}")

    page = answer.json()
    assert (page["page"], page["has_previous"], page["previous"]) == (None, None, None)
    assert page["result"] == [matched(posts[4], "sun", "moon")]
    query = parse_qs(urlsplit(page["next"]).query)
    assert query["any"] == ["SUN,#moon"]
    assert query["cursor"] == [page["next_cursor"]]
    assert numbers((await ada.get(page["next"])).json()) == "1"


@pytest.mark.parametrize("query", ["any=moon", "all=moon,sun", "any=moon,sun&none=x", ""])
async def test_a_cursor_is_good_for_the_same_hashtags_only(
    ada: Caller, posts: list[Json], query: str
) -> None:
    cursor = (await ada.get(f"{POSTS}?any=moon,sun&page_size=1")).json()["next_cursor"]

    same = await ada.get(f"{POSTS}?any=sun,moon,MOON&cursor={cursor}")
    other = await ada.get(f"{POSTS}?{query}&cursor={cursor}")

    assert same.status_code == 200
    assert problem_of(other) == (400, "invalid-input", ["cursor"])


@pytest.mark.parametrize("name", ["any", "all", "none"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        "a,",
        ",a",
        "a,,b",
        "a,%20b",
        "a,%FF",
        *NO_HASHTAGS,
    ],
)
async def test_what_is_not_whole_hashtags_is_named(ada: Caller, name: str, value: str) -> None:
    answer = await ada.get(f"{POSTS}?{name}={value}")

    assert problem_of(answer) == (400, "invalid-input", [name])


async def test_the_problem_says_what_would_be_right(ada: Caller) -> None:
    empty = await ada.get(f"{POSTS}?any=")
    twice = await ada.get(f"{POSTS}?any=a&any=a")
    many = await ada.get(f"{POSTS}?all={','.join(f't{number}' for number in range(11))}")

    details = [answer.json()["errors"][0]["detail"] for answer in (empty, twice, many)]
    assert details == [
        "whole hashtags with commas between, with or without their signs",
        "given once only",
        "at most 10 different hashtags, all in all",
    ]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("any=&page=0", ["any", "page"]),
        ("any=a&any=b&page=x&page_size=0", ["any", "page", "page_size"]),
        ("any=a&any=b&none=1", ["any", "none"]),
        ("any=%FF&all=,&none=a,b&none=", ["all", "any", "none"]),
        ("any=a&cursor=x", ["cursor"]),
        ("any=a&page=1&cursor=x", ["cursor"]),
        ("any=1&cursor=x&page_size=101", ["any", "cursor", "page_size"]),
        ("any=a&page=501", ["page"]),
        ("all=1&page=501", ["all", "page"]),
        ("page=x&none=a", ["page"]),
        ("any=a,b,c,d&all=e,f,g,h&none=i,j,k", ["all", "any", "none"]),
        (
            "any=&all=&none=&page=&page_size=&cursor=",
            [
                "all",
                "any",
                "cursor",
                "none",
                "page",
                "page_size",
            ],
        ),
    ],
)
async def test_every_wrong_parameter_is_named_at_once(
    ada: Caller, query: str, fields: list[str]
) -> None:
    answer = await ada.get(f"{POSTS}?{query}")

    status, code, found = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(found) == fields


async def test_ten_different_hashtags_may_be_asked_for(ada: Caller, posts: list[Json]) -> None:
    ten = ",".join(f"t{number},%23T{number}" for number in range(9))

    answer = await ada.get(f"{POSTS}?any={ten},moon&none=t1")

    assert numbers(answer.json()) == "521"


async def test_a_page_past_the_last_one_is_out_of_range(ada: Caller, posts: list[Json]) -> None:
    answer = await ada.get(f"{POSTS}?any=moon&page=2")

    assert problem_of(answer) == (404, "page-out-of-range", [])


async def test_only_posts_know_of_a_filter(ada: Caller, posts: list[Json]) -> None:
    plain = await ada.get("/api/hashtags/moon/posts/?any=1&all=&none=x&none=y")

    assert plain.status_code == 200


async def test_nobody_is_told_what_is_wrong(nobody: Caller) -> None:
    assert problem_of(await nobody.get(f"{POSTS}?any=")) == (401, "unauthenticated", [])


@pytest.mark.parametrize("number", [1, 499, None])
def test_where_a_page_ends_early_only_the_cursor_leads_on(number: int | None) -> None:
    page = MergedPage(
        page=number,
        page_size=20,
        has_next=True,
        has_previous=None if number is None else number > 1,
        next_cursor="abc",
        result=(),
        ends_early=True,
    )

    answer = answer_merged_page(page, path=POSTS, given={"any": "a,#b"})

    assert dict(answer.headers)[b"link"].startswith(
        b'</api/posts/?any=a,%23b&cursor=abc&page_size=20>; rel="next"'
    )


def test_a_filter_is_read_as_it_came() -> None:
    asked: Any = read_filter(quote("any=a,#B&none=año", safe="=&").encode())

    assert (asked.any, asked.all, asked.none) == (["a", "#B"], (), ["año"])
    assert asked.given == {"any": "a,#B", "none": "año"}
    assert read_filter(b"page=1&any%FF=a&ALL=b") is None
