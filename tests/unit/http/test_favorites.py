"""1.3: favourite hashtags, and the timeline that they make together."""

from urllib.parse import quote

import httpx
import pytest

from hashpost.domain.timeline import MergedPage
from hashpost.entrypoints.http.timelines import answer_merged_page
from hashpost.testing.clock import ManualClock
from tests.unit.http.calling import Caller, Json, problem_of
from tests.unit.http.test_timelines import MEMBERS, NO_HASHTAGS

LIST = "/api/favorite_hashtags/"
TIMELINE = "/api/favorite_hashtags/posts/"


@pytest.fixture
async def posts(ada: Caller, bob: Caller) -> list[Json]:
    """Five posts that belong to ada's favourites, newest first, and what is matched of each."""
    for name in ("moon", "sun", "unused"):
        assert (await ada.call("PUT", f"{LIST}{name}/")).status_code == 204
    written = []
    for text, matched in (
        ("1 #moon", ["moon"]),
        ("2 #Sun #Moon #sun", ["sun", "moon"]),
        ("3 #stars #SUN", ["sun"]),
        ("4 #stars", None),
        ("5 #Moon #stars #sun", ["moon", "sun"]),
        ("6 #moons", None),
        ("7 #sun", ["sun"]),
    ):
        post = await bob.write(text)
        if matched is not None:
            written.append(post | {"matched_tags": [{"name": name} for name in matched]})
    return written[::-1]


# Adding and removing


async def test_favourites_are_listed_newest_first(ada: Caller, clock: ManualClock) -> None:
    for name in ("b", "a", "c"):
        answer = await ada.call("PUT", f"{LIST}{name}/")
        assert (answer.status_code, answer.content) == (204, b"")
        clock.advance(seconds=1)

    answer = await ada.get(LIST)

    assert answer.status_code == 200
    assert answer.json() == [
        {"name": "c", "since": "2026-11-22T06:21:02.123Z"},
        {"name": "a", "since": "2026-11-22T06:21:01.123Z"},
        {"name": "b", "since": "2026-11-22T06:21:00.123Z"},
    ]
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_favourite_may_be_added_again_and_stays_as_it_was(
    ada: Caller, clock: ManualClock
) -> None:
    await ada.call("PUT", f"{LIST}world/")
    before = (await ada.get(LIST)).json()
    clock.advance(seconds=1)

    answer = await ada.call("PUT", f"{LIST}%23WORLD/")

    assert answer.status_code == 204
    assert (await ada.get(LIST)).json() == before


@pytest.mark.parametrize(
    "spelling", ["straße", "STRASSE", "#straße", "＃Straße", "﹟STRASSE", "ｓｔｒａｓｓｅ"]
)
async def test_a_favourite_is_added_and_removed_in_any_spelling(ada: Caller, spelling: str) -> None:
    path = f"{LIST}{quote(spelling, safe='')}/"

    assert (await ada.call("PUT", path)).status_code == 204
    assert [each["name"] for each in (await ada.get(LIST)).json()] == ["strasse"]
    assert (await ada.call("DELETE", path)).status_code == 204
    assert (await ada.get(LIST)).json() == []


