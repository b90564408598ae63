"""1.3: /unsubscribe/<token>/."""

import re

import pytest

from hashpost.adapters.tokens import HmacMailTokens
from hashpost.testing.clock import START
from tests.services import KEYS
from tests.unit.http.calling import PASSWORD, Caller, problem_of

TOKENS = HmacMailTokens(KEYS)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = b"List-Unsubscribe=One-Click"


@pytest.fixture
async def path(ada: Caller) -> str:
    """The link in a digest that she has ordered."""
    assert (await ada.call("PUT", "/api/users/me/digest/", {"weekly": True})).status_code == 204
    return f"/unsubscribe/{TOKENS.unsubscribe(ada.id)}/"


async def test_one_click_cancels_the_digest(ada: Caller, nobody: Caller, path: str) -> None:
    answer = await nobody.call("POST", path, content=ONE_CLICK, headers=FORM)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not await _has_digest(ada)


@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"{}", b"x" * 64 * 1024])
@pytest.mark.parametrize("content_type", ["", "multipart/form-data; boundary=x", "nonsense"])
async def test_one_click_may_come_with_any_body_and_type(
    ada: Caller, nobody: Caller, path: str, content: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}

    answer = await nobody.call("POST", path, content=content, headers=headers)

    assert answer.status_code == 200
    assert not await _has_digest(ada)


async def test_a_click_without_any_body_or_type_cancels_it(
    ada: Caller, nobody: Caller, path: str
) -> None:
    assert (await nobody.call("POST", path.rstrip("/"))).status_code == 200
    assert not await _has_digest(ada)


async def test_a_second_click_is_answered_like_the_first(nobody: Caller, path: str) -> None:
    first, second = await nobody.call("POST", path), await nobody.call("POST", path)

    assert (second.status_code, second.content) == (200, first.content)


async def test_the_link_of_a_deleted_user_is_404(ada: Caller, nobody: Caller, path: str) -> None:
    deleted = await ada.call("DELETE", "/api/users/me/", {"password": PASSWORD})
    assert deleted.status_code == 204

    assert problem_of(await nobody.call("POST", path)) == (404, "not-found", [])


async def test_a_body_of_more_than_64_kib_is_413_and_cancels_nothing(
    ada: Caller, nobody: Caller, path: str
) -> None:
    answer = await nobody.call("POST", path, content=b"x" * (64 * 1024 + 1), headers=FORM)

    assert problem_of(answer) == (413, "too-large", [])
    assert await _has_digest(ada)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_who_only_looks_cancels_nothing(
    ada: Caller, nobody: Caller, path: str, method: str
) -> None:
    answer = await nobody.call(method, path)

    assert answer.status_code in {200, 204}
    assert await _has_digest(ada)


async def test_the_page_has_one_form_with_one_button_that_posts_to_where_it_came_from(
    ada: Caller, nobody: Caller, path: str
) -> None:
    page = (await nobody.get(path)).text

    assert re.findall(r"<form\b[^>]*>", page) == ['<form method="post">']
    assert len(re.findall(r"<button\b", page)) == 1
    assert not re.search(r"<(input|a|script|style|iframe|img)\b|\son\w+=|style=", page)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_pages_say_what_readers_and_their_programs_need(
    nobody: Caller, path: str, method: str
) -> None:
    answer = await nobody.call(method, path)

    assert answer.status_code == 200
    assert answer.text.startswith('<!doctype html>\n<html lang="en">\n')
    title = re.findall(r"<title>(.+)</title>", answer.text)
    assert len(title) == 1
    assert re.findall(r"<h1>(.+)</h1>", answer.text) == title
    assert '<meta name="viewport"' in answer.text
    assert answer.text.count("<main>") == answer.text.count("</main>") == 1


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_the_pages_may_do_nothing_else_and_are_not_kept(
    nobody: Caller, path: str, method: str
) -> None:
    headers = (await nobody.call(method, path)).headers

    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", "A" * 32, "{cut}", "{longer}", "{reset}", "-_-"])
async def test_a_wrong_token_is_404(
    ada: Caller, nobody: Caller, path: str, method: str, token: str
) -> None:
    good = TOKENS.unsubscribe(ada.id)
    reset = TOKENS.reset(ada.id, 0, expires_at=START.replace(year=2100))
    token = token.format(cut=good[:-1], longer=f"{good}A", reset=reset)

    answer = await nobody.call(method, f"/unsubscribe/{token}/", content=ONE_CLICK, headers=FORM)

    assert problem_of(answer) == (404, "not-found", [])
    assert await _has_digest(ada)


async def test_the_token_of_nobody_is_404(nobody: Caller) -> None:
    answer = await nobody.call("POST", f"/unsubscribe/{TOKENS.unsubscribe(1)}/")

    assert problem_of(answer) == (404, "not-found", [])


async def test_percent_encoding_what_needs_none_changes_nothing(ada: Caller, path: str) -> None:
    token = path.split("/")[2]
    encoded = "".join(f"%{ord(character):02X}" for character in token)

    answer = await ada.call_raw("POST", f"/unsubscribe/{encoded}/")

    assert answer.status_code == 200
    assert not await _has_digest(ada)


async def _has_digest(caller: Caller) -> bool:
    return bool((await caller.get("/api/users/me/")).json()["weekly_digest"])
