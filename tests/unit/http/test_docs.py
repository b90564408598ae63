"""docs/http.md and docs/errors.md: complete, and true."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.tokens import HmacMailTokens
from hashpost.entrypoints.http import openapi_document
from hashpost.entrypoints.http.problems import MethodNotAllowed
from tests.services import KEYS
from tests.unit.http.calling import Caller
from tests.unit.http.conftest import Work

DOCS = Path(__file__).parents[3] / "docs"
HEADING = re.compile(r"^### `(\w+ \S+)`( \(open\))?$", re.MULTILINE)
EXAMPLE = re.compile(
    r"```sh\n(curl .*?)\n```\n(?:\n```(?:json|text)\n(\d+)(?: (.*?))?\n```)?", re.DOTALL
)
TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{54}(?![A-Za-z0-9_-])")
ROW = re.compile(r"^\| (\d+) \| `([a-z-]+)` \|", re.MULTILINE)
PATHS = openapi_document()["paths"]


@dataclass(frozen=True, slots=True)
class Example:
    """A call in the documentation, and the answer that it shows."""

    command: str
    status: int
    answer: Any


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_route_has_its_section_which_says_whether_it_is_open() -> None:
    sections = {name: bool(is_open) for name, is_open in HEADING.findall(read("http.md"))}

    assert sections == {
        f"{method.upper()} {path}": operation["security"] == []
        for path, item in PATHS.items()
        for method, operation in item.items()
    }


def test_every_section_has_its_own_example() -> None:
    parts = HEADING.split(read("http.md"))[1:]

    for name, section in zip(parts[0::3], parts[2::3], strict=True):
        method, path = name.split()
        examples = EXAMPLE.findall(section)
        assert len(examples) == 1, name
        assert method == (re.search(r"-X (\w+)", examples[0][0]) or ["", "GET"])[1]
        pattern = re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(path))
        assert re.search(rf"\$URL{pattern}[ ?\"]", examples[0][0] + " "), name


async def test_the_examples_do_what_they_show(
    nobody: Caller, mailer: MemoryMailer, work: Work
) -> None:
    known: dict[str, str] = {}
    for command, status, answer in EXAMPLE.findall(read("http.md")):
        response = await _run(nobody, command, known)
        if response.status_code == 401:  # a new password has ended the token
            await _log_in_again(nobody, known)
            response = await _run(nobody, command, known)
        assert response.status_code == int(status or 200), command
        if answer:
            assert _shape(response.json()) == _shape(msgspec.json.decode(answer)), command
            _learn(known, response.json())
        await work()
        _learn_from_mails(known, mailer)


@pytest.mark.parametrize("name", ["status", "code"])
def test_every_error_stands_in_the_table(name: str) -> None:
    index = ("status", "code").index(name)
    rows = ROW.findall(read("errors.md"))

    documented = {
        (example["value"]["status"], code)
        for item in PATHS.values()
        for operation in item.values()
        for response in operation["responses"].values()
        for code, example in response.get("content", {})
        .get("application/problem+json", {})
        .get("examples", {})
        .items()
    } | {(405, MethodNotAllowed.code)}

    assert len(rows) == len(set(rows))
    assert sorted(str(row[index]) for row in rows) == sorted(str(e[index]) for e in documented)


async def _run(caller: Caller, command: str, known: dict[str, str]) -> Any:
    for name, value in known.items():
        command = command.replace(f"${name}", value)
    words = shlex.split(command.replace("\\\n", " "))[1:]
    method, headers, content, url = "GET", {}, None, ""
    while words:
        match words:
            case ["-X", value, *rest]:
                method, words = value, rest
            case ["-H", value, *rest]:
                header, _, text = value.partition(": ")
                headers[header], words = text, rest
            case ["-d", value, *rest]:
                content, words = value.encode(), rest
            case [value, *rest]:
                url, words = value.removeprefix("$URL"), rest
    assert "$" not in f"{url}{headers}{content!r}", command
    return await caller.client.request(method, url, headers=headers, content=content)


async def _log_in_again(caller: Caller, known: dict[str, str]) -> None:
    credentials = {"username": "ada", "password": "yet another battery"}
    _learn(known, (await caller.call("POST", "/api/token/", credentials)).json())


def _learn(known: dict[str, str], answer: Any) -> None:
    names = {"id": "USER_ID", "id_post": "ID_POST", "access": "ACCESS", "refresh": "REFRESH"}
    if isinstance(answer, dict):
        known.update({names[key]: str(answer[key]) for key in names.keys() & answer.keys()})


def _learn_from_mails(known: dict[str, str], mailer: MemoryMailer) -> None:
    if "USER_ID" in known:
        known["UNSUBSCRIBE_TOKEN"] = HmacMailTokens(KEYS).unsubscribe(int(known["USER_ID"]))
    for mail in mailer.sent:
        if tokens := TOKEN.findall(mail.text):
            known["RESET_TOKEN"] = tokens[0]


def _shape(value: Any) -> Any:
    """What an example promises: members, and values that are not new each time."""
    if isinstance(value, dict):
        return {
            name: ... if name in {"id", "id_post", "access", "refresh"} else _shape(member)
            for name, member in value.items()
        }
    return [_shape(each) for each in value] if isinstance(value, list) else value
