"""What is measured: hashpost and the floor, each one process over the same PostgreSQL."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from threading import Timer

from bench.cpu import ProcessMeter
from bench.driver import WrongAnswer
from bench.scenarios import KEY
from tests import servers

POSTGRES = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
}
"""As in production: whatever was answered outlasts a loss of power. The last two are for a machine
of some GB of memory, so that no checkpoint falls into one round and not into another."""

SETTINGS = {
    "SECRET_KEY": KEY,
    "RATE_LIMITS": "off",
    "LOG_LEVEL": "warning",
    "DELETED_POSTS_KEPT": "365d",
}
"""Those of hashpost, but for the database. The floor has neither rate limits nor an access log."""

_STARTED_WITHIN = 300
"""Seconds; the floor counts all posts first."""
_STOPPED_WITHIN = 30


@dataclass(frozen=True, slots=True)
class System:
    """A server that answers at `address`."""

    name: str
    address: tuple[str, int]
    meter: ProcessMeter


@contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL that is safe, as in production."""
    with servers.postgres(POSTGRES) as url, servers.fresh_database(url) as database_url:
        yield database_url


@contextmanager
def ours(
    url: str, *, settings: Mapping[str, str] = SETTINGS, through: Sequence[str] = ()
) -> Iterator[System]:
    """hashpost, as an operator starts it, or `through` a module with arguments that runs it."""
    module = [*through, "hashpost", "serve", "--port", "0"]
    with _serving("ours", module, {**settings, "DATABASE_URL": url}) as system:
        yield system


@contextmanager
def floor(url: str, *, through: Sequence[str] = ()) -> Iterator[System]:
    """The floor, or `through` a module with arguments that runs it."""
    with _serving("floor", [*through, "bench.floor", url], {}) as system:
        yield system


@contextmanager
def _serving(name: str, module: Sequence[str], settings: Mapping[str, str]) -> Iterator[System]:
    clean = {name: value for name, value in os.environ.items() if "HASHPOST" not in name}
    environment = clean | {f"HASHPOST_{name}": value for name, value in settings.items()}
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-m", *module],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        give_up = Timer(_STARTED_WITHIN, process.kill)
        give_up.start()
        try:
            assert process.stdout is not None
            said = re.search(r"http://([\d.]+):(\d+)", process.stdout.readline())
            give_up.cancel()
            if said is None:
                log.seek(0)
                raise RuntimeError(f"{name} does not start:\n{log.read()}")
            yield System(name, (said[1], int(said[2])), ProcessMeter(process.pid))
        except WrongAnswer as error:
            log.seek(0)
            error.add_note(f"{name} logged:\n{log.read()[-5000:]}")
            raise
        finally:
            give_up.cancel()
            process.terminate()
            try:
                process.wait(_STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
