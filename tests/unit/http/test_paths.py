"""1.1, paths and ids in them."""

import pytest

from hashpost.adapters.tokens import HmacMailTokens
from hashpost.entrypoints.http.app import routes
from tests.services import KEYS
from tests.unit.http.calling import Caller, problem_of

GETS = [
    "/api/posts/",
    "/api/posts/{id_post}/",
    "/api/users/{user_id}/posts/",
    "/api/hashtags/world/posts/",
    "/api/popular_hashtags/",
    "/api/trending_hashtags/",
    "/api/users/me/",
    "/api/users/me/deleted_posts/",
    "/api/users/{user_id}/",
    "/api/favorite_hashtags/",
    "/api/favorite_hashtags/posts/",
    "/unsubscribe/{token}/",
    "/health/live",
    "/health/ready",
    "/api/schema/openapi.json",
    "/api/docs/",
    "/api/docs/assets/start.js",
]
OTHERS = [
    ("POST", "/api/create_user/"),
    ("POST", "/api/token/"),
    ("POST", "/api/token/refresh/"),
    ("POST", "/api/token/revoke/"),
    ("POST", "/api/posts/"),
    ("PUT", "/api/posts/"),
    ("DELETE", "/api/posts/"),
    ("PUT", "/api/posts/{id_post}/"),
    ("DELETE", "/api/users/me/"),
    ("PUT", "/api/users/me/password/"),
    ("PUT", "/api/users/me/digest/"),
    ("POST", "/api/password_reset/"),
    ("POST", "/api/password_reset/confirm/"),
]
WITHOUT_BODY = [
    ("POST", "/api/posts/{id_post}/restore/", 200),
    ("PUT", "/api/favorite_hashtags/world/", 204),
    ("DELETE", "/api/favorite_hashtags/world/", 204),
    ("PUT", "/api/favorite_hashtags/posts/", 204),
    ("DELETE", "/api/favorite_hashtags/posts/", 204),
    ("POST", "/unsubscribe/{token}/", 200),
    ("GET", "/metrics", 200),
]
PATHS = sorted(
    {*GETS, *(path for _, path in OTHERS), *(path for _, path, _ in WITHOUT_BODY)},
)
ALLOWED = {
    "/api/posts/": "DELETE, GET, HEAD, OPTIONS, POST, PUT",
    "/api/create_user/": "OPTIONS, POST",
    "/api/token/": "OPTIONS, POST",
    "/api/posts/{id_post}/": "DELETE, GET, HEAD, OPTIONS, PUT",
    "/api/posts/{id_post}/restore/": "OPTIONS, POST",
    "/api/users/me/": "DELETE, GET, HEAD, OPTIONS",
    "/api/token/refresh/": "OPTIONS, POST",
    "/api/token/revoke/": "OPTIONS, POST",
    "/api/password_reset/": "OPTIONS, POST",
    "/api/password_reset/confirm/": "OPTIONS, POST",
    "/api/users/me/password/": "OPTIONS, PUT",
    "/api/users/me/digest/": "OPTIONS, PUT",
    "/unsubscribe/{token}/": "GET, HEAD, OPTIONS, POST",
    "/api/favorite_hashtags/world/": "DELETE, OPTIONS, PUT",
    "/api/favorite_hashtags/posts/": "DELETE, GET, HEAD, OPTIONS, PUT",
}
UNKNOWN = [
    "/",
    "/api/",
    "/api/nothing/",
    "/api/posts//",
    "/api//posts/",
    "//api/posts/",
    "/API/posts/",
    "/api/posts/1/2/",
    "/api/posts;v=1/",
    "/api/hashtags//posts/",
    "/api/hashtags/posts/",
    "/api/hashtags/a%2Fb/c/posts/",
    "/health/",
    "/health/dead",
    "/api/docs/assets/",
    "/api/docs/assets/%2E%2E%2Fcore.py",
    "/%FF/",
    "/%00/",
    "/api/posts%00/",
    "/metrics.php",
    "/metrics/x",
    "/api/users/me/nothing/",
    "/api/users/me/password/x/",
    "/api/favorite_hashtags//",
    "/api/favorite_hashtags/a/b/",
    "/api/favorite_hashtags/posts/x/",
    "/unsubscribe/",
    "/unsubscribe//",
    "/unsubscribe/a/b/",
    "/unsubscribe/a.b/",
    "/unsubscribe/a=/",
    "/unsubscribe/a%3D/",
    "/unsubscribe/a%2Fb/",
    "/unsubscribe/%C3%A4/",
    "/unsubscribe/a%0A/",
    "/unsubscribe/a%00/",
    "/unsubscribe/%FF/",
]
NO_IDS = [
    "0",
    "-1",
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
    "me!",
    "9007199254740992",
    "9999999999999999",
    "99999999999999999999999999",
    "%FF",
    "1%00",
]


def test_the_lists_of_this_module_name_every_route() -> None:
    templates = {
        route.template.replace("{id_post:int}", "{id_post}")
        .replace("{user_id:int}", "{user_id}")
        .replace("{hashtag:str}", "world")
        .replace("{token:str}", "{token}")
        for route in routes()
    }

    named = {path.rstrip("/") for path in PATHS}
    assets = {"/api/docs/assets/swagger-ui.css", "/api/docs/assets/swagger-ui-bundle.js"}
    assert templates == named | assets


