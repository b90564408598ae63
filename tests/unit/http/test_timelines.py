"""1.2: the three timelines, and pages."""

from urllib.parse import quote

import pytest

from tests.unit.http.calling import Caller, Json, problem_of

MEMBERS = [
    "count",
    "page",
    "page_size",
    "has_next",
    "has_previous",
    "next",
    "previous",
    "next_cursor",
    "result",
]
NO_HASHTAGS = [
    "%FF",
    "%C3",
    "%ED%A0%80",
    "a%FFb",
    "%23",
    "%23%23a",
    "a%20b",
    "a%23b",
    "a%2Fb",
    "1",
    "a!",
    "%",
    "%zz",
    "a%00b",
    "%00",
    "..",
    ".",
    "%2E%2E",
    "a" * 101,
    "a+b",
    "a%3F",
    "%EF%BB%BFa%20",
    "%0A",
]
TIMELINES = ["/api/posts/", "/api/users/{}/posts/", "/api/hashtags/world/posts/"]


@pytest.fixture
async def posts(ada: Caller) -> list[Json]:
    """Five posts, newest first."""
    return [await ada.write(f"{number} #World") for number in range(5)][::-1]


@pytest.mark.parametrize("timeline", TIMELINES)
async def test_the_first_page_of_a_timeline_has_the_newest_posts(
    ada: Caller, posts: list[Json], timeline: str
) -> None:
    path = timeline.format(ada.id)

    answer = await ada.get(f"{path}?page_size=2")

    page = answer.json()
    assert list(page) == MEMBERS
    assert page == {
        "count": 5,
        "page": 1,
        "page_size": 2,
        "has_next": True,
        "has_previous": False,
        "next": f"{path}?page=2&page_size=2",
        "previous": None,
        "next_cursor": page["next_cursor"],
        "result": posts[:2],
    }
    assert answer.headers["Link"] == f'<{path}?page=2&page_size=2>; rel="next"'


@pytest.mark.parametrize("timeline", TIMELINES)
async def test_a_page_in_the_middle_leads_both_ways(
    ada: Caller, posts: list[Json], timeline: str
) -> None:
    path = timeline.format(ada.id)

    answer = await ada.get(f"{path.rstrip('/')}?page=2&page_size=2&other=x")

    page = answer.json()
    assert (page["page"], page["has_next"], page["has_previous"]) == (2, True, True)
    assert page["next"] == f"{path}?page=3&page_size=2"
    assert page["previous"] == f"{path}?page=1&page_size=2"
    assert page["result"] == posts[2:4]
    assert answer.headers["Link"] == (
        f'<{path}?page=3&page_size=2>; rel="next", <{path}?page=1&page_size=2>; rel="prev"'
    )


@pytest.mark.parametrize("timeline", TIMELINES)
async def test_the_last_page_leads_back_only(ada: Caller, posts: list[Json], timeline: str) -> None:
    path = timeline.format(ada.id)

    answer = await ada.get(f"{path}?page=3&page_size=2")

    page = answer.json()
    assert (page["has_next"], page["next"], page["next_cursor"]) == (False, None, None)
    assert page["result"] == posts[4:]
    assert answer.headers["Link"] == f'<{path}?page=2&page_size=2>; rel="prev"'


async def test_a_page_has_20_posts_by_default_and_100_at_most(ada: Caller) -> None:
    for number in range(101):
        await ada.write(str(number))

    assert len((await ada.get("/api/posts/")).json()["result"]) == 20
    assert len((await ada.get("/api/posts/?page_size=100")).json()["result"]) == 100


@pytest.mark.parametrize("timeline", TIMELINES)
async def test_page_1_of_an_empty_timeline_is_an_empty_page(ada: Caller, timeline: str) -> None:
    answer = await ada.get(timeline.format(ada.id))

    assert answer.status_code == 200
    assert answer.json() == {
        "count": 0,
        "page": 1,
        "page_size": 20,
        "has_next": False,
        "has_previous": False,
        "next": None,
        "previous": None,
        "next_cursor": None,
        "result": [],
    }
    assert "Link" not in answer.headers


@pytest.mark.parametrize("timeline", TIMELINES)
async def test_a_page_past_the_last_one_is_404(
    ada: Caller, posts: list[Json], timeline: str
) -> None:
    answer = await ada.get(f"{timeline.format(ada.id)}?page=4&page_size=2")

    assert problem_of(answer) == (404, "page-out-of-range", [])


@pytest.mark.parametrize("timeline", TIMELINES)
async def test_a_cursor_goes_on_where_its_answer_ended_whatever_happens_meanwhile(
    ada: Caller, posts: list[Json], timeline: str
) -> None:
    path = timeline.format(ada.id)
    cursor = (await ada.get(f"{path}?page_size=2")).json()["next_cursor"]
    await ada.write("a new one #World")
    await ada.call("DELETE", "/api/posts/", {"id_post": posts[1]["id_post"]})

    answer = await ada.get(f"{path}?page_size=2&cursor={cursor}")

    page = answer.json()
    assert list(page) == MEMBERS
    assert page == {
        "count": 5,
        "page": None,
        "page_size": 2,
        "has_next": True,
        "has_previous": None,
        "next": f"{path}?cursor={page['next_cursor']}&page_size=2",
        "previous": None,
        "next_cursor": page["next_cursor"],
        "result": posts[2:4],
    }
    assert answer.headers["Link"] == f'<{page["next"]}>; rel="next"'


