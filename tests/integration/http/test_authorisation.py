"""Who may do what: every operation of the OpenAPI document as nobody, as the owner, as another.

Each cell of the matrix is called by schemathesis in a world of its own, which also holds the answer
against the document. Who is refused has changed nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.system import SystemClock
from hashpost.adapters.tokens import HmacMailTokens
from hashpost.entrypoints.http import create_app, openapi_document
from tests.services import KEYS, a_hasher, a_service

HOST = "http://testserver"
PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"
ACTORS = ("nobody", "owner", "other")
TOKENS = HmacMailTokens(KEYS)

Statuses = tuple[int, int, int]
MATRIX: dict[str, Statuses] = {
    # Open to everybody: what is shown proves who may, whoever shows it.
    "POST /api/create_user/": (201, 201, 201),
    "POST /api/token/": (200, 200, 200),
    "POST /api/token/refresh/": (200, 200, 200),
    "POST /api/token/revoke/": (204, 204, 204),
    "POST /api/password_reset/": (202, 202, 202),
    "POST /api/password_reset/confirm/": (204, 204, 204),
    "GET /unsubscribe/{token}/": (200, 200, 200),
    "POST /unsubscribe/{token}/": (200, 200, 200),
    "GET /health/live": (200, 200, 200),
    "GET /health/ready": (200, 200, 200),
    "GET /metrics": (200, 200, 200),
    "GET /api/schema/openapi.json": (200, 200, 200),
    "GET /api/docs/": (200, 200, 200),
    # A post of the owner's.
    "GET /api/posts/{id_post}/": (401, 200, 200),
    "PUT /api/posts/": (401, 200, 403),
    "DELETE /api/posts/": (401, 200, 403),
    "PUT /api/posts/{id_post}/": (401, 200, 403),
    "DELETE /api/posts/{id_post}/": (401, 200, 403),
    "POST /api/posts/{id_post}/restore/": (401, 200, 404),
    # What everybody may with a token.
    "POST /api/posts/": (401, 201, 201),
    "GET /api/posts/": (401, 200, 200),
    "GET /api/users/{user_id}/": (401, 200, 200),
    "GET /api/users/{user_id}/posts/": (401, 200, 200),
    "GET /api/hashtags/{hashtag}/posts/": (401, 200, 200),
    "GET /api/popular_hashtags/": (401, 200, 200),
    "GET /api/trending_hashtags/": (401, 200, 200),
    # Each for oneself.
    "GET /api/users/me/": (401, 200, 200),
    "DELETE /api/users/me/": (401, 204, 204),
    "PUT /api/users/me/password/": (401, 204, 204),
    "PUT /api/users/me/digest/": (401, 204, 204),
    "GET /api/users/me/deleted_posts/": (401, 200, 200),
    "GET /api/favorite_hashtags/": (401, 200, 200),
    "GET /api/favorite_hashtags/posts/": (401, 200, 200),
    "PUT /api/favorite_hashtags/{hashtag}/": (401, 204, 204),
    "DELETE /api/favorite_hashtags/{hashtag}/": (401, 204, 204),
    "PUT /api/favorite_hashtags/posts/": (401, 204, 204),
    "DELETE /api/favorite_hashtags/posts/": (401, 204, 204),
}
CELLS = [
    pytest.param(operation, actor, status, id=f"{operation} as {actor}")
    for operation, statuses in MATRIX.items()
    for actor, status in zip(ACTORS, statuses, strict=True)
]


@dataclass(frozen=True)
class World:
    """The owner, ada, with a live post and a deleted one, and another, bob."""

    client: Any
    schema: Any
    users: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    posts: dict[str, int] = field(default_factory=dict)

    def headers(self, actor: str) -> dict[str, str]:
        """Who calls."""
        if actor == "nobody":
            return {}
        return {"Authorization": f"Bearer {self.users[actor]['access']}"}

    def get(self, actor: str, path: str) -> Any:
        """What is read there."""
        return self.client.get(f"{HOST}{path}", headers=self.headers(actor)).json()

    def seen(self) -> list[Any]:
        """All that owner and other see of it."""
        paths = [
            "/api/posts/",
            "/api/users/me/",
            "/api/users/me/deleted_posts/",
            "/api/favorite_hashtags/",
            "/api/popular_hashtags/",
        ]
        return [self.get(actor, path) for actor in ACTORS[1:] for path in paths]


@pytest.fixture(scope="module")
def hasher() -> Iterator[Argon2Hasher]:
    hasher = a_hasher()
    yield hasher
    hasher.close()


@pytest.fixture
def world(hasher: Argon2Hasher) -> Iterator[World]:
    with _opened(hasher) as world:
        for actor, username in (("owner", "ada"), ("other", "bob")):
            credentials = {"username": username, "password": PASSWORD}
            user = world.client.post(f"{HOST}/api/create_user/", json=credentials).json()
            tokens = world.client.post(f"{HOST}/api/token/", json=credentials).json()
            world.users[actor] = {"id": user["id"], **tokens}
        headers = world.headers("owner")
        for name in ("live", "deleted"):
            post = world.client.post(
                f"{HOST}/api/posts/", json={"text": f"{name} #world"}, headers=headers
            )
            world.posts[name] = post.json()["id_post"]
        world.client.delete(f"{HOST}/api/posts/{world.posts['deleted']}/", headers=headers)
        world.client.put(f"{HOST}/api/favorite_hashtags/world/", headers=headers)
        yield world


@contextmanager
def _opened(hasher: Argon2Hasher) -> Iterator[World]:
    import schemathesis
    from schemathesis.python.asgi import get_client

    app: Any = create_app(a_service(MemoryStorage(), SystemClock(), hasher))
    with get_client(app) as client:
        yield World(client, schemathesis.openapi.from_asgi("/api/schema/openapi.json", app))


def _parameters(world: World, operation: str) -> dict[str, Any]:
    post = world.posts["deleted" if "restore" in operation else "live"]
    owner = world.users["owner"]["id"]
    known = {
        "id_post": post,
        "user_id": owner,
        "hashtag": "world",
        "token": TOKENS.unsubscribe(owner),
    }
    return {name: value for name, value in known.items() if f"{{{name}}}" in operation}


def _body(world: World, operation: str) -> dict[str, Any] | None:
    live, owner = world.posts["live"], world.users["owner"]
    soon = SystemClock()() + timedelta(minutes=1)
    bodies: dict[str, dict[str, Any]] = {
        "POST /api/create_user/": {"username": "eve", "password": PASSWORD},
        "POST /api/token/": {"username": "ada", "password": PASSWORD},
        "POST /api/token/refresh/": {"refresh": owner["refresh"]},
        "POST /api/token/revoke/": {"refresh": owner["refresh"]},
        "POST /api/password_reset/": {"username": "ada"},
        "POST /api/password_reset/confirm/": {
            "token": TOKENS.reset(owner["id"], 0, expires_at=soon),
            "new_password": NEW_PASSWORD,
        },
        "POST /api/posts/": {"text": "new #world"},
        "PUT /api/posts/": {"id_post": live, "text": "changed #world"},
        "DELETE /api/posts/": {"id_post": live},
        "PUT /api/posts/{id_post}/": {"text": "changed #world"},
        "DELETE /api/users/me/": {"password": PASSWORD},
        "PUT /api/users/me/password/": {"old_password": PASSWORD, "new_password": NEW_PASSWORD},
        "PUT /api/users/me/digest/": {"weekly": True},
        "POST /api/hashtags/extract/": {"text": "Hello #World"},
    }
    return bodies.get(operation)


def test_every_operation_is_in_the_matrix() -> None:
    operations = {
        f"{method.upper()} {path}"
        for path, item in openapi_document()["paths"].items()
        for method in item
    }

    assert set(MATRIX) == operations


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("operation", "actor", "status"), CELLS)
def test_who_may_do_what(world: World, operation: str, actor: str, status: int) -> None:
    method, path = operation.split()
    before = world.seen()
    body = _body(world, operation)
    case = world.schema[path][method].Case(
        path_parameters=_parameters(world, operation),
        query={"prefix": "wor"} if operation == "GET /api/hashtags/" else {},
        headers=world.headers(actor),
        **({} if body is None else {"body": body, "media_type": "application/json"}),
    )

    answer = case.call(session=world.client)

    assert answer.status_code == status
    case.validate_response(answer)
    if status >= 400:
        assert world.seen() == before


def test_each_sees_what_is_theirs(world: World) -> None:
    for actor, name, posts, deleted, favorites in (
        ("owner", "ada", 1, 1, ["world"]),
        ("other", "bob", 0, 0, []),
    ):
        me = world.get(actor, "/api/users/me/")
        assert (me["username"], me["post_count"]) == (name, posts)
        assert world.get(actor, "/api/users/me/deleted_posts/")["count"] == deleted
        listed = world.get(actor, "/api/favorite_hashtags/")
        assert [each["name"] for each in listed] == favorites