async def test_what_is_no_favourite_may_be_removed(ada: Caller) -> None:
    answer = await ada.call("DELETE", f"{LIST}world/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers


async def test_favourites_are_ones_own(ada: Caller, bob: Caller) -> None:
    await ada.call("PUT", f"{LIST}world/")
    await bob.call("DELETE", f"{LIST}world/")

    assert len((await ada.get(LIST)).json()) == 1
    assert (await bob.get(LIST)).json() == []


async def test_there_are_200_favourites_at_most(ada: Caller) -> None:
    for number in range(200):
        assert (await ada.call("PUT", f"{LIST}t{number}/")).status_code == 204

    one_more = await ada.call("PUT", f"{LIST}one_more/")
    again = await ada.call("PUT", f"{LIST}t7/")

    assert problem_of(one_more) == (409, "too-many-favorites", [])
    assert again.status_code == 204
    assert len((await ada.get(LIST)).json()) == 200
    await ada.call("DELETE", f"{LIST}t7/")
    assert (await ada.call("PUT", f"{LIST}one_more/")).status_code == 204


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("segment", NO_HASHTAGS)
async def test_what_is_not_one_whole_hashtag_in_utf_8_is_named(
    ada: Caller, method: str, segment: str
) -> None:
    answer = await ada.call_raw(method, f"{LIST}{segment}/")

    assert problem_of(answer) == (400, "invalid-input", ["hashtag"])


@pytest.mark.parametrize("segment", ["posts", "%70osts", "POSTS", "%23posts", "ｐosts"])
async def test_a_hashtag_called_posts_may_be_a_favourite(ada: Caller, segment: str) -> None:
    path = f"{LIST}{quote(segment, safe='%')}/"
    post = await ada.write("about #posts")

    added = await ada.call_raw("PUT", path)
    page = (await ada.get(TIMELINE)).json()
    listed = (await ada.get(LIST)).json()
    removed = await ada.call_raw("DELETE", path)

    assert (added.status_code, removed.status_code) == (204, 204)
    assert [each["name"] for each in listed] == ["posts"]
    assert page["result"] == [post | {"matched_tags": [{"name": "posts"}]}]
    assert (await ada.get(LIST)).json() == []


@pytest.mark.parametrize("path", [TIMELINE, TIMELINE.rstrip("/"), f"{LIST}%70osts/"])
async def test_the_timeline_stays_a_timeline(ada: Caller, path: str) -> None:
    answer = await ada.call_raw("GET", path)

    assert answer.status_code == 200
    assert "result" in answer.json()


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH", "POST"])
async def test_its_path_allows_the_methods_of_the_timeline_and_of_a_favourite(
    ada: Caller, method: str
) -> None:
    answer = await ada.call(method, TIMELINE)

    assert answer.status_code == (204 if method == "OPTIONS" else 405)
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"


@pytest.mark.parametrize("segment", ["world", "%23posts", "Posts"])
async def test_a_favourite_itself_cannot_be_got(ada: Caller, segment: str) -> None:
    answer = await ada.get(f"{LIST}{segment}/")

    assert problem_of(answer) == (405, "method-not-allowed", [])
    assert answer.headers["Allow"] == "DELETE, OPTIONS, PUT"


# The timeline


async def test_the_timeline_has_each_post_once_newest_first_with_what_is_matched(
    ada: Caller, posts: list[Json]
) -> None:
    answer = await ada.get(TIMELINE)

    page = answer.json()
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
        "result": posts,
    }
    assert list(page["result"][0])[-1] == "matched_tags"
    assert "Link" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_page_by_number_leads_both_ways(ada: Caller, posts: list[Json]) -> None:
    answer = await ada.get(f"{TIMELINE}?page=2&page_size=2")

    page = answer.json()
    assert (page["count"], page["page"], page["page_size"]) == (None, 2, 2)
    assert (page["has_next"], page["has_previous"]) == (True, True)
    assert page["next"] == f"{TIMELINE}?page=3&page_size=2"
    assert page["previous"] == f"{TIMELINE}?page=1&page_size=2"
    assert page["result"] == posts[2:4]
    assert answer.headers["Link"] == (
        f'<{TIMELINE}?page=3&page_size=2>; rel="next", <{TIMELINE}?page=1&page_size=2>; rel="prev"'
    )


async def test_the_last_page_leads_back_only(ada: Caller, posts: list[Json]) -> None:
    page = (await ada.get(f"{TIMELINE}?page=3&page_size=2")).json()

    assert (page["has_next"], page["next"], page["next_cursor"]) == (False, None, None)
    assert page["previous"] == f"{TIMELINE}?page=2&page_size=2"
    assert page["result"] == posts[4:]