async def test_following_next_sees_every_post_once(ada: Caller, posts: list[Json]) -> None:
    for start in ("/api/posts/?page_size=2", await _by_cursor(ada)):
        seen: list[Json] = []
        path: str | None = start
        while path is not None:
            page = (await ada.get(path)).json()
            seen += page["result"]
            path = page["next"]
        assert seen == posts[-len(seen) :]
        assert len(seen) >= 4


async def _by_cursor(caller: Caller) -> str:
    cursor = (await caller.get("/api/posts/?page_size=1")).json()["next_cursor"]
    return f"/api/posts/?cursor={cursor}&page_size=2"


@pytest.mark.parametrize("timeline", TIMELINES)
@pytest.mark.parametrize("cursor", ["", "x", "A" * 32, "%C3%A4", "1"])
async def test_a_cursor_that_this_service_did_not_make_is_named(
    ada: Caller, timeline: str, cursor: str
) -> None:
    answer = await ada.get(f"{timeline.format(ada.id)}?cursor={cursor}")

    assert problem_of(answer) == (400, "invalid-input", ["cursor"])


async def test_a_cursor_of_another_timeline_is_named(ada: Caller, posts: list[Json]) -> None:
    cursor = (await ada.get("/api/posts/?page_size=1")).json()["next_cursor"]

    for timeline in TIMELINES[1:]:
        answer = await ada.get(f"{timeline.format(ada.id)}?cursor={cursor}")
        assert problem_of(answer) == (400, "invalid-input", ["cursor"])


async def test_the_timeline_of_nobody_is_404(ada: Caller) -> None:
    answer = await ada.get(f"/api/users/{2**53 - 1}/posts/")

    assert problem_of(answer) == (404, "user-not-found", [])


async def test_the_timeline_of_a_user_has_that_users_posts_only(ada: Caller, bob: Caller) -> None:
    await ada.write("by ada")
    post = await bob.write("by bob")

    page = (await ada.get(f"/api/users/{bob.id}/posts/")).json()

    assert (page["count"], page["result"]) == (1, [post])


@pytest.mark.parametrize(
    "spelling",
    ["straße", "STRASSE", "#straße", "＃Straße", "﹟STRASSE", "ｓｔｒａｓｓｅ", "strasse"],
)
async def test_a_hashtag_is_found_in_any_spelling_that_has_the_same_key(
    ada: Caller, spelling: str
) -> None:
    post = await ada.write("In der #Straße")
    await ada.write("somewhere else #stra")
    path = f"/api/hashtags/{quote(spelling, safe='')}/posts/"

    page = (await ada.get(f"{path}?page_size=1")).json()

    assert (page["count"], page["result"]) == (1, [post])


@pytest.mark.parametrize("spelling", ["#wörld", "＃wörld", "Wörld"])
async def test_the_links_of_a_hashtag_are_percent_encoded_and_lead_on(
    ada: Caller, spelling: str
) -> None:
    older, _ = await ada.write("1 #wörld"), await ada.write("2 #wörld")
    path = f"/api/hashtags/{quote(spelling, safe='')}/posts/"

    answer = await ada.get(f"{path}?page_size=1")

    assert answer.json()["next"] == f"{path}?page=2&page_size=1"
    assert answer.headers["Link"] == f'<{path}?page=2&page_size=1>; rel="next"'
    assert (await ada.get(answer.json()["next"])).json()["result"] == [older]


async def test_an_unused_hashtag_has_an_empty_page(ada: Caller) -> None:
    answer = await ada.get("/api/hashtags/unused/posts/")

    assert answer.status_code == 200
    assert answer.json()["count"] == 0


@pytest.mark.parametrize("segment", NO_HASHTAGS)
async def test_what_is_not_one_whole_hashtag_in_utf_8_is_named(ada: Caller, segment: str) -> None:
    answer = await ada.get_raw(f"/api/hashtags/{segment}/posts/")

    assert problem_of(answer) == (400, "invalid-input", ["hashtag"])


async def test_a_ranking_names_the_most_used_first_and_ties_by_code_points(ada: Caller) -> None:
    for text in ("#b #a #z", "#z #B", "#é", "#c"):
        await ada.write(text)

    assert (await ada.get("/api/popular_hashtags/")).json() == [
        {"name": "b", "count": 2},
        {"name": "z", "count": 2},
        {"name": "a", "count": 1},
        {"name": "c", "count": 1},
        {"name": "é", "count": 1},
    ]
    ranking = (await ada.get("/api/popular_hashtags/?limit=1")).json()
    assert ranking == [{"name": "b", "count": 2}]


async def test_a_ranking_has_5_hashtags_by_default(ada: Caller) -> None:
    await ada.write("#a #b #c #d #e #f")

    assert len((await ada.get("/api/popular_hashtags/")).json()) == 5


async def test_a_ranking_of_nothing_is_empty(ada: Caller) -> None:
    assert (await ada.get("/api/popular_hashtags/")).json() == []
