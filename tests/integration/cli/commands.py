"""Runs the command, in a process of its own or, which takes a tenth of the time, in this one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from click.testing import CliRunner

from hashpost.entrypoints.cli import main
from tests.unit.entrypoints.logs import logs_put_back

HASHPOST = (sys.executable, "-W", "error", "-m", "hashpost")


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process with these settings and no others."""
    clean = {name: value for name, value in os.environ.items() if "HASHPOST" not in name}
    return clean | _named(settings)


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"HASHPOST_{name}": value for name, value in settings.items()}


def hashpost(
    *arguments: object, settings: Mapping[str, str] | None = None, stdin: str | bytes = ""
) -> Done:
    """Run a command in this process; an error that it does not handle is one of the test."""
    words = [str(each) for each in arguments]
    runner = CliRunner(env=_named(settings or {}))
    with logs_put_back():
        done = runner.invoke(main, words, input=stdin, catch_exceptions=False)
    return Done(done.exit_code, done.stdout, done.stderr)


def in_a_shell(
    *arguments: object, settings: Mapping[str, str] | None = None, stdin: str = ""
) -> Done:
    """Run a command as somebody at a shell would."""
    done = subprocess.run(
        [*HASHPOST, *map(str, arguments)],
        input=stdin.encode(),
        capture_output=True,
        env=environment(settings or {}),
        timeout=60,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())
