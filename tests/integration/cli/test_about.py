"""`config`, `openapi`, `version`, `--help`: what the program tells about itself."""

import json
from collections.abc import Iterator

import click
import pytest

from hashpost.entrypoints.cli import main
from hashpost.entrypoints.settings import Settings
from tests.integration.cli.commands import hashpost, in_a_shell


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


def test_the_settings_are_printed_with_their_secrets_masked() -> None:
    settings = {
        "DATABASE_URL": "postgresql://ada:hunter2@db/posts",
        "REDIS_URL": "redis://:hunter2@redis/0",
        "SECRET_KEY": "hunter2" * 5,
        "SMTP_URL": "smtp://ada:hunter2@mail",
    }

    done = hashpost("config", settings=settings)

    assert done.status == 0
    assert done.out.splitlines()[:4] == [
        "HASHPOST_DATABASE_URL=postgresql://ada:***@db/posts",
        "HASHPOST_REDIS_URL=redis://:***@redis/0",
        "HASHPOST_SECRET_KEY=***",
        "HASHPOST_HOST=127.0.0.1",
    ]
    assert "HASHPOST_SMTP_URL=smtp://ada:***@mail\n" in done.out
    assert "hunter2" not in done.out + done.err


def test_a_setting_without_a_value_is_told_as_such() -> None:
    assert "# HASHPOST_SECRET_KEY is not set\n" in hashpost("config").out


def test_the_settings_are_printed_as_json() -> None:
    assert json.loads(hashpost("config", "--json").out) == Settings().texts()


def test_bad_settings_are_a_wrong_call() -> None:
    done = hashpost("config", settings={"PORT": "http", "WORKERS": "0"})

    assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 2)


def test_the_openapi_document_is_printed() -> None:
    done = hashpost("openapi")

    assert done.status == 0
    assert json.loads(done.out)["openapi"].startswith("3.1")


def test_the_version_names_that_of_unicode_too() -> None:
    done = hashpost("version")

    assert done.out.startswith("hashpost ")
    assert "Unicode " in done.out
    assert json.loads(hashpost("version", "--json").out).keys() == {"hashpost", "python", "unicode"}


@pytest.mark.parametrize("path", [(), *commands(main)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    done = hashpost(*path, "--help")

    assert done.status == 0
    assert f"hashpost {' '.join(path)}".rstrip() in done.out.partition("Example")[2]


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--port", "x"], ["import", "none"]])
def test_a_wrong_call_has_status_2(arguments: list[str]) -> None:
    done = hashpost(*arguments)

    assert (done.status, done.out) == (2, "")


def test_a_module_runs_as_the_command() -> None:
    done = in_a_shell("version")

    assert (done.status, done.err) == (0, "")


@pytest.mark.parametrize("arguments", [["--help"], ["config"], ["version"]])
def test_what_is_slow_to_import_is_left_until_it_is_needed(arguments: list[str]) -> None:
    import subprocess
    import sys

    slow = {"litestar", "sqlalchemy", "alembic", "structlog", "rich", "uvicorn", "asyncio"}
    slow |= {"taskiq", "redis", "limits", "jinja2", "aiosmtplib", "prometheus_client", "cronsim"}
    program = (
        "import sys; from hashpost.entrypoints.cli import main\n"
        f"main({arguments}, standalone_mode=False)\n"
        f"sys.exit(str(slow) if (slow := {slow} & sys.modules.keys()) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
