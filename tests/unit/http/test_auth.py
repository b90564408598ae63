"""1.1, auth."""

from datetime import timedelta

import pytest

from hashpost.adapters.tokens import JwtAccessTokens
from hashpost.domain.session import Access
from hashpost.entrypoints.http.app import openapi_document
from hashpost.testing.clock import ManualClock
from tests.services import KEYS
from tests.unit.http.calling import PASSWORD, Caller, problem_of

OPEN = {
    "/api/create_user/",
    "/api/token/",
    "/api/token/refresh/",
    "/api/token/revoke/",
    "/api/password_reset/",
    "/api/password_reset/confirm/",
    "/unsubscribe/{token}/",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/api/schema/openapi.json",
    "/api/docs/",
}
GUARDED = [
    (method, path)
    for path, item in openapi_document()["paths"].items()
    for method in item
    if path not in OPEN
]


def test_all_other_routes_are_said_to_need_a_token() -> None:
    for path, item in openapi_document()["paths"].items():
        for operation in item.values():
            assert operation["security"] == ([] if path in OPEN else [{"bearer": []}])


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_every_other_route_is_401_without_a_token(
    nobody: Caller, method: str, path: str
) -> None:
    path = path.format(id_post=1, user_id=1, hashtag="world")

    answer = await nobody.call(method.upper(), path, content=b"no JSON, and never looked at")

    assert problem_of(answer) == (401, "unauthenticated", [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer {access}x",
        "Bearer {access}=",
        "Bearer {access} ",
        "Bearer {access} {access}",
        "Bearer {access},Bearer {access}",
        "Bearer {refresh}",
        "Basic {access}",
        "Token {access}",
        "{access}",
        "Bearer\t{access}",
        'Bearer "{access}"',
        "Bearer \x7f",
        "Bearer " + "a" * 1100,
    ],
)
async def test_what_is_no_access_token_of_ours_is_401(ada: Caller, header: str) -> None:
    header = header.format(access=ada.access, refresh=ada.refresh)

    answer = await Caller(ada.client).call("GET", "/api/posts/", headers={"Authorization": header})

    assert problem_of(answer) == (401, "unauthenticated", [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_bytes_beyond_ascii_in_the_header_are_401(ada: Caller) -> None:
    answer = await ada.client.get("/api/posts/", headers=[(b"Authorization", b"Bearer \xff\xfe")])

    assert problem_of(answer) == (401, "unauthenticated", [])


async def test_two_authorization_headers_are_401(ada: Caller) -> None:
    twice = [("Authorization", f"Bearer {ada.access}")] * 2

    answer = await ada.client.get("/api/posts/", headers=twice)

    assert problem_of(answer) == (401, "unauthenticated", [])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_scheme_may_be_in_any_case(ada: Caller, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {ada.access}"}

    answer = await Caller(ada.client).call("GET", "/api/posts/", headers=headers)

    assert answer.status_code == 200


async def test_an_expired_token_is_401(ada: Caller, clock: ManualClock) -> None:
    clock.advance(minutes=15)

    assert problem_of(await ada.get("/api/posts/")) == (401, "unauthenticated", [])


async def test_a_token_of_nobody_is_401(ada: Caller, clock: ManualClock) -> None:
    access = Access(
        user_id=1, generation=0, session_id=1, expires_at=clock() + timedelta(minutes=1)
    )
    forged = Caller(ada.client, access=JwtAccessTokens(KEYS).issue(access, at=clock()))

    assert problem_of(await forged.get("/api/posts/")) == (401, "unauthenticated", [])


async def test_a_token_signed_by_somebody_else_is_401(ada: Caller, clock: ManualClock) -> None:
    access = Access(
        user_id=ada.id, generation=0, session_id=1, expires_at=clock() + timedelta(minutes=1)
    )
    forged = Caller(ada.client, access=JwtAccessTokens([b"x" * 32]).issue(access, at=clock()))

    assert problem_of(await forged.get("/api/posts/")) == (401, "unauthenticated", [])


async def test_a_revoked_family_ends_access_at_once_for_writes(
    ada: Caller, clock: ManualClock
) -> None:
    await _revoke_family(ada, clock)

    answer = await ada.call("POST", "/api/posts/", {"text": "too late"})

    assert problem_of(answer) == (401, "unauthenticated", [])


async def test_a_revoked_family_ends_access_within_5_s_for_reads(
    ada: Caller, clock: ManualClock
) -> None:
    assert (await ada.get("/api/posts/")).status_code == 200
    await _revoke_family(ada, clock)

    clock.advance(seconds=5)

    assert problem_of(await ada.get("/api/posts/")) == (401, "unauthenticated", [])


async def test_open_routes_do_not_look_at_tokens(nobody: Caller) -> None:
    body = {"username": "ada", "password": PASSWORD}

    answer = await nobody.call(
        "POST", "/api/create_user/", body, headers={"Authorization": "Bearer nonsense"}
    )

    assert answer.status_code == 201


async def _revoke_family(caller: Caller, clock: ManualClock) -> None:
    body = {"refresh": caller.refresh}
    assert (await caller.call("POST", "/api/token/refresh/", body)).status_code == 200
    clock.advance(seconds=10)
    assert (await caller.call("POST", "/api/token/refresh/", body)).status_code == 401
