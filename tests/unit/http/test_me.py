"""1.3: /api/users/me/, its password and its digest."""

import httpx
import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.testing.clock import ManualClock
from tests.unit.http.calling import PASSWORD, Caller, Json, problem_of
from tests.unit.http.conftest import Work

ME = "/api/users/me/"
NEW = "another horse battery"


async def test_users_read_what_is_known_of_them(client: httpx.AsyncClient) -> None:
    eve = await Caller.signed_up(client, "Eve.E", email="eve@example.org")
    await eve.write("one")
    post = await eve.write("two")
    await eve.call("DELETE", "/api/posts/", {"id_post": post["id_post"]})

    answer = await eve.get(ME)

    assert answer.status_code == 200
    assert answer.json() == {
        "id": eve.id,
        "username": "Eve.E",
        "created_at": "2026-11-22T06:21:00.123Z",
        "post_count": 1,
        "email": "eve@example.org",
        "weekly_digest": False,
    }
    assert answer.headers["Cache-Control"] == "no-store"


async def test_users_may_have_no_address(ada: Caller) -> None:
    me = (await ada.get(ME)).json()

    assert me["email"] is None


# The digest


async def test_a_digest_is_ordered_and_cancelled(ada: Caller) -> None:
    for weekly in (True, True, False, False):
        answer = await ada.call("PUT", f"{ME}digest/", {"weekly": weekly})

        assert answer.status_code == 204
        assert answer.content == b""
        assert (await ada.get(ME)).json()["weekly_digest"] is weekly


async def test_a_digest_is_ones_own(ada: Caller, bob: Caller) -> None:
    await ada.call("PUT", f"{ME}digest/", {"weekly": True})

    assert (await bob.get(ME)).json()["weekly_digest"] is False


# The password


async def test_a_changed_password_answers_204_and_logs_in_from_then_on(ada: Caller) -> None:
    answer = await _change(ada, PASSWORD, NEW)

    assert answer.status_code == 204
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await _log_in(ada, NEW)).status_code == 200
    assert problem_of(await _log_in(ada, PASSWORD)) == (401, "invalid-credentials", [])


async def test_a_changed_password_ends_access_at_once_for_writes(ada: Caller) -> None:
    await _change(ada, PASSWORD, NEW)

    writes = [
        await ada.call("POST", "/api/posts/", {"text": "too late"}),
        await ada.call("PUT", f"{ME}digest/", {"weekly": True}),
        await ada.call("PUT", "/api/favorite_hashtags/world/"),
        await ada.call("DELETE", "/api/favorite_hashtags/world/"),
        await _change(ada, NEW, PASSWORD),
    ]

    assert [problem_of(answer) for answer in writes] == [(401, "unauthenticated", [])] * 5


@pytest.mark.parametrize("path", [ME, "/api/posts/", "/api/favorite_hashtags/"])
async def test_a_changed_password_ends_access_within_5_s_for_reads(
    ada: Caller, clock: ManualClock, path: str
) -> None:
    assert (await ada.get(path)).status_code == 200
    await _change(ada, PASSWORD, NEW)

    clock.advance(seconds=5)

    assert problem_of(await ada.get(path)) == (401, "unauthenticated", [])


async def test_a_changed_password_ends_every_refresh_token_at_once(ada: Caller) -> None:
    other = (await _log_in(ada, PASSWORD)).json()["refresh"]
    await _change(ada, PASSWORD, NEW)

    for refresh in (ada.refresh, other):
        answer = await ada.call("POST", "/api/token/refresh/", {"refresh": refresh})
        assert problem_of(answer) == (401, "invalid-refresh-token", [])


async def test_tokens_of_the_new_password_hold(ada: Caller) -> None:
    await _change(ada, PASSWORD, NEW)
    tokens = (await _log_in(ada, NEW)).json()

    again = Caller(ada.client, ada.id, tokens["access"], tokens["refresh"])

    assert (await again.write("back"))["owner"]["id"] == ada.id


@pytest.mark.parametrize("old_password", ["", "wrong horse battery", PASSWORD.upper(), "x" * 5000])
async def test_a_wrong_old_password_is_403_and_changes_nothing(
    ada: Caller, old_password: str
) -> None:
    answer = await _change(ada, old_password, NEW)

    assert problem_of(answer) == (403, "wrong-password", [])
    assert (await _log_in(ada, PASSWORD)).status_code == 200
    assert await ada.write("still here")


@pytest.mark.parametrize(
    ("old_password", "new_password", "fields"),
    [
        (PASSWORD, "short", ["new_password"]),
        (PASSWORD, "x" * 257, ["new_password"]),
        (PASSWORD, "password1", ["new_password"]),
        (PASSWORD, "a\0bcdefgh", ["new_password"]),
        ("a\0b", NEW, ["old_password"]),
        ("a\0b", "short", ["new_password", "old_password"]),
        ("wrong horse", "short", ["new_password"]),
    ],
)
async def test_every_password_that_cannot_be_one_is_named(
    ada: Caller, old_password: str, new_password: str, fields: list[str]
) -> None:
    status, code, found = problem_of(await _change(ada, old_password, new_password))

    assert (status, code, sorted(found)) == (400, "invalid-input", fields)


async def test_the_new_password_is_not_the_username(client: httpx.AsyncClient) -> None:
    eve = await Caller.signed_up(client, "eve.eve.eve")

    answer = await _change(eve, PASSWORD, "EVE.eve.eve")

    assert problem_of(answer) == (400, "invalid-input", ["new_password"])


async def test_a_mail_tells_of_a_changed_password(
    client: httpx.AsyncClient, mailer: MemoryMailer, work: Work
) -> None:
    eve = await Caller.signed_up(client, "eve", email="eve@example.org")
    await work()
    mailer.sent.clear()

    await _change(eve, PASSWORD, NEW)
    await work()

    assert [(mail.to, mail.key.partition(".")[0]) for mail in mailer.sent] == [
        ("eve@example.org", "password-changed-mail")
    ]


async def _change(caller: Caller, old_password: str, new_password: str) -> httpx.Response:
    body = {"old_password": old_password, "new_password": new_password}
    return await caller.call("PUT", f"{ME}password/", body)


async def _log_in(caller: Caller, password: str) -> httpx.Response:
    body: Json = {"username": "ada", "password": password}
    return await caller.call("POST", "/api/token/", body)
