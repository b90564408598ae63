"""1.2: create_user, token, token/refresh."""

import httpx
import pytest

from hashpost.testing.clock import ManualClock
from tests.unit.http.calling import PASSWORD, Caller, problem_of


async def test_signing_up_answers_the_user(nobody: Caller) -> None:
    answer = await nobody.call(
        "POST", "/api/create_user/", {"username": "Ada.L", "password": PASSWORD}
    )

    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "username": "Ada.L",
        "created_at": "2026-11-22T06:21:00.123Z",
    }
    assert isinstance(answer.json()["id"], int)


@pytest.mark.parametrize("email", ["ada@example.org", None])
async def test_an_address_may_be_given_or_be_null(nobody: Caller, email: str | None) -> None:
    body = {"username": "ada", "password": PASSWORD, "email": email}

    assert (await nobody.call("POST", "/api/create_user/", body)).status_code == 201


@pytest.mark.parametrize("username", ["ada", "ADA", "aDa"])
async def test_a_taken_name_is_409_in_whatever_case(ada: Caller, username: str) -> None:
    answer = await ada.call(
        "POST", "/api/create_user/", {"username": username, "password": PASSWORD}
    )

    assert problem_of(answer) == (409, "username-taken", [])


@pytest.mark.parametrize("username", ["ada", "ADA"])
async def test_logging_in_answers_tokens_with_the_name_in_any_case(
    ada: Caller, username: str
) -> None:
    answer = await ada.call("POST", "/api/token/", {"username": username, "password": PASSWORD})

    tokens = answer.json()
    assert answer.status_code == 200
    assert tokens.keys() == {"access", "refresh", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert (await Caller(ada.client, access=tokens["access"]).get("/api/posts/")).status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("", ""),
        ("a b/c" * 1000, "x" * 10_000),
        ("ada\n", PASSWORD),
        ("ADA😀", "p"),
        ("ada", PASSWORD.upper()),
    ],
)
async def test_any_wrong_strings_are_one_and_the_same_401(
    ada: Caller, username: str, password: str
) -> None:
    answer = await ada.call("POST", "/api/token/", {"username": username, "password": password})

    assert problem_of(answer) == (401, "invalid-credentials", [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json()["detail"] == "The username or the password is wrong"


async def test_refreshing_spends_the_token_for_a_new_one(ada: Caller) -> None:
    answer = await _refresh(ada, ada.refresh)

    tokens = answer.json()
    assert answer.status_code == 200
    assert tokens.keys() == {"access", "refresh", "token_type", "expires_in"}
    assert tokens["refresh"] != ada.refresh
    assert (await _refresh(ada, tokens["refresh"])).status_code == 200


async def test_the_token_just_spent_gives_the_same_successor_within_10_s(
    ada: Caller, clock: ManualClock
) -> None:
    first = await _refresh(ada, ada.refresh)
    clock.advance(seconds=9, milliseconds=999)

    again = await _refresh(ada, ada.refresh)

    assert again.status_code == 200
    assert again.json()["refresh"] == first.json()["refresh"]


async def test_the_token_just_spent_revokes_its_family_after_10_s(
    ada: Caller, clock: ManualClock
) -> None:
    successor = (await _refresh(ada, ada.refresh)).json()["refresh"]
    clock.advance(seconds=10)

    answer = await _refresh(ada, ada.refresh)

    assert problem_of(answer) == (401, "invalid-refresh-token", [])
    assert problem_of(await _refresh(ada, successor)) == (401, "invalid-refresh-token", [])


async def test_a_token_spent_before_that_revokes_its_family_at_once(ada: Caller) -> None:
    second = (await _refresh(ada, ada.refresh)).json()["refresh"]
    third = (await _refresh(ada, second)).json()["refresh"]

    answer = await _refresh(ada, ada.refresh)

    assert problem_of(answer) == (401, "invalid-refresh-token", [])
    assert problem_of(await _refresh(ada, third)) == (401, "invalid-refresh-token", [])


async def test_an_expired_refresh_token_is_401(ada: Caller, clock: ManualClock) -> None:
    clock.advance(days=30)

    answer = await _refresh(ada, ada.refresh)

    assert problem_of(answer) == (401, "invalid-refresh-token", [])


@pytest.mark.parametrize("refresh", ["", "x", "ä😀", "a" * 60_000, "{access}"])
async def test_an_unknown_refresh_token_is_401(ada: Caller, refresh: str) -> None:
    answer = await _refresh(ada, refresh.replace("{access}", ada.access))

    assert problem_of(answer) == (401, "invalid-refresh-token", [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def _refresh(caller: Caller, refresh: str) -> httpx.Response:
    return await caller.call("POST", "/api/token/refresh/", {"refresh": refresh})
