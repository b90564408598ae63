"""One cell of the kill matrix: a point at which a worker is killed, a database, a broker."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hashpost.domain.errors import UsernameTaken
from hashpost.domain.message import Message, State
from hashpost.entrypoints.library import open_service
from tests.integration.cli.commands import HASHPOST, environment
from tests.integration.jobs.doomed import NOWHERE, POINTS
from tests.integration.mail.smtp_server import STALL, SmtpServer, smtp_server

KEY = "a key that is good for tests only"
PASSWORD = "correct horse battery"
AFTER_THE_DOT = "after the final dot"
ALL_POINTS = [*POINTS[:3], AFTER_THE_DOT, *POINTS[3:]]
DOUBLING = {AFTER_THE_DOT, "after 250", "before the mark"}
"""The points between the final dot and its mark."""
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of it."""

    killed_by: int
    sent: int
    distinct: int
    seconds: float
    messages: list[Message]


def run_cell(point: str, url: str, redis_url: str | None, folder: Path) -> Cell:
    """Sign up, have the worker killed at that point, start another one, and see what came of it."""
    with ExitStack() as stack:
        server = stack.enter_context(smtp_server())
        settings = {
            "DATABASE_URL": url,
            "SECRET_KEY": KEY,
            "SMTP_URL": f"smtp://127.0.0.1:{server.port}",
            "LOG_LEVEL": "warning",
            **({"REDIS_URL": redis_url} if redis_url else {}),
        }
        if redis_url:
            scheduler = [*HASHPOST, "scheduler"]
            stack.enter_context(running(scheduler, settings, folder))
        asyncio.run(_sign_up(url))
        killed_by = _kill(point, server, settings, folder)
        begun = time.monotonic()
        with running(_doomed(NOWHERE), settings, folder) as worker:
            messages = _ended(url)
            seconds = time.monotonic() - begun
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(15) == 0
    keys = {received.message["Message-ID"] for received in server.received}
    return Cell(killed_by, len(server.received), len(keys), seconds, messages)


async def _sign_up(url: str) -> None:
    """One sign-up that is committed, and one that is rolled back."""
    async with open_service(url, secret_key=KEY) as service:
        await service.sign_up(username="ada", password=PASSWORD, email="ada@example.org")
        try:
            await service.sign_up(username="ADA", password=PASSWORD, email="eve@example.org")
        except UsernameTaken:
            """And so it has no mail."""


def _kill(point: str, server: SmtpServer, settings: Mapping[str, str], folder: Path) -> int:
    """The exit status of a worker that was killed at that point."""
    if point == AFTER_THE_DOT:
        server.will("DOT", STALL)
    with running(_doomed(point), settings, folder) as worker:
        if point == AFTER_THE_DOT:
            server.wait_until(lambda server: bool(server.received))
            worker.kill()
        status = worker.wait(PATIENCE)
    server.behave()
    return status


def _doomed(point: str) -> list[str]:
    return [sys.executable, "-m", "tests.integration.jobs.doomed", point]


@contextmanager
def running(
    command: list[str], settings: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """A program that has said that it is ready, and that is gone in the end."""
    root = Path(__file__).parents[3]
    with (
        (folder / "log").open("a") as err,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            cwd=root,
            env=environment(settings),
        ) as process,
    ):
        try:
            assert process.stdout
            assert process.stdout.readline(), (folder / "log").read_text()
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _ended(url: str) -> list[Message]:
    """All messages, once every one has ended."""

    async def wait() -> list[Message]:
        async with asyncio.timeout(PATIENCE), open_service(url, secret_key=KEY) as service:
            while True:
                messages = list(await service.list_messages(job="welcome-mail"))
                if all(message.state in (State.DONE, State.DEAD) for message in messages):
                    return messages
                await asyncio.sleep(0.02)

    return asyncio.run(wait())
