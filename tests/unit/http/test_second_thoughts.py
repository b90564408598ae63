"""1.3: restore, deleted posts, revoke, users, and the end of an account."""

import pytest

from hashpost.testing.clock import ManualClock
from tests.unit.http.calling import PASSWORD, Caller, problem_of
from tests.unit.http.conftest import Work


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_by_path_is_as_by_body(ada: Caller, bob: Caller, method: str) -> None:
    post = await ada.write("Hello")
    body = {"text": "World"} if method == "PUT" else None

    for caller, id_post, expected in (
        (bob, post["id_post"], (403, "not-the-owner", [])),
        (ada, 1, (404, "post-not-found", [])),
    ):
        assert problem_of(await caller.call(method, f"/api/posts/{id_post}/", body)) == expected
    answer = await ada.call(method, f"/api/posts/{post['id_post']}/", body)
    assert answer.status_code == 200
    assert answer.json()["id_post"] == post["id_post"]


async def test_an_edit_by_path_names_what_is_wrong(ada: Caller) -> None:
    post = await ada.write("Hello")
    path = f"/api/posts/{post['id_post']}/"

    answer = await ada.call("PUT", path, {"text": " ", "id_post": post["id_post"]})

    assert problem_of(answer) == (400, "invalid-input", ["id_post", "text"])
    assert (await ada.get(path)).json() == post


async def test_a_restored_post_is_where_it_was(ada: Caller, bob: Caller) -> None:
    older, post, newer = [await ada.write(f"{text} #World") for text in ("a", "b", "c")]
    before = [
        (await bob.get(path)).content
        for path in ("/api/posts/", "/api/hashtags/world/posts/", "/api/popular_hashtags/")
    ]
    await ada.call("DELETE", f"/api/posts/{post['id_post']}/")

    answer = await ada.call("POST", f"/api/posts/{post['id_post']}/restore/")

    assert (answer.status_code, answer.json()) == (200, post)
    after = [
        (await bob.get(path)).content
        for path in ("/api/posts/", "/api/hashtags/world/posts/", "/api/popular_hashtags/")
    ]
    assert after == before
    assert (await bob.get("/api/posts/")).json()["result"] == [newer, post, older]


async def test_restoring_is_for_the_owner_and_for_a_time(
    ada: Caller, bob: Caller, clock: ManualClock
) -> None:
    live, gone = await ada.write("Hello"), await ada.write("Hello")
    await ada.call("DELETE", f"/api/posts/{gone['id_post']}/")

    answers = [
        await caller.call("POST", f"/api/posts/{id_post}/restore/")
        for caller, id_post in (
            (bob, live["id_post"]),
            (bob, gone["id_post"]),
            (ada, 1),
            (ada, live["id_post"]),
        )
    ]

    assert [problem_of(each) for each in answers[:3]] == [(404, "post-not-found", [])] * 3
    assert (answers[3].status_code, answers[3].json()) == (200, live)
    clock.advance(days=30)
    ada = await logged_in(ada)
    late = await ada.call("POST", f"/api/posts/{gone['id_post']}/restore/")
    assert problem_of(late) == (404, "post-not-found", [])


async def logged_in(caller: Caller, username: str = "ada") -> Caller:
    tokens = await caller.client.post(
        "/api/token/", json={"username": username, "password": PASSWORD}
    )
    return Caller(caller.client, caller.id, tokens.json()["access"], tokens.json()["refresh"])


async def test_deleted_posts_are_listed_for_their_owner(
    ada: Caller, bob: Caller, clock: ManualClock
) -> None:
    posts = [await ada.write(f"#n{number}") for number in range(3)]
    deletions = {}
    for post in (posts[1], posts[0], posts[2]):
        clock.advance(seconds=1)
        answer = await ada.call("DELETE", f"/api/posts/{post['id_post']}/")
        deletions[post["id_post"]] = answer.json()

    answer = await ada.get("/api/users/me/deleted_posts/?page_size=2")
    last = await ada.get("/api/users/me/deleted_posts/?page=2&page_size=2")

    page = answer.json()
    path = "/api/users/me/deleted_posts/"
    assert page | {"result": None} == {
        "count": 3,
        "page": 1,
        "page_size": 2,
        "has_next": True,
        "has_previous": False,
        "next": f"{path}?page=2&page_size=2",
        "previous": None,
        "next_cursor": None,
        "result": None,
    }
    assert page["result"] == [post | deletions[post["id_post"]] for post in (posts[2], posts[0])]
    assert answer.headers["Link"] == f'<{path}?page=2&page_size=2>; rel="next"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert last.json()["previous"] == f"{path}?page=1&page_size=2"
    assert (last.json()["has_next"], last.json()["next"]) == (False, None)
    assert (await bob.get(path)).json()["count"] == 0


