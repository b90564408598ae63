"""1.1, times, errors, headers."""

import re

import pytest
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from tests.unit.http.calling import PASSWORD, Caller, problem_of

REQUEST_IDS = ["a", "A-Z_0.9", "x" * 128, "7"]
NO_REQUEST_IDS = ["", "x" * 129, "a b", "a\tb", "ä", "a/b", "a,b", "{}", "a\x7f"]

SAMPLES = [
    ("POST", "/api/create_user/", 400),
    ("POST", "/api/token/", 400),
    ("GET", "/api/posts/", 200),
    ("POST", "/api/posts/", 400),
    ("GET", "/api/hashtags/world/posts/", 200),
    ("GET", "/api/popular_hashtags/", 200),
    ("GET", "/api/posts/1/", 404),
    ("GET", "/nothing/", 404),
    ("PATCH", "/api/posts/", 405),
    ("OPTIONS", "/api/posts/", 204),
    ("HEAD", "/api/posts/", 200),
    ("GET", "/api/users/me/", 200),
    ("PUT", "/api/users/me/password/", 400),
    ("POST", "/api/password_reset/", 400),
    ("PUT", "/api/favorite_hashtags/world/", 204),
    ("GET", "/api/favorite_hashtags/posts/", 200),
    ("GET", "/api/trending_hashtags/", 200),
    ("GET", "/api/hashtags/?prefix=w", 200),
    ("POST", "/api/hashtags/extract/", 400),
    ("GET", "/unsubscribe/x/", 404),
    ("GET", "/metrics", 200),
    ("GET", "/health/live", 200),
    ("GET", "/api/docs/", 200),
    ("GET", "/api/schema/openapi.json", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), SAMPLES)
async def test_every_answer_has_the_headers_that_all_have(
    ada: Caller, method: str, path: str, status: int
) -> None:
    answer = await ada.call(method, path, content=b"{}")

    assert answer.status_code == status
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.headers["X-Request-ID"])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Cache-Control" in answer.headers
    assert "Server" not in answer.headers


@pytest.mark.parametrize("request_id", REQUEST_IDS)
async def test_the_request_id_is_the_callers(nobody: Caller, request_id: str) -> None:
    answer = await nobody.call("GET", "/nothing/", headers={"X-Request-ID": request_id})

    assert answer.headers["X-Request-ID"] == request_id


@pytest.mark.parametrize("request_id", NO_REQUEST_IDS)
async def test_what_is_no_request_id_is_replaced(nobody: Caller, request_id: str) -> None:
    answer = await nobody.client.get(
        "/nothing/", headers=[(b"X-Request-ID", request_id.encode("latin-1"))]
    )

    assert answer.headers["X-Request-ID"] != request_id
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.headers["X-Request-ID"])


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"a\x80", b"<a>"])
async def test_a_host_that_is_none_is_refused(nobody: Caller, host: bytes) -> None:
    answer = await nobody.client.get("/health/live", headers=[(b"Host", host)])

    assert problem_of(answer) == (400, "malformed-request", [])


async def test_two_requests_never_get_the_same_new_id(nobody: Caller) -> None:
    answers = [await nobody.get("/health/live") for _ in range(100)]

    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 100


@pytest.mark.parametrize(("method", "path", "status"), SAMPLES)
async def test_every_request_is_logged_in_one_line_with_its_id(
    ada: Caller, method: str, path: str, status: int
) -> None:
    with capture_logs([merge_contextvars]) as lines:
        await ada.call(method, path, content=b"{}", headers={"X-Request-ID": "mine"})

    assert [line["event"] for line in lines] == ["request"]
    assert lines[0]["request_id"] == "mine"
    assert lines[0]["status"] == status
    assert lines[0]["method"] == method


async def test_the_log_names_who_called_and_what_by_ids(ada: Caller) -> None:
    post = await ada.write("a secret")

    with capture_logs([merge_contextvars]) as lines:
        await ada.get(f"/api/posts/{post['id_post']}/")

    assert lines[0]["actor_id"] == ada.id
    assert lines[0]["id_post"] == post["id_post"]
    assert lines[0]["route"] == "/api/posts/{id_post:int}"


async def test_no_body_and_no_token_gets_into_the_log(ada: Caller) -> None:
    with capture_logs([merge_contextvars]) as lines:
        await ada.write("a secret text")
        await ada.call("POST", "/api/token/", {"username": "ada", "password": PASSWORD})
        await ada.call("POST", "/api/token/", {"username": "ada", "password": 5, "secret": 1})
        await ada.call("POST", "/api/token/refresh/", {"refresh": ada.refresh})
        await ada.get("/api/hashtags/secret/posts/?cursor=secret")

    text = repr(lines)
    assert "secret" not in text
    assert PASSWORD not in text
    assert ada.access not in text
    assert ada.refresh not in text


async def test_nothing_of_a_request_stays_behind_in_the_log_context(nobody: Caller) -> None:
    await nobody.get("/health/live")

    assert get_contextvars() == {}


@pytest.mark.parametrize(
    "path",
    ["/api/create_user/", "/api/token/", "/api/token/refresh/", "/api/password_reset/confirm/"],
)
async def test_nobody_may_keep_tokens(nobody: Caller, path: str) -> None:
    await nobody.call("POST", "/api/create_user/", {"username": "ada", "password": PASSWORD})

    answer = await nobody.call("POST", path, {"username": "ada", "password": PASSWORD})

    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/users/me/",
        "/api/users/me/password/",
        "/api/users/me/digest/",
        "/api/favorite_hashtags/",
        "/api/favorite_hashtags/posts/",
        "/api/favorite_hashtags/world/",
        "/metrics",
        "/unsubscribe/x/",
    ],
)
async def test_nobody_may_keep_what_concerns_the_caller_only(
    ada: Caller, method: str, path: str
) -> None:
    assert (await ada.call(method, path)).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/api/posts/",
        "/api/hashtags/x/posts/",
        "/api/popular_hashtags/",
        "/api/trending_hashtags/",
        "/api/posts/1/",
    ],
)
async def test_only_the_caller_may_keep_other_answers_to_a_token(ada: Caller, path: str) -> None:
    assert (await ada.get(path)).headers["Cache-Control"] == "private, no-cache"


async def test_an_unexpected_error_is_logged_once_and_answered_blandly(broken: Caller) -> None:
    with capture_logs([merge_contextvars]) as lines:
        answer = await broken.call("GET", "/health/ready", headers={"X-Request-ID": "mine"})

    assert problem_of(answer) == (500, "internal-error", [])
    assert "secret" not in answer.text
    failures = [line for line in lines if line["log_level"] == "error"]
    assert [line["request_id"] for line in failures] == ["mine"]
    assert failures[0]["exc_info"]
    assert [line["status"] for line in lines if line["event"] == "request"] == [500]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_times_are_rfc_3339_in_utc_with_milliseconds(ada: Caller) -> None:
    post = await ada.write("x")

    assert post["created_at"] == "2026-11-22T06:21:00.123Z"


async def test_an_id_holds_the_time_at_which_the_thing_was_made(ada: Caller) -> None:
    post = await ada.write("x")

    assert post["id_post"] >> 11 == 1795328460123
    assert 1 <= post["id_post"] < 2**53


async def test_ids_ascend(ada: Caller) -> None:
    ids = [(await ada.write("x"))["id_post"] for _ in range(20)]

    assert ids == sorted(set(ids))
