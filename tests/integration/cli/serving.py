"""A server as an operator starts it, on a free port, and gone in the end."""

import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from tests.integration.cli.commands import HASHPOST, environment

KEY = "a key that is good for tests only"
STARTED_WITHIN = 60
"""Seconds; a loaded machine needs some."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers at `url`; `said` is the beginning of what it printed."""

    process: subprocess.Popen[str]
    url: str
    said: str
    log: Path

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status, after it was told to stop."""
        self.process.send_signal(how)
        return self.process.wait(30)


@contextmanager
def serving(
    folder: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Serve what the settings say; without any, a database in that folder, and no rate limits."""
    log = folder / "log"
    with (
        log.open("w") as err,
        subprocess.Popen(
            [*HASHPOST, "serve", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            cwd=folder,
            env=environment({"SECRET_KEY": KEY, "RATE_LIMITS": "off", **(settings or {})}),
        ) as process,
    ):
        give_up = Timer(STARTED_WITHIN, process.kill)
        give_up.start()
        try:
            assert process.stdout
            said = process.stdout.readline() + process.stdout.readline()
            give_up.cancel()
            assert said, log.read_text()
            yield Served(process, said.split()[3], said, log)
        finally:
            give_up.cancel()
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
