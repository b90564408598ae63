"""1.4: values, as they are refused and kept over HTTP. The domain's own tests go further."""

import httpx
import pytest

from tests.unit.http.calling import PASSWORD, Caller, problem_of

USERNAMES = ["a", "_", "7", "a" * 30, "A.b-C_d", "_.-_", "0-0"]
NO_USERNAMES = [
    "",
    "a" * 31,
    ".a",
    "a.",
    "-a",
    "a-",
    "a b",
    " ada",
    "ada\n",
    "ä",
    "а",
    "a/b",
    "a@b",
    "ａ",
]
PASSWORDS = ["12ab34cd", "x" * 256, "pässwörd😀", "        ", "\t\n\x01 abcd", "😀" * 256]
NO_PASSWORDS = ["", "1234567", "x" * 257, "eve.eve.eve", "EVE.EVE.EVE", "password", "Password1"]
EMAILS = ["ada@example.org", "ä@example.org", "a" * 60 + "@example.org"]
NO_EMAILS = [
    "",
    "ada",
    "ada@",
    "@example.org",
    "a@b, c@d",
    "Ada <ada@example.org>",
    "ada@example.org\n",
    "ada@exa\x01mple.org",
    "a" * 250 + "@example.org",
    "ada@example",
    "ada@@example.org",
]
TEXTS = ["a", "😀", "a\tb\nc", "x" * 5000, "😀" * 5000, " ".join(f"#t{n}" for n in range(50))]
NO_TEXTS = [
    "",
    " ",
    "\u00a0\u3000\n\t",
    "\u200b",
    "\u2060\u00ad\ufeff",
    "x" * 5001,
    "a\rb",
    "a\x07b",
    "a\x7fb",
    "a\x85b",
    "a\x00b",
    " ".join(f"#t{n}" for n in range(51)),
    " " * 5001,
]


@pytest.mark.parametrize("username", USERNAMES)
async def test_a_username_is_kept_as_typed(nobody: Caller, username: str) -> None:
    answer = await _sign_up(nobody, username=username)

    assert answer.status_code == 201
    assert answer.json()["username"] == username


@pytest.mark.parametrize("username", NO_USERNAMES)
async def test_what_is_no_username_is_named(nobody: Caller, username: str) -> None:
    answer = await _sign_up(nobody, username=username)

    assert problem_of(answer) == (400, "invalid-input", ["username"])


@pytest.mark.parametrize("password", PASSWORDS)
async def test_a_password_of_any_characters_logs_in(nobody: Caller, password: str) -> None:
    assert (await _sign_up(nobody, password=password)).status_code == 201

    body = {"username": "eve.eve.eve", "password": password}
    assert (await nobody.call("POST", "/api/token/", body)).status_code == 200


@pytest.mark.parametrize("password", NO_PASSWORDS)
async def test_what_is_no_password_is_named(nobody: Caller, password: str) -> None:
    answer = await _sign_up(nobody, password=password)

    assert problem_of(answer) == (400, "invalid-input", ["password"])


@pytest.mark.parametrize("email", EMAILS)
async def test_an_address_is_taken(nobody: Caller, email: str) -> None:
    assert (await _sign_up(nobody, email=email)).status_code == 201


async def test_an_address_need_not_be_unique(nobody: Caller) -> None:
    for username in ("eve", "eva"):
        answer = await _sign_up(nobody, username=username, email="eve@example.org")
        assert answer.status_code == 201


@pytest.mark.parametrize("email", NO_EMAILS)
async def test_what_is_no_address_is_named(nobody: Caller, email: str) -> None:
    answer = await _sign_up(nobody, email=email)

    assert problem_of(answer) == (400, "invalid-input", ["email"])


async def test_all_that_is_wrong_with_a_sign_up_is_named(nobody: Caller) -> None:
    answer = await _sign_up(nobody, username="a b", password="short", email="nowhere")

    status, code, fields = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(fields) == ["email", "password", "username"]


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_is_kept(ada: Caller, text: str) -> None:
    assert (await ada.write(text))["text"] == text


@pytest.mark.parametrize("text", NO_TEXTS)
async def test_what_is_no_text_is_named(ada: Caller, text: str) -> None:
    answer = await ada.call("POST", "/api/posts/", {"text": text})

    assert problem_of(answer) == (400, "invalid-input", ["text"])


async def test_outer_white_space_is_cut_off_after_the_length_was_looked_at(ada: Caller) -> None:
    post = await ada.write("\u3000 \n" + "x" * 4990 + "\t\u00a0")

    assert post["text"] == "x" * 4990


async def _sign_up(caller: Caller, **members: str) -> httpx.Response:
    body = {"username": "eve.eve.eve", "password": PASSWORD} | members
    return await caller.call("POST", "/api/create_user/", body)
