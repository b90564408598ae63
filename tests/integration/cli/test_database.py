"""`migrate` and `check`: the schema is brought up, and what is stored is recounted."""

import json
import sqlite3
from pathlib import Path

import psycopg
import pytest

from tests.integration.cli.commands import hashpost, in_a_shell

LINE = '{"author": "ada", "text": "#one #two"}\n'


def test_an_empty_postgresql_database_is_migrated_once(database_url: str) -> None:
    settings = {"DATABASE_URL": database_url}

    first = hashpost("migrate", settings=settings)
    second = hashpost("migrate", settings=settings)

    assert (first.status, second.status) == (0, 0)
    assert first.out.endswith(", was None\n")
    assert second.out.endswith(", as it was\n")
    assert hashpost("check", settings=settings).status == 0


def test_a_command_on_another_schema_says_what_to_run(database_url: str) -> None:
    done = hashpost("export", settings={"DATABASE_URL": database_url})

    assert (done.status, done.out) == (1, "")
    assert "run `hashpost migrate`" in done.err


@pytest.mark.parametrize("arguments", [["migrate"], ["check"], ["export"], ["import", "-"]])
def test_what_would_be_forgotten_at_once_is_not_begun(arguments: list[str]) -> None:
    done = hashpost(*arguments, settings={"DATABASE_URL": "memory:"})

    assert (done.status, done.out) == (2, "")
    assert "HASHPOST_DATABASE_URL is memory:" in done.err


@pytest.mark.parametrize("command", ["check", "export"])
def test_a_misspelt_file_is_not_made(tmp_path: Path, command: str) -> None:
    done = hashpost(command, settings={"DATABASE_URL": f"sqlite:///{tmp_path}/psots.db"})

    assert (done.status, done.out) == (2, "")
    assert "psots.db, and there is no such file" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["migrate"],
        ["check"],
        ["export"],
        ["import", "-"],
        ["user", "create", "ada", "--password-stdin"],
    ],
)
def test_a_database_that_is_away_is_told_in_a_line(arguments: list[str]) -> None:
    away = {"DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1:1/posts"}

    done = hashpost(*arguments, settings=away, stdin="correct horse battery")

    assert (done.status, done.out) == (1, "")
    assert "Connection refused" in done.err.splitlines()[-1]
    assert "Traceback" not in done.err
    assert "hunter2" not in done.err


COMMANDS = [
    ["migrate"],
    ["check"],
    ["export"],
    ["import", "-"],
    ["user", "create", "ada", "--password-stdin"],
    ["serve", "--port", "0"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_file_that_is_no_database_is_told_in_a_line(tmp_path: Path, arguments: list[str]) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("Milk, bread and butter.\n" * 100)

    done = hashpost(
        *arguments, settings={"DATABASE_URL": f"sqlite:///{text}"}, stdin="correct horse battery"
    )

    assert (done.status, done.out) == (1, "")
    assert done.err == "hashpost: the database cannot be used: file is not a database\n"
    assert text.read_text() == "Milk, bread and butter.\n" * 100


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_parameter_of_a_url_that_the_driver_does_not_know_is_told_in_a_line(
    arguments: list[str],
) -> None:
    wrong = {
        "DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1:1/posts?foo=bar",
        "SECRET_KEY": "k" * 32,
    }

    done = hashpost(*arguments, settings=wrong, stdin="correct horse battery")

    assert (done.status, done.out) == (1, "")
    assert done.err == 'hashpost: the database cannot be used: invalid connection option "foo"\n'


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_database_that_shows_nothing_is_told_in_a_line(
    database_url: str, arguments: list[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    stranger = {
        "DATABASE_URL": f"{database_url}?options=-c%20role%3Dpg_signal_backend",
        "SECRET_KEY": "k" * 32,
    }

    done = hashpost(*arguments, settings=stranger, stdin="correct horse battery")

    assert (done.status, done.out) == (1, "")
    assert done.err == (
        "hashpost: the database cannot be used: permission denied for table alembic_version\n"
    )


def test_a_sound_database_has_no_differences(settings: dict[str, str]) -> None:
    hashpost("import", "-", stdin=LINE, settings=settings)

    done = hashpost("check", settings=settings)

    assert (done.status, done.out, done.err) == (0, "", "no differences\n")
    assert hashpost("check", "--json", settings=settings).out == "[]\n"


@pytest.fixture
def unsound(tmp_path: Path) -> dict[str, str]:
    """A database in which somebody changed a text behind our back."""
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}
    hashpost("import", "-", stdin=LINE, settings=settings)
    connection = sqlite3.connect(tmp_path / "posts.db")
    with connection:
        connection.execute("UPDATE posts SET text = '#one #three'")
    connection.close()
    return settings


def test_a_difference_is_named(unsound: dict[str, str]) -> None:
    done = in_a_shell("check", settings=unsound)

    assert done.status == 1
    assert "stored #one #two, recounted #one #three\n" in done.out
    assert done.err == "2 differences\n"


def test_differences_are_listed_as_json(unsound: dict[str, str]) -> None:
    done = hashpost("check", "--json", settings=unsound)

    assert done.status == 1
    assert [set(each) for each in json.loads(done.out)] == [{"subject", "stored", "recounted"}] * 2
