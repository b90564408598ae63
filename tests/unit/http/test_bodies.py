"""1.1, bodies."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct

from hashpost.domain.errors import HashpostError, InvalidInput
from hashpost.entrypoints.http.bodies import parse
from hashpost.entrypoints.http.problems import MalformedRequest
from hashpost.entrypoints.http.requests import no_faults
from hashpost.entrypoints.http.schemas import DeletePostBody, SignUpBody
from tests.unit.http.calling import PASSWORD, Caller, problem_of

S = TypeVar("S", bound=Struct)

TOLD = re.compile(
    "The body (is empty|is not an object|is not JSON: line [0-9]+, column [0-9]+)"
    "|Something stands after the object in the body"
)
GOOD = b'{"username": "ada", "password": "correct horse battery"}'
DEEP = 20_000
RESET = ["email", "username", "x"]
MALFORMED = {
    "nothing": b"",
    "white space": b"  ",
    "no JSON": b"username=ada",
    "trailing garbage": GOOD + b"x",
    "two objects": GOOD + GOOD,
    "a BOM": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "no UTF-8 in a value": b'{"username": "\xff", "password": "correct horse"}',
    "no UTF-8 in a name": b'{"user\xffname": "ada", "password": "correct horse"}',
    "no UTF-8 in an unknown member": GOOD[:-1] + b', "x": "\xc3"}',
    "an overlong encoding": b'{"username": "\xc0\xaf", "password": "correct horse"}',
    "an encoded surrogate": b'{"username": "\xed\xa0\x80", "password": "correct horse"}',
    "a control character": b'{"username": "a\x00", "password": "correct horse"}',
    "a line feed in a string": b'{"username": "a\n", "password": "correct horse"}',
    "deep lists": b'{"username": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep lists without end": b"[" * DEEP,
    "deep objects": b'{"a":' * 10_000,
    "NaN": b'{"username": NaN}',
    "Infinity": b'{"username": -Infinity}',
    "single quotes": b"{'username': 'ada'}",
    "a trailing comma": b'{"username": "ada",}',
    "a comment": b'{"username": "ada"} // x',
    "a leading zero": b'{"username": 01}',
    "a list": b"[]",
    "null": b"null",
    "a string": b'"ada"',
    "a number": b"1",
    "a broken escape": b'{"username": "\\x41"}',
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
async def test_what_is_not_one_json_object_in_utf_8_is_malformed(
    nobody: Caller, content: bytes
) -> None:
    answer = await nobody.call("POST", "/api/create_user/", content=content)

    assert problem_of(answer) == (400, "malformed-request", [])


@pytest.mark.parametrize(
    ("names", "detail"),
    [
        (["nothing", "white space"], "The body is empty"),
        (["a BOM"], "The body begins with a byte order mark"),
        (
            [
                "UTF-16",
                "no UTF-8 in a value",
                "no UTF-8 in a name",
                "no UTF-8 in an unknown member",
                "an overlong encoding",
                "an encoded surrogate",
            ],
            "The body is not UTF-8",
        ),
        (
            ["deep lists", "deep lists without end", "deep objects"],
            "The body is nested too deeply",
        ),
        (
            ["trailing garbage", "two objects", "a comment"],
            "Something stands after the object in the body",
        ),
        (["a list", "null", "a string", "a number"], "The body is not an object"),
        (["no JSON"], "The body is not JSON: line 1, column 1"),
        (["single quotes"], "The body is not JSON: line 1, column 2"),
        (
            ["a control character", "a line feed in a string"],
            "The body is not JSON: line 1, column 16",
        ),
        (["a leading zero"], "The body is not JSON: line 1, column 15"),
        (
            ["NaN", "Infinity"],
            "The body is not JSON: NaN and Infinity are no numbers in it",
        ),
    ],
)
async def test_what_is_wrong_with_a_body_is_told(
    nobody: Caller, names: list[str], detail: str
) -> None:
    answers = [
        await nobody.call("POST", "/api/create_user/", content=MALFORMED[name]) for name in names
    ]

    assert [answer.json()["detail"] for answer in answers] == [detail] * len(names)


async def test_where_a_body_of_several_lines_is_wrong_is_told(nobody: Caller) -> None:
    answer = await nobody.call(
        "POST", "/api/create_user/", content=b'\r\n{\n  "username": "ada",\n  "secret": secret\n}'
    )

    assert answer.json()["detail"] == "The body is not JSON: line 4, column 13"


@given(
    st.text(alphabet='{}[]":, \\\n\t\x00sécret', max_size=30), st.sampled_from(["", "{", '{"a": '])
)
def test_what_is_told_of_a_body_repeats_nothing_of_it(content: str, beginning: str) -> None:
    outcome = _outcome((beginning + content).encode(), DeletePostBody)

    if isinstance(outcome, MalformedRequest):
        assert TOLD.fullmatch(outcome.detail)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json ; charset="utf-8"',
        "Application/JSON",
        "application/json;",
    ],
)
async def test_json_may_be_announced_with_its_charset(nobody: Caller, content_type: str) -> None:
    headers = {"Content-Type": content_type}

    answer = await nobody.call("POST", "/api/create_user/", content=GOOD, headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/json",
        "application/jsonp",
        "application/json5",
        "application/problem+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json; charset=utf-8; charset=latin-1",
        "application/json, text/plain",
        "application/msgpack",
        "json",
    ],
)
async def test_any_other_content_type_is_415(nobody: Caller, content_type: str) -> None:
    headers = {"Content-Type": content_type}

    answer = await nobody.call("POST", "/api/create_user/", content=GOOD, headers=headers)

    assert problem_of(answer) == (415, "unsupported-media-type", [])


async def test_no_content_type_is_415(nobody: Caller) -> None:
    answer = await nobody.client.post("/api/create_user/", content=GOOD)

    assert "Content-Type" not in answer.request.headers
    assert problem_of(answer) == (415, "unsupported-media-type", [])


async def test_two_content_types_are_415(nobody: Caller) -> None:
    types = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]

    answer = await nobody.client.post("/api/create_user/", content=GOOD, headers=types)

    assert problem_of(answer) == (415, "unsupported-media-type", [])


async def test_the_encoding_identity_is_fine(nobody: Caller) -> None:
    headers = {"Content-Encoding": "Identity"}

    answer = await nobody.call("POST", "/api/create_user/", content=GOOD, headers=headers)

    assert answer.status_code == 201


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "", "x"])
async def test_any_other_content_encoding_is_415(nobody: Caller, encoding: str) -> None:
    headers = {"Content-Encoding": encoding}

    answer = await nobody.call("POST", "/api/create_user/", content=GOOD, headers=headers)

    assert problem_of(answer) == (415, "unsupported-media-type", [])


@pytest.mark.parametrize("path", ["/api/posts/", "/api/create_user/"])
async def test_the_type_is_looked_at_before_the_body(ada: Caller, path: str) -> None:
    answer = await ada.call("POST", path, content=b"{", headers={"Content-Type": "text/plain"})

    assert problem_of(answer) == (415, "unsupported-media-type", [])


async def test_every_wrong_member_is_named_at_once(nobody: Caller) -> None:
    body = {"username": 5, "password": "x", "foo": 1}

    answer = await nobody.call("POST", "/api/create_user/", body)

    status, code, fields = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(fields) == ["foo", "password", "username"]


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("POST", "/api/create_user/", {}, ["password", "username"]),
        ("POST", "/api/create_user/", {"username": "a b", "email": 1}, None),
        ("POST", "/api/token/", {}, ["password", "username"]),
        ("POST", "/api/token/", {"username": None, "password": []}, ["password", "username"]),
        ("POST", "/api/token/refresh/", {"refresh": 1, "access": "x"}, ["access", "refresh"]),
        ("POST", "/api/posts/", {"text": "", "tags": []}, ["tags", "text"]),
        ("PUT", "/api/posts/", {}, ["id_post", "text"]),
        ("PUT", "/api/posts/", {"id_post": 0, "text": ""}, ["id_post", "text"]),
        ("PUT", "/api/posts/", {"id_post": 1, "text": {}}, ["text"]),
        ("DELETE", "/api/posts/", {}, ["id_post"]),
        ("DELETE", "/api/posts/", {"id_post": 1, "text": "x"}, ["text"]),
        ("PUT", "/api/users/me/password/", {}, ["new_password", "old_password"]),
        (
            "PUT",
            "/api/users/me/password/",
            {"old_password": 1, "new_password": "short", "x": 1},
            ["new_password", "old_password", "x"],
        ),
        ("PUT", "/api/users/me/digest/", {"x": True}, ["weekly", "x"]),
        ("POST", "/api/password_reset/", {"username": 1, "email": [], "x": 1}, RESET),
        ("POST", "/api/password_reset/", {"username": "a", "email": "b", "x": 1}, RESET[1:]),
        ("POST", "/api/password_reset/", {"username": "a", "x": 1}, ["x"]),
        ("POST", "/api/password_reset/confirm/", {}, ["new_password", "token"]),
        (
            "POST",
            "/api/password_reset/confirm/",
            {"token": 1, "new_password": "password"},
            ["new_password", "token"],
        ),
    ],
)
async def test_missing_unknown_and_wrong_members_are_named_on_every_route(
    ada: Caller, method: str, path: str, body: Any, fields: list[str] | None
) -> None:
    answer = await ada.call(method, path, body)

    status, code, found = problem_of(answer)
    assert (status, code) == (400, "invalid-input")
    assert sorted(found) == (fields or ["email", "password", "username"])


async def test_a_member_given_twice_counts_as_the_last_one_says(ada: Caller) -> None:
    answer = await ada.call(
        "POST", "/api/posts/", content=b'{"text": 5, "text": "", "text": "the last"}'
    )

    assert answer.status_code == 201
    assert answer.json()["text"] == "the last"


async def test_the_last_one_counts_also_when_it_is_wrong(ada: Caller) -> None:
    answer = await ada.call("POST", "/api/posts/", content=b'{"text": "fine", "text": 5}')

    assert problem_of(answer) == (400, "invalid-input", ["text"])


@pytest.mark.parametrize("content", [rb'"a\u0000b"', rb'"a\ud800b"', rb'"\udc00\ud800"'])
@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/api/create_user/", "username"),
        ("/api/create_user/", "password"),
        ("/api/create_user/", "email"),
        ("/api/token/", "username"),
        ("/api/token/", "password"),
        ("/api/token/refresh/", "refresh"),
        ("/api/posts/", "text"),
        ("/api/password_reset/", "username"),
        ("/api/password_reset/", "email"),
        ("/api/password_reset/confirm/", "token"),
        ("/api/password_reset/confirm/", "new_password"),
    ],
)
async def test_nul_or_a_lone_surrogate_in_a_string_is_named(
    ada: Caller, path: str, member: str, content: bytes
) -> None:
    good = {
        "/api/create_user/": {"username": "eve", "password": PASSWORD},
        "/api/token/": {"username": "eve", "password": PASSWORD},
        "/api/token/refresh/": {},
        "/api/posts/": {},
        "/api/password_reset/": {},
        "/api/password_reset/confirm/": {"token": "x", "new_password": PASSWORD},
    }[path]
    others = {name: value for name, value in good.items() if name != member}
    body = json.dumps({**others, member: None}).encode().replace(b"null", content)

    answer = await ada.call("POST", path, content=body)

    assert problem_of(answer) == (400, "invalid-input", [member])


async def test_a_surrogate_pair_is_one_character(ada: Caller) -> None:
    answer = await ada.call("POST", "/api/posts/", content=rb'{"text": "\ud83d\ude00"}')

    assert answer.status_code == 201
    assert answer.json()["text"] == "😀"


async def test_a_member_with_a_strange_name_is_named_all_the_same(ada: Caller) -> None:
    answer = await ada.call(
        "POST", "/api/posts/", content=rb'{"text": "x", "a\ud800": 1, "b\u0000": 2, "": 3}'
    )

    assert problem_of(answer) == (400, "invalid-input", ["a\\ud800", "b\x00", ""])


@pytest.mark.parametrize(
    "number",
    [
        "0",
        "-1",
        "1.0",
        "1e0",
        "1E3",
        '"1"',
        "true",
        "null",
        "[1]",
        "9007199254740992",
        "1e400",
        "-0",
        "9" * 30,
        "9" * 5000,
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_what_is_no_id_in_a_body_is_named(ada: Caller, method: str, number: str) -> None:
    text = ', "text": "x"' if method == "PUT" else ""

    answer = await ada.call(
        method, "/api/posts/", content=f'{{"id_post": {number}{text}}}'.encode()
    )

    assert problem_of(answer) == (400, "invalid-input", ["id_post"])


@pytest.mark.parametrize("id_post", [1, 2**53 - 1])
async def test_an_id_in_a_body_may_be_any_up_to_two_to_the_53(ada: Caller, id_post: int) -> None:
    answer = await ada.call("DELETE", "/api/posts/", {"id_post": id_post})

    assert problem_of(answer) == (404, "post-not-found", [])


@pytest.mark.parametrize(
    "value", ["1", "0", "1.0", '"true"', '"false"', "null", "[]", "[true]", "{}", '""']
)
async def test_what_is_not_true_or_false_is_named(ada: Caller, value: str) -> None:
    answer = await ada.call(
        "PUT", "/api/users/me/digest/", content=f'{{"weekly": {value}}}'.encode()
    )

    assert problem_of(answer) == (400, "invalid-input", ["weekly"])
    assert answer.json()["errors"][0]["detail"] == "true or false"


async def test_a_body_of_64_kib_is_read(ada: Caller) -> None:
    padded = b'{"text": "x"}'.ljust(64 * 1024)

    assert (await ada.call("POST", "/api/posts/", content=padded)).status_code == 201


async def test_a_body_of_more_than_64_kib_is_413(ada: Caller) -> None:
    padded = b'{"text": "x"}'.ljust(64 * 1024 + 1)

    answer = await ada.call("POST", "/api/posts/", content=padded)

    assert problem_of(answer) == (413, "too-large", [])


async def test_a_body_without_a_length_is_not_read_past_64_kib(ada: Caller) -> None:
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1024
            yield b" " * 1024

    answer = await ada.client.post(
        "/api/posts/",
        content=parts(),
        headers={"Authorization": f"Bearer {ada.access}", "Content-Type": "application/json"},
    )

    assert problem_of(answer) == (413, "too-large", [])
    assert answer.headers["Connection"] == "close"
    assert sent <= 66 * 1024


async def test_a_body_that_belies_its_length_is_not_read_past_64_kib(ada: Caller) -> None:
    padded = b'{"text": "x"}'.ljust(64 * 1024 + 1)

    answer = await ada.call("POST", "/api/posts/", content=padded, headers={"Content-Length": "13"})

    assert problem_of(answer) == (413, "too-large", [])


async def test_a_body_announced_as_too_large_is_not_read_at_all(ada: Caller) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"it was read"
        raise AssertionError

    answer = await ada.client.post(
        "/api/posts/",
        content=parts(),
        headers={
            "Authorization": f"Bearer {ada.access}",
            "Content-Type": "application/json",
            "Content-Length": str(64 * 1024 + 1),
        },
    )

    assert problem_of(answer) == (413, "too-large", [])


async def test_a_get_may_have_any_body_and_type(ada: Caller) -> None:
    answer = await ada.call(
        "GET", "/api/posts/", content=b"\xff", headers={"Content-Encoding": "gzip"}
    )

    assert answer.status_code == 200


async def test_a_refused_body_has_changed_nothing(ada: Caller) -> None:
    post = await ada.write("as it was")

    await ada.call("PUT", "/api/posts/", {"id_post": post["id_post"], "text": "new", "x": 1})

    assert (await ada.get(f"/api/posts/{post['id_post']}/")).json() == post


# Whatever the bytes, they are read or refused in our own words.


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
@example(b'{"id_post": 1}')
@example(b'{"id_post": 1, "\\ud800": 1}')
def test_no_bytes_break_the_reader(content: bytes) -> None:
    outcome = _outcome(content, DeletePostBody)

    if isinstance(outcome, DeletePostBody):
        assert 1 <= outcome.id_post < 2**53
    else:
        assert outcome.code in {"malformed-request", "invalid-input"}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(["username", "password", "email", "other"]), json_values, max_size=4
    )
)
def test_the_reader_takes_what_the_struct_takes(given_members: dict[str, Any]) -> None:
    wrong = {
        name
        for name in ("username", "password")
        if not isinstance(given_members.get(name), str) or "\0" in given_members[name]
    }
    email = given_members.get("email")
    if email is not None and (not isinstance(email, str) or "\0" in email):
        wrong.add("email")
    wrong |= given_members.keys() & {"other"}

    outcome = _outcome(json.dumps(given_members).encode(), SignUpBody)

    if isinstance(outcome, SignUpBody):
        assert not wrong
        assert (outcome.username, outcome.email) == (given_members["username"], email)
    else:
        assert isinstance(outcome, InvalidInput)
        assert {each.field for each in outcome.errors} == wrong


def _outcome(content: bytes, kind: type[S]) -> S | HashpostError:
    try:
        return parse(content, kind, faults=no_faults)
    except HashpostError as error:
        return error
