"""1.2: POST, PUT, DELETE /api/posts/; of 1.3: GET /api/posts/<id_post>/."""

import pytest

from hashpost.testing.clock import ManualClock
from tests.unit.http.calling import Caller, problem_of

NEVER = 2**53 - 1


async def test_writing_a_post_answers_it_and_where_it_is(ada: Caller) -> None:
    answer = await ada.call("POST", "/api/posts/", {"text": "  #Hello #World, #hello! \n"})

    post = answer.json()
    assert answer.status_code == 201
    assert post == {
        "id_post": post["id_post"],
        "text": "#Hello #World, #hello!",
        "owner": {"id": ada.id, "username": "ada"},
        "created_at": "2026-11-22T06:21:00.123Z",
        "edited_at": None,
        "tags": [{"name": "hello"}, {"name": "world"}],
    }
    assert answer.headers["Location"] == f"/api/posts/{post['id_post']}/"
    assert (await ada.get(answer.headers["Location"])).json() == post


async def test_tags_stand_in_the_order_in_which_the_text_first_names_them(ada: Caller) -> None:
    post = await ada.write("#b #a #c #A #B")

    assert post["tags"] == [{"name": "b"}, {"name": "a"}, {"name": "c"}]


async def test_anybody_may_read_a_live_post(ada: Caller, bob: Caller) -> None:
    post = await ada.write("Hello")

    answer = await bob.get(f"/api/posts/{post['id_post']}/")

    assert answer.status_code == 200
    assert answer.json() == post


async def test_editing_answers_the_post_with_the_hashtags_of_the_new_text(
    ada: Caller, clock: ManualClock
) -> None:
    post = await ada.write("Hello #old")
    clock.advance(seconds=1)

    answer = await ada.call(
        "PUT", "/api/posts/", {"id_post": post["id_post"], "text": "Hello #new"}
    )

    assert answer.status_code == 200
    assert answer.json() == post | {
        "text": "Hello #new",
        "edited_at": "2026-11-22T06:21:01.123Z",
        "tags": [{"name": "new"}],
    }
    assert (await ada.get("/api/hashtags/old/posts/")).json()["count"] == 0
    assert (await ada.get("/api/hashtags/new/posts/")).json()["result"] == [answer.json()]


async def test_the_etag_is_strong_and_changes_with_every_edit(ada: Caller) -> None:
    created = await ada.call("POST", "/api/posts/", {"text": "one"})
    body = {"id_post": created.json()["id_post"], "text": "two"}

    edited = [await ada.call("PUT", "/api/posts/", body) for _ in range(3)]

    tags = [answer.headers["ETag"] for answer in [created, *edited]]
    assert len(set(tags)) == 4
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    assert (await ada.get(f"/api/posts/{body['id_post']}/")).headers["ETag"] == tags[-1]


async def test_deleting_tells_until_when_the_post_is_kept(ada: Caller, clock: ManualClock) -> None:
    post = await ada.write("Hello #World")
    clock.advance(seconds=1)

    answer = await ada.call("DELETE", "/api/posts/", {"id_post": post["id_post"]})

    assert answer.status_code == 200
    assert answer.json() == {
        "id_post": post["id_post"],
        "deleted_at": "2026-11-22T06:21:01.123Z",
        "purge_at": "2026-12-22T06:21:01.123Z",
    }


@pytest.mark.parametrize(
    "path", ["/api/posts/", "/api/users/{}/posts/", "/api/hashtags/world/posts/"]
)
async def test_a_deleted_post_is_gone_at_once_from_every_timeline_and_count(
    ada: Caller, path: str
) -> None:
    kept, gone = await ada.write("Kept #World"), await ada.write("Gone #World")

    await ada.call("DELETE", "/api/posts/", {"id_post": gone["id_post"]})

    page = (await ada.get(path.format(ada.id))).json()
    assert (page["count"], page["result"]) == (1, [kept])


async def test_a_deleted_post_is_gone_from_the_ranking(ada: Caller) -> None:
    await ada.write("#World #Peace")
    gone = await ada.write("#World #War")

    await ada.call("DELETE", "/api/posts/", {"id_post": gone["id_post"]})

    ranking = (await ada.get("/api/popular_hashtags/")).json()
    assert ranking == [{"name": "peace", "count": 1}, {"name": "world", "count": 1}]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_the_live_post_of_another_is_403(ada: Caller, bob: Caller, method: str) -> None:
    post = await ada.write("Hello")

    answer = await bob.call(method, "/api/posts/", _body(method, post["id_post"]))

    assert problem_of(answer) == (403, "not-the-owner", [])
    assert (await ada.get(f"/api/posts/{post['id_post']}/")).json() == post


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_no_such_post_is_404(ada: Caller, method: str) -> None:
    answer = await ada.call(method, "/api/posts/", _body(method, NEVER))

    assert problem_of(answer) == (404, "post-not-found", [])


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_deleted_post_is_404_for_everybody(ada: Caller, bob: Caller, method: str) -> None:
    post = await ada.write("Hello")
    await ada.call("DELETE", "/api/posts/", {"id_post": post["id_post"]})

    for caller in (ada, bob):
        answer = await caller.call(method, "/api/posts/", _body(method, post["id_post"]))
        assert problem_of(answer) == (404, "post-not-found", [])
        answer = await caller.get(f"/api/posts/{post['id_post']}/")
        assert problem_of(answer) == (404, "post-not-found", [])


async def test_an_edit_that_is_refused_changes_nothing(ada: Caller) -> None:
    post = await ada.write("Hello")

    answer = await ada.call("PUT", "/api/posts/", {"id_post": post["id_post"], "text": " "})

    assert problem_of(answer) == (400, "invalid-input", ["text"])
    assert (await ada.get(f"/api/posts/{post['id_post']}/")).json() == post


def _body(method: str, id_post: int) -> dict[str, object]:
    return {"id_post": id_post} | ({"text": "x"} if method == "PUT" else {})
