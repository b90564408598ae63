"""How soon mails go out, how many a second, and what becomes of them when workers are killed.

Prints the time from the answer to a sign-up until its mail has arrived (100 of them, one after the
other), the mails a second of one worker, the seconds that servers, workers and schedulers take to
end at SIGTERM, and the kill matrix: every point at which a worker is killed, on each database, with
and without Redis. A mail server of our own on loopback receives them.

    python -m bench.delivery
"""

import asyncio
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from redis import Redis

from hashpost.adapters.sql import migrate
from hashpost.application.messages import Outgoing
from hashpost.domain.user import User
from hashpost.entrypoints.library import open_service
from tests import servers
from tests.integration.cli.commands import HASHPOST, environment
from tests.integration.cli.serving import serving
from tests.integration.jobs.cells import ALL_POINTS, KEY, run_cell
from tests.integration.mail.smtp_server import SmtpServer, smtp_server

SIGN_UPS = 100
BACKLOG = 1000
PASSWORD = "correct horse battery"


def main() -> None:
    """Print all tables."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(servers.postgres())
        redis = stack.enter_context(servers.redis())
        print_latency(folder, redis)
        print_throughput(folder, redis)
        print_kills(folder, postgres, redis)


def print_latency(folder: Path, redis: str) -> None:
    print(f"\n{'mail after sign-up, ms':28}{'median':>8}{'worst':>8}   of {SIGN_UPS}")
    for label, redis_url in (("serve alone", None), ("serve, worker, Redis", redis)):
        with _system(folder, redis_url) as (url, server):
            times = sorted(_delivery(url, server, number) for number in range(SIGN_UPS))
        print(
            f"{label:28}{statistics.median(times) * 1000:8.0f}{times[-1] * 1000:8.0f}", flush=True
        )


def _delivery(url: str, server: SmtpServer, number: int) -> float:
    body = {"username": f"u{number}", "password": PASSWORD, "email": f"u{number}@example.org"}
    httpx.post(f"{url}/api/create_user/", json=body).raise_for_status()
    begun = time.perf_counter()
    server.wait_until(lambda server: len(server.received) > number)
    return time.perf_counter() - begun


@contextmanager
def _system(folder: Path, redis_url: str | None) -> Iterator[tuple[str, SmtpServer]]:
    """A server on a new SQLite file, with a worker and a scheduler if there is a Redis."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        server = stack.enter_context(smtp_server())
        settings = _settings(f"sqlite:///{place}/bench.db", server, redis_url)
        served = stack.enter_context(serving(place, settings=settings))
        if redis_url is not None:
            with Redis.from_url(redis_url) as client:
                client.flushdb()
            for command in ("worker", "scheduler"):
                stack.enter_context(_running(command, settings, command))
        yield served.url, server
        if redis_url is None:
            _print_end("serve", served.process)


def _settings(url: str, server: SmtpServer, redis_url: str | None) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "SECRET_KEY": KEY,
        "SMTP_URL": f"smtp://127.0.0.1:{server.port}",
        "LOG_LEVEL": "warning",
        **({} if redis_url is None else {"REDIS_URL": redis_url}),
    }


@contextmanager
def _running(
    command: str, settings: Mapping[str, str], label: str
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*HASHPOST, command], stdout=subprocess.PIPE, text=True, env=environment(settings)
    ) as process:
        assert process.stdout
        assert process.stdout.readline()
        yield process
        _print_end(label, process)


def _print_end(label: str, process: subprocess.Popen[str]) -> None:
    begun = time.perf_counter()
    process.send_signal(signal.SIGTERM)
    status = process.wait(30)
    print(f"  {label} ended {time.perf_counter() - begun:.2f} s after SIGTERM, status {status}")


def print_throughput(folder: Path, redis: str) -> None:
    print(f"\n{'backlog of ' + str(BACKLOG) + ' mails':28}{'mails/s':>8}")
    for label, redis_url in (("worker, Redis, SQLite", redis),):
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
            server = stack.enter_context(smtp_server())
            settings = _settings(f"sqlite:///{place}/bench.db", server, redis_url)
            asyncio.run(_fill(settings["DATABASE_URL"]))
            stack.enter_context(_running("worker", settings, "worker"))
            stack.enter_context(_running("scheduler", settings, "scheduler"))
            server.wait_until(lambda server: bool(server.received))
            begun = time.perf_counter()
            while len(server.received) < BACKLOG:
                seen = len(server.received)
                server.wait_until(lambda server, seen=seen: len(server.received) > seen)  # type: ignore[misc]
            print(f"{label:28}{BACKLOG / (time.perf_counter() - begun):8.0f}", flush=True)


async def _fill(url: str) -> None:
    async with open_service(url, secret_key=KEY) as service:
        sign_up = service.sign_up
        outgoing = Outgoing(sign_up.clock, sign_up.ids)
        async with sign_up.storage.transaction() as tx:
            for number in range(BACKLOG):
                user = User(
                    id=sign_up.ids.next(sign_up.clock()),
                    username=f"u{number}",
                    email=f"u{number}@example.org",
                    password_hash=None,
                )
                await tx.users.add(user)
                await outgoing.add(tx, "welcome-mail", user_id=user.id)


def print_kills(folder: Path, postgres: str, redis: str) -> None:
    print(f"\n{'killed':22}{'database':>12}{'broker':>12}{'sent':>6}{'doubled':>9}{'seconds':>9}")
    for point in ALL_POINTS:
        for database in ("SQLite", "PostgreSQL"):
            for broker in ("in process", "Redis"):
                with ExitStack() as stack:
                    place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
                    url = f"sqlite:///{place}/bench.db"
                    if database == "PostgreSQL":
                        url = stack.enter_context(servers.fresh_database(postgres))
                    migrate(url)
                    with Redis.from_url(redis) as client:
                        client.flushdb()
                    cell = run_cell(point, url, redis if broker == "Redis" else None, place)
                print(
                    f"{point:22}{database:>12}{broker:>12}{cell.sent:6}"
                    f"{cell.sent - cell.distinct:9}{cell.seconds:9.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
