"""1.1, query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.errors import HashpostError
from hashpost.entrypoints.http.queries import PageQuery, read_page
from tests.unit.http.calling import Caller, problem_of

TIMELINES = [
    "/api/posts/",
    "/api/users/{}/posts/",
    "/api/hashtags/world/posts/",
    "/api/favorite_hashtags/posts/",
]
RANKINGS = ["/api/popular_hashtags/", "/api/trending_hashtags/"]
NO_NUMBERS = [
    "",
    "0x1",
    "-1",
    "%2B1",
    "+1",
    "01",
    "1.0",
    "1e3",
    "1_000",
    "%201",
    "1%20",
    "1%0A",
    "%D9%A1",
    "%EF%BC%91",
    "%C2%B2",
    "abc",
    "9007199254740992",
    "9" * 30,
    "null",
    "1,2",
]


@pytest.mark.parametrize("no_number", NO_NUMBERS)
@pytest.mark.parametrize("name", ["page", "page_size"])
async def test_what_is_no_plain_number_is_named(ada: Caller, name: str, no_number: str) -> None:
    answer = await ada.get(f"/api/posts/?{name}={no_number}")

    assert problem_of(answer) == (400, "invalid-input", [name])


@pytest.mark.parametrize("no_number", [*NO_NUMBERS, "0", "51", "5&limit=5"])
@pytest.mark.parametrize("ranking", RANKINGS)
async def test_a_limit_that_is_no_plain_number_in_its_range_is_named(
    ada: Caller, ranking: str, no_number: str
) -> None:
    answer = await ada.get(f"{ranking}?limit={no_number}")

    assert problem_of(answer) == (400, "invalid-input", ["limit"])


@pytest.mark.parametrize("limit", [1, 50])
@pytest.mark.parametrize("ranking", RANKINGS)
async def test_a_limit_goes_from_1_to_50(ada: Caller, ranking: str, limit: int) -> None:
    assert (await ada.get(f"{ranking}?limit={limit}")).status_code == 200


@pytest.mark.parametrize("timeline", TIMELINES)
@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("page=0", ["page"]),
        ("page_size=0", ["page_size"]),
        ("page_size=101", ["page_size"]),
        ("page=0&page_size=0", ["page", "page_size"]),
        ("page=x&page_size=0", ["page", "page_size"]),
        ("page=0&page_size=x", ["page", "page_size"]),
        ("page=1&page=1", ["page"]),
        ("page=1&page=2&page_size=0", ["page", "page_size"]),
        ("page_size=5&page_size=5", ["page_size"]),
        ("p%61ge=1&page=1", ["page"]),
        ("cursor=x&cursor=x", ["cursor"]),
        ("page=1&cursor=x", ["cursor"]),
        ("page=x&cursor=x", ["cursor", "page"]),
        ("page=1&page_size=x&cursor=x", ["cursor", "page_size"]),
        ("page", ["page"]),
        ("cursor=", ["cursor"]),
        ("cursor=x&page_size=0", ["cursor", "page_size"]),
        ("cursor=x&page_size=x", ["cursor", "page_size"]),
        ("cursor=x&page_size=1&page_size=1", ["cursor", "page_size"]),
    ],
)
async def test_every_wrong_parameter_is_named_at_once(
    ada: Caller, timeline: str, query: str, fields: list[str]
) -> None:
    answer = await ada.get(f"{timeline.format(ada.id)}?{query}")

    status, code, found = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(found) == fields


async def test_a_wrong_hashtag_is_named_along_with_wrong_parameters(ada: Caller) -> None:
    answer = await ada.get("/api/hashtags/no%20tag/posts/?page=0&page_size=x")

    status, code, fields = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(fields) == ["hashtag", "page", "page_size"]


async def test_a_strange_cursor_is_named_along_with_a_wrong_hashtag(ada: Caller) -> None:
    answer = await ada.get("/api/hashtags/no%20tag/posts/?cursor=x")

    status, code, fields = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(fields) == ["cursor", "hashtag"]


async def test_a_sound_cursor_is_not_named_along_with_a_wrong_number(ada: Caller) -> None:
    for _ in range(2):
        await ada.write("x")
    cursor = (await ada.get("/api/posts/?page_size=1")).json()["next_cursor"]

    answers = [
        await ada.get(f"/api/posts/?cursor={cursor}&page_size={size}") for size in ("0", "x")
    ]

    assert [problem_of(each) for each in answers] == [(400, "invalid-input", ["page_size"])] * 2


@pytest.mark.parametrize(
    "query",
    [
        "page=1&page_size=100",
        "page_size=1",
        "other=1&other=2&=&&x",
        "",
        "PAGE=0",
        "other=%FF",
        "%FF=1",
        "page%FF=x",
        "%C3&%C3",
    ],
)
async def test_parameters_the_route_does_not_know_are_ignored(ada: Caller, query: str) -> None:
    answer = await ada.get(f"/api/posts/?{query}")

    assert answer.status_code == 200


async def test_routes_without_parameters_ignore_all_of_them(ada: Caller) -> None:
    post = await ada.write("x")

    answer = await ada.get(f"/api/posts/{post['id_post']}/?page=x&page=y")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("page=%FF", ["page"]),
        ("cursor=%FF", ["cursor"]),
        ("cursor=%ED%A0%80&page_size=0", ["page_size", "cursor"]),
        ("page=%C3&cursor=%C3", ["page", "cursor"]),
        ("p%61ge=%FF", ["page"]),
    ],
)
async def test_a_parameter_that_is_not_utf_8_is_named(
    ada: Caller, query: str, fields: list[str]
) -> None:
    answer = await ada.get(f"/api/posts/?{query}")

    status, code, found = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(found) == sorted(fields)


async def test_a_limit_that_is_not_utf_8_is_named(ada: Caller) -> None:
    answer = await ada.get("/api/popular_hashtags/?other=%FF&limit=%FF")

    assert problem_of(answer) == (400, "invalid-input", ["limit"])


@pytest.mark.parametrize("query", ["cursor=%00", "cursor=a%00b", "page=%00"])
async def test_nul_in_a_query_is_a_wrong_value(ada: Caller, query: str) -> None:
    answer = await ada.get(f"/api/posts/?{query}")

    assert problem_of(answer)[:2] == (400, "invalid-input")


async def test_the_largest_page_number_is_merely_out_of_range(ada: Caller) -> None:
    answer = await ada.get(f"/api/posts/?page={2**53 - 1}&page_size=100")

    assert problem_of(answer) == (404, "page-out-of-range", [])


async def test_nobody_is_told_what_is_wrong_with_the_query(nobody: Caller) -> None:
    answer = await nobody.get("/api/posts/?page=x")

    assert problem_of(answer) == (401, "unauthenticated", [])


@given(st.binary(max_size=40))
def test_no_query_breaks_the_reader(query: bytes) -> None:
    outcome = _outcome(query)

    if isinstance(outcome, PageQuery):
        assert outcome.page is None or 0 <= outcome.page < 2**53
    else:
        assert outcome.code == "invalid-input"


def _outcome(query: bytes) -> PageQuery | HashpostError:
    try:
        return read_page(query)
    except HashpostError as error:
        return error
