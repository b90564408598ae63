"""A server over SQLite loads what it serves with, and no more."""

import subprocess
import sys
from pathlib import Path

import pytest

SERVES = """
import asyncio, sys
from hashpost.entrypoints.cli.running import start_logging
from hashpost.entrypoints.settings import Settings

settings = Settings.read({"HASHPOST_DATABASE_URL": "sqlite:///posts.db"})
start_logging(settings)

from hashpost.entrypoints.cli.application import application

async def main():
    app, sent, stop = application(settings), asyncio.Queue(), asyncio.Event()

    async def receive():
        if not sent.empty():
            await stop.wait()
        return {"type": "lifespan.startup"}

    life = asyncio.create_task(app({"type": "lifespan"}, receive, sent.put))
    assert (await sent.get())["type"] == "lifespan.startup.complete"
    request = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/health/ready",
        "raw_path": b"/health/ready", "query_string": b"", "root_path": "", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "scheme": "http",
    }
    await app(request, receive, sent.put)
    answer = await sent.get()
    stop.set()
    await life
    return answer["status"]

print(asyncio.run(main()), *sys.modules)
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What is loaded once a server over a file that is there has answered."""
    folder = tmp_path_factory.mktemp("serving")
    for _ in range(2):
        status, *modules = printed(SERVES, folder=folder)
        assert status == "200"
    return set(modules)


def printed(program: str, *, folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    "other", ["aiosmtplib", "email_validator", "psycopg", "redis", "sqlalchemy.orm"]
)
def test_what_serves_other_settings_or_a_later_request_is_not_loaded(
    loaded: set[str], other: str
) -> None:
    assert other not in loaded


def test_a_file_of_the_present_schema_is_opened_without_alembic(loaded: set[str]) -> None:
    assert not {"alembic", "mako"} & loaded


def test_no_mail_is_no_reason_to_load_templates(loaded: set[str]) -> None:
    assert "jinja2" not in loaded


def test_plugins_of_the_framework_for_others_are_not_loaded(loaded: set[str]) -> None:
    assert not {"litestar.plugins.attrs", "litestar.plugins.pydantic", "pydantic.v1"} & loaded
