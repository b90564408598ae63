"""`hashpost user create` makes a user, and its password comes from stdin or a terminal."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from hashpost import open_service
from tests.integration.cli.commands import HASHPOST, environment, hashpost

PASSWORD = "correct horse battery"
PIPED = ("--password-stdin",)


async def logs_in(url: str, password: str) -> str:
    async with open_service(url) as service:
        return (await service.log_in(username="ada", password=password)).access


def test_a_user_that_was_made_can_log_in(settings: dict[str, str], url: str) -> None:
    done = hashpost(
        "user", "create", "ada", "--email", "ada@example.org", *PIPED,
        settings=settings, stdin=f"{PASSWORD}\n",
    )  # fmt: skip

    assert done.status == 0
    assert done.out.startswith("ada has the id ")
    assert asyncio.run(logs_in(url, PASSWORD))


def test_a_user_is_told_as_json(settings: dict[str, str]) -> None:
    done = hashpost("user", "create", "ada", *PIPED, "--json", settings=settings, stdin=PASSWORD)

    assert json.loads(done.out).keys() == {"id", "username"}


def test_a_taken_name_is_a_failure(settings: dict[str, str]) -> None:
    hashpost("user", "create", "ada", *PIPED, settings=settings, stdin=PASSWORD)

    done = hashpost("user", "create", "ADA", *PIPED, settings=settings, stdin=PASSWORD)

    assert (done.status, done.out, done.err) == (1, "", "hashpost: The username is taken\n")


def test_all_that_is_wrong_is_told_at_once(settings: dict[str, str]) -> None:
    done = hashpost(
        "user", "create", "a da", "--email", "nobody", *PIPED, settings=settings, stdin="short"
    )

    assert done.status == 2
    assert [line.split(": ")[1] for line in done.err.splitlines()] == [
        "username",
        "password",
        "email",
    ]


@pytest.mark.parametrize(
    ("arguments", "stdin", "reason"),
    [
        ([], "", "give --password-stdin"),
        (["--password-stdin"], b"\xff" * 10, "not UTF-8"),
    ],
)
def test_a_password_that_cannot_be_had_is_a_wrong_call(
    tmp_path: Path, arguments: list[str], stdin: str | bytes, reason: str
) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}

    done = hashpost("user", "create", "ada", *arguments, settings=settings, stdin=stdin)

    assert done.status == 2
    assert reason in done.err


def test_a_terminal_is_asked_twice_and_shows_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/posts.db"
    main, terminal = os.openpty()

    with os.fdopen(main, "r+b", buffering=0) as person:
        process = subprocess.Popen(
            [*HASHPOST, "user", "create", "ada"],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=terminal,
            env=environment({"DATABASE_URL": url}),
            start_new_session=True,
        )
        shown = b""
        for question in (b"Password: ", b"Once more: "):
            while not shown.endswith(question):
                shown += person.read(1000)
            person.write(f"{PASSWORD}\n".encode())
        out, _ = process.communicate(timeout=60)
        os.close(terminal)

    assert out.startswith(b"ada has the id ")
    assert PASSWORD.encode() not in shown
    assert asyncio.run(logs_in(url, PASSWORD))