@pytest.mark.parametrize(
    ("query", "status", "fields"),
    [
        ("page=2", 404, []),
        ("page=0&page_size=101", 400, ["page", "page_size"]),
        ("page=1e3&page_size=0", 400, ["page", "page_size"]),
        ("page=1&page=1", 400, ["page"]),
        ("cursor=x&page=1", 200, []),
    ],
)
async def test_pages_of_deleted_posts_are_asked_for_by_number(
    ada: Caller, query: str, status: int, fields: list[str]
) -> None:
    answer = await ada.get(f"/api/users/me/deleted_posts/?{query}")

    assert answer.status_code == status
    if status == 400:
        assert problem_of(answer)[2] == fields


async def test_a_revoked_family_is_dead(ada: Caller, clock: ManualClock) -> None:
    body = {"refresh": ada.refresh}

    first = await ada.client.post("/api/token/revoke/", json=body)
    again = await ada.client.post("/api/token/revoke/", json=body)

    assert [(each.status_code, each.content) for each in (first, again)] == [(204, b"")] * 2
    assert first.headers["Cache-Control"] == "no-store"
    refreshed = await ada.client.post("/api/token/refresh/", json=body)
    assert problem_of(refreshed) == (401, "invalid-refresh-token", [])
    assert (await ada.call("POST", "/api/posts/", {"text": "Hello"})).status_code == 401
    clock.advance(seconds=5)
    assert (await ada.get("/api/posts/")).status_code == 401


async def test_users_are_shown_to_each_other(ada: Caller, bob: Caller) -> None:
    await ada.write("Hello")

    answer = await bob.get(f"/api/users/{ada.id}/")

    assert answer.json() == {
        "id": ada.id,
        "username": "ada",
        "created_at": "2026-11-22T06:21:00.123Z",
        "post_count": 1,
    }
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert problem_of(await bob.get("/api/users/1/")) == (404, "user-not-found", [])


async def test_a_deleted_account_is_gone_from_every_answer(
    ada: Caller, bob: Caller, work: Work
) -> None:
    post = await ada.write("Hello #World")
    kept = await bob.write("Hello #World")
    credentials = {"username": "ada", "password": PASSWORD}

    wrong = await ada.call("DELETE", "/api/users/me/", {"password": "something else"})
    answer = await ada.call("DELETE", "/api/users/me/", {"password": PASSWORD})
    again = await ada.call("DELETE", "/api/users/me/", {"password": PASSWORD})

    assert problem_of(wrong) == (403, "wrong-password", [])
    assert (answer.status_code, answer.content) == (204, b"")
    assert problem_of(again) == (401, "unauthenticated", [])
    for _ in range(2):
        for path in (f"/api/users/{ada.id}/", f"/api/users/{ada.id}/posts/"):
            assert problem_of(await bob.get(path)) == (404, "user-not-found", [])
        gone = await bob.get(f"/api/posts/{post['id_post']}/")
        assert problem_of(gone) == (404, "post-not-found", [])
        for path in ("/api/posts/", "/api/hashtags/world/posts/"):
            page = (await bob.get(path)).json()
            assert (page["count"], page["result"]) == (1, [kept])
        ranking = (await bob.get("/api/popular_hashtags/")).json()
        assert ranking == [{"name": "world", "count": 1}]
        login = await bob.client.post("/api/token/", json=credentials)
        assert problem_of(login) == (401, "invalid-credentials", [])
        refreshed = await bob.client.post("/api/token/refresh/", json={"refresh": ada.refresh})
        assert problem_of(refreshed) == (401, "invalid-refresh-token", [])
        taken = await bob.client.post("/api/create_user/", json=credentials)
        assert problem_of(taken) == (409, "username-taken", [])
        await work()