async def test_a_cursor_goes_on_whatever_happens_meanwhile(
    ada: Caller, bob: Caller, posts: list[Json]
) -> None:
    cursor = (await ada.get(f"{TIMELINE}?page_size=2")).json()["next_cursor"]
    await bob.write("a new one #moon")
    await bob.call("DELETE", "/api/posts/", {"id_post": posts[1]["id_post"]})

    answer = await ada.get(f"{TIMELINE}?page_size=2&cursor={cursor}")

    page = answer.json()
    assert page == {
        "count": None,
        "page": None,
        "page_size": 2,
        "has_next": True,
        "has_previous": None,
        "next": f"{TIMELINE}?cursor={page['next_cursor']}&page_size=2",
        "previous": None,
        "next_cursor": page["next_cursor"],
        "result": posts[2:4],
    }
    assert answer.headers["Link"] == f'<{page["next"]}>; rel="next"'
    assert (await ada.get(page["next"])).json()["result"] == posts[4:]


async def test_the_timeline_of_no_favourites_is_an_empty_page(ada: Caller) -> None:
    await ada.write("#moon")

    page = (await ada.get(TIMELINE)).json()

    assert (page["count"], page["page"], page["result"]) == (None, 1, [])
    assert problem_of(await ada.get(f"{TIMELINE}?page=2")) == (404, "page-out-of-range", [])


async def test_the_timeline_follows_favourites_and_posts(
    ada: Caller, bob: Caller, posts: list[Json]
) -> None:
    await ada.call("DELETE", f"{LIST}sun/")
    await bob.call("DELETE", "/api/posts/", {"id_post": posts[1]["id_post"]})

    page = (await ada.get(TIMELINE)).json()

    moon = [{"name": "moon"}]
    assert page["result"] == [posts[index] | {"matched_tags": moon} for index in (3, 4)]


async def test_the_cursor_of_another_user_is_named(
    ada: Caller, bob: Caller, posts: list[Json]
) -> None:
    await bob.call("PUT", f"{LIST}sun/")
    cursor = (await bob.get(f"{TIMELINE}?page_size=1")).json()["next_cursor"]

    answer = await ada.get(f"{TIMELINE}?cursor={cursor}")

    assert (await bob.get(f"{TIMELINE}?cursor={cursor}")).status_code == 200
    assert problem_of(answer) == (400, "invalid-input", ["cursor"])


@pytest.mark.parametrize("path", ["/api/posts/", "/api/hashtags/sun/posts/"])
async def test_a_cursor_belongs_to_its_timeline(ada: Caller, posts: list[Json], path: str) -> None:
    theirs = (await ada.get(f"{path}?page_size=1")).json()["next_cursor"]
    ours = (await ada.get(f"{TIMELINE}?page_size=1")).json()["next_cursor"]

    for answer in (
        await ada.get(f"{TIMELINE}?cursor={theirs}"),
        await ada.get(f"{path}?cursor={ours}"),
        await ada.get(f"{TIMELINE}?cursor=x"),
    ):
        assert problem_of(answer) == (400, "invalid-input", ["cursor"])


@pytest.mark.parametrize(
    ("page", "page_size"), [(500, 20), (100, 100), (10_000, 1), (334, 30), (102, 99)]
)
async def test_pages_by_number_go_to_the_10_000th_post(
    ada: Caller, page: int, page_size: int
) -> None:
    last = await ada.get(f"{TIMELINE}?page={page}&page_size={page_size}")
    beyond = await ada.get(f"{TIMELINE}?page={page + 1}&page_size={page_size}")

    assert problem_of(last) == (404, "page-out-of-range", [])
    assert problem_of(beyond) == (400, "invalid-input", ["page"])
    assert "cursor" in beyond.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("page", "query"),
    [
        (498, "page=499&page_size=20"),
        (499, "page=500&page_size=20"),
        (500, None),
        (None, "cursor=abc&page_size=20"),
    ],
)
def test_where_the_next_page_would_be_refused_only_the_cursor_leads_on(
    page: int | None, query: str | None
) -> None:
    answer = httpx.Response(
        200,
        content=answer_merged_page(
            MergedPage(
                page=page,
                page_size=20,
                has_next=True,
                has_previous=None if page is None else True,
                next_cursor="abc",
                result=(),
            ),
            path=TIMELINE,
        ).body,
    ).json()

    assert answer["next"] == (query and f"{TIMELINE}?{query}")
    assert (answer["has_next"], answer["next_cursor"]) == (True, "abc")