@pytest.mark.parametrize("path", GETS)
async def test_a_get_answers_alike_with_and_without_its_trailing_slash(
    ada: Caller, path: str
) -> None:
    path = await _filled(path, ada)
    path = path.rstrip("/")

    without, with_slash = await ada.get(path), await ada.get(f"{path}/")

    assert without.status_code == with_slash.status_code == 200
    assert without.content == with_slash.content


@pytest.mark.parametrize(("method", "path"), OTHERS)
async def test_others_answer_alike_with_and_without_their_trailing_slash(
    ada: Caller, method: str, path: str
) -> None:
    path = path.format(id_post=1)

    without = await ada.call(method, path.rstrip("/"), {"no": "such"})
    with_slash = await ada.call(method, path, {"no": "such"})

    assert problem_of(without) == problem_of(with_slash)
    assert without.status_code == 400


@pytest.mark.parametrize(("method", "path", "status"), WITHOUT_BODY)
async def test_what_takes_no_body_answers_alike_with_and_without_its_trailing_slash(
    ada: Caller, method: str, path: str, status: int
) -> None:
    path = await _filled(path, ada)

    without = await ada.call(method, path.rstrip("/"))
    with_slash = await ada.call(method, f"{path.rstrip('/')}/")

    assert without.status_code == with_slash.status_code == status


@pytest.mark.parametrize("path", GETS)
async def test_every_get_answers_head_with_the_same_headers_and_no_body(
    ada: Caller, path: str
) -> None:
    path = await _filled(path, ada)

    head = await ada.call("HEAD", path, headers={"X-Request-ID": "same"})
    get = await ada.call("GET", path, headers={"X-Request-ID": "same"})

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers == get.headers
    assert int(head.headers["Content-Length"]) == len(get.content)


async def test_head_of_an_error_has_no_body_either(nobody: Caller) -> None:
    head = await nobody.call("HEAD", "/api/posts/")

    assert head.status_code == 401
    assert head.content == b""
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", PATHS)
async def test_options_tells_what_a_path_allows(nobody: Caller, path: str) -> None:
    answer = await nobody.call("OPTIONS", path.format(id_post=1, user_id=1, token="x"))

    assert answer.status_code == 204
    assert answer.headers["Allow"] == ALLOWED.get(path, "GET, HEAD, OPTIONS")
    assert answer.content == b""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["PATCH", "TRACE", "BREW"])
async def test_a_known_path_with_another_method_is_405(
    nobody: Caller, method: str, path: str
) -> None:
    answer = await nobody.call(method, path.format(id_post=1, user_id=1, token="x"))

    assert problem_of(answer) == (405, "method-not-allowed", [])
    assert answer.headers["Allow"] == ALLOWED.get(path, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "path", ["/api/token/", "/api/users/me/password/", "/api/favorite_hashtags/world/"]
)
async def test_head_of_a_path_without_get_is_405(ada: Caller, path: str) -> None:
    assert (await ada.call("HEAD", path)).status_code == 405


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_an_unknown_path_is_404_without_a_token(
    nobody: Caller, method: str, path: str
) -> None:
    answer = await nobody.call(method, f"http://hashpost.test{path}")

    assert problem_of(answer) == (404, "not-found", [])


@pytest.mark.parametrize("path", UNKNOWN)
async def test_an_unknown_path_is_404_with_a_token(ada: Caller, path: str) -> None:
    answer = await ada.get(f"http://hashpost.test{path}")

    assert problem_of(answer) == (404, "not-found", [])


@pytest.mark.parametrize("path", ["/api/posts/{}/", "/api/users/{}/posts/"])
@pytest.mark.parametrize("no_id", NO_IDS)
async def test_what_is_no_id_in_a_path_makes_it_an_unknown_path(
    nobody: Caller, path: str, no_id: str
) -> None:
    answer = await nobody.get(path.format(no_id))

    assert problem_of(answer) == (404, "not-found", [])


async def test_an_id_in_a_path_may_be_any_up_to_two_to_the_53(ada: Caller) -> None:
    for id_post in (1, 2**53 - 1):
        answer = await ada.get(f"/api/posts/{id_post}/")
        assert problem_of(answer) == (404, "post-not-found", [])


async def test_percent_encoding_what_needs_none_changes_nothing(ada: Caller) -> None:
    assert (await ada.get("/%61pi/po%73ts/")).status_code == 200
    assert (await ada.get(f"/api/users/{ada.id}/p%6Fsts/")).status_code == 200


@pytest.mark.parametrize("name", ["posts", "api", "popular_hashtags", "me", "start.js"])
async def test_a_hashtag_may_be_called_like_a_part_of_a_path(ada: Caller, name: str) -> None:
    answer = await ada.get(f"/api/hashtags/{name}/posts/")

    assert answer.status_code in {200, 400}
    assert "page" in answer.json() or problem_of(answer)[2] == ["hashtag"]


async def _filled(path: str, caller: Caller) -> str:
    """The path with what is there in the places of its parameters."""
    post = await caller.write("Hello #World")
    token = HmacMailTokens(KEYS).unsubscribe(caller.id)
    return path.format(id_post=post["id_post"], user_id=caller.id, token=token)
