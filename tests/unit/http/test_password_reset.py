"""1.3: /api/password_reset/, from asking for it to the new password."""

import re

import httpx
import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.tokens import HmacMailTokens
from hashpost.domain.mail import Mail
from hashpost.testing.clock import ManualClock
from tests.services import KEYS
from tests.unit.http.calling import PASSWORD, Caller, Json, problem_of
from tests.unit.http.conftest import Work

RESET = "/api/password_reset/"
CONFIRM = "/api/password_reset/confirm/"
NEW = "another horse battery"
TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{54}(?![A-Za-z0-9_-])")


@pytest.fixture
async def eve(client: httpx.AsyncClient, mailer: MemoryMailer, work: Work) -> Caller:
    """Somebody with an address, who was welcomed already."""
    eve = await Caller.signed_up(client, "Eve", email="eve@example.org")
    await work()
    mailer.sent.clear()
    return eve


@pytest.fixture
async def token(eve: Caller, mailer: MemoryMailer, work: Work) -> str:
    """The token that she was sent."""
    await eve.call("POST", RESET, {"username": "Eve"})
    await work()
    return token_of(mailer.sent.pop())


def token_of(mail: Mail) -> str:
    (token,) = set(TOKEN.findall(mail.text))
    return str(token)


@pytest.mark.parametrize(
    "body",
    [
        {"username": "Eve"},
        {"username": "eVE"},
        {"email": "eve@example.org"},
        {"email": "EVE@example.org"},
        {"username": None, "email": "eve@example.org"},
    ],
)
async def test_who_asks_by_name_or_address_is_mailed_a_token_that_sets_a_password(
    eve: Caller, mailer: MemoryMailer, work: Work, body: Json
) -> None:
    asked = await Caller(eve.client).call("POST", RESET, body)
    await work()
    (mail,) = mailer.sent
    confirmed = await _confirm(eve, token_of(mail), NEW)

    assert asked.status_code == 202
    assert confirmed.status_code == 204
    assert mail.to == "eve@example.org"
    assert await _logs_in(eve, NEW)
    assert not await _logs_in(eve, PASSWORD)


async def test_the_answer_is_empty_and_the_same_whether_or_not_there_is_such_a_user(
    eve: Caller, bob: Caller, mailer: MemoryMailer, work: Work
) -> None:
    bodies = [{"username": "Eve"}, {"username": "nobody"}, {"username": "bob"}, {"email": "x"}]
    same = {"X-Request-ID": "same"}

    answers = [await bob.call("POST", RESET, body, headers=same) for body in bodies]
    await work()

    assert {answer.status_code for answer in answers} == {202}
    assert {answer.content for answer in answers} == {b""}
    assert all(answer.headers == answers[0].headers for answer in answers)
    assert answers[0].headers["Content-Length"] == "0"
    assert "Content-Type" not in answers[0].headers
    assert [mail.to for mail in mailer.sent] == ["eve@example.org"]


async def test_of_several_users_with_one_address_each_is_mailed(
    eve: Caller, mailer: MemoryMailer, work: Work
) -> None:
    await Caller.signed_up(eve.client, "evelyn", email="Eve@example.org")
    await work()
    mailer.sent.clear()

    await eve.call("POST", RESET, {"email": "eve@example.org"})
    await work()

    assert sorted(mail.name for mail in mailer.sent) == ["Eve", "evelyn"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["username"]),
        ({"username": None, "email": None}, ["username"]),
        ({"username": "eve", "email": "eve@example.org"}, ["username"]),
        ({"username": 1}, ["username"]),
        ({"email": True}, ["email"]),
        ({"username": "x" * 1001}, ["username"]),
        ({"email": "x" * 255}, ["email"]),
    ],
)
async def test_both_neither_or_what_nobody_can_have_is_named(
    nobody: Caller, body: Json, fields: list[str]
) -> None:
    assert problem_of(await nobody.call("POST", RESET, body)) == (400, "invalid-input", fields)


async def test_a_token_is_good_once(eve: Caller, token: str) -> None:
    assert (await _confirm(eve, token, NEW)).status_code == 204

    answer = await _confirm(eve, token, "yet another battery")

    assert problem_of(answer) == (400, "invalid-reset-token", ["token"])
    assert await _logs_in(eve, NEW)


async def test_a_token_is_good_for_an_hour(eve: Caller, clock: ManualClock, token: str) -> None:
    clock.advance(minutes=60)

    answer = await _confirm(eve, token, NEW)

    assert problem_of(answer) == (400, "invalid-reset-token", ["token"])
    clock.advance(milliseconds=-1)
    assert (await _confirm(eve, token, NEW)).status_code == 204


async def test_a_changed_password_ends_the_token(eve: Caller, token: str) -> None:
    body = {"old_password": PASSWORD, "new_password": NEW}
    assert (await eve.call("PUT", "/api/users/me/password/", body)).status_code == 204

    answer = await _confirm(eve, token, "yet another battery")

    assert problem_of(answer) == (400, "invalid-reset-token", ["token"])


@pytest.mark.parametrize("token", ["", "x", "A" * 54, "ä" * 54, "{access}", "{unsubscribe}"])
async def test_what_is_no_token_of_ours_is_400(eve: Caller, token: str) -> None:
    others = {"access": eve.access, "unsubscribe": HmacMailTokens(KEYS).unsubscribe(eve.id)}

    answer = await _confirm(eve, token.format(**others), NEW)

    assert problem_of(answer) == (400, "invalid-reset-token", ["token"])


@pytest.mark.parametrize("new_password", ["short", "x" * 257, "password1", "a\0bcdefgh"])
async def test_a_password_that_cannot_be_one_is_named_and_the_token_stays_good(
    eve: Caller, token: str, new_password: str
) -> None:
    answer = await _confirm(eve, token, new_password)

    assert problem_of(answer) == (400, "invalid-input", ["new_password"])
    assert (await _confirm(eve, token, NEW)).status_code == 204


async def test_a_reset_ends_every_token_of_the_user(
    eve: Caller, token: str, clock: ManualClock
) -> None:
    assert (await eve.get("/api/posts/")).status_code == 200
    await _confirm(eve, token, NEW)

    write = await eve.call("POST", "/api/posts/", {"text": "too late"})
    refresh = await eve.call("POST", "/api/token/refresh/", {"refresh": eve.refresh})
    clock.advance(seconds=5)
    read = await eve.get("/api/posts/")

    assert problem_of(write) == problem_of(read) == (401, "unauthenticated", [])
    assert problem_of(refresh) == (401, "invalid-refresh-token", [])


async def test_a_mail_tells_of_the_reset(
    eve: Caller, token: str, mailer: MemoryMailer, work: Work
) -> None:
    await _confirm(eve, token, NEW)
    await work()

    assert [mail.key.partition(".")[0] for mail in mailer.sent] == ["password-changed-mail"]


async def _confirm(caller: Caller, token: str, new_password: str) -> httpx.Response:
    body = {"token": token, "new_password": new_password}
    return await Caller(caller.client).call("POST", CONFIRM, body)


async def _logs_in(caller: Caller, password: str) -> bool:
    answer = await caller.call("POST", "/api/token/", {"username": "eve", "password": password})
    return answer.status_code == 200
