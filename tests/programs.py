"""Programs run for tests as an ordinary user, in a folder of their own, and never left behind."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO

Command = Sequence[str | Path]

STARTED_WITHIN = 60
"""Seconds; a loaded machine needs a few."""
POLL = 0.02
"""Seconds between two looks at whether a server answers."""
STOPPED_WITHIN = 10
"""Seconds until a server that does not stop is killed."""

CLEAR_UP = 'read -r _ || { kill -QUIT "$0"; sleep 1; kill -KILL "$0"; rm -rf "$1"; }'
"""Stops process $0 and removes folder $1 once standard input is closed without a word."""


class ServerFailed(Exception):
    """A server was started and did not come up; the message ends with its log."""


@contextmanager
def folder_of_its_own() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hashpost-"))
    try:
        if user := _user():
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def reachable(program: Path, *, package: str, folder: Path) -> Path:
    """Return the program, or a copy of its package where the ordinary user may not enter that.

    A `.venv` below a private home is such a place. Opening that to others is not ours to do.
    Raises PermissionError for a program from elsewhere.
    """
    try:
        run([program, "--version"], folder)
    except PermissionError:
        place = next((parent.parent for parent in program.parents if parent.name == package), None)
        if place is None:
            raise
        for part in (package, f"{package}.libs"):
            if (place / part).exists():
                shutil.copytree(place / part, folder / "copy" / part, symlinks=True)
        return folder / "copy" / program.relative_to(place)
    return program


def _begin(command: Command, folder: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a program as the ordinary user, out of reach of Ctrl-C and of our PG* variables."""
    user = _user()
    return subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C"},
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def run(command: Command, folder: Path) -> None:
    log = folder / "log"
    with log.open("wb") as output:
        status = _begin(command, folder, output).wait()
    if status != 0:
        raise ServerFailed(f"{command[0]} failed:\n{log.read_text(errors='replace')}")


@contextmanager
def running(
    command: Callable[[int], Command],
    *,
    ready: Callable[[int], bool],
    stop: signal.Signals,
    folder: Path,
) -> Iterator[int]:
    """Start a server, yield its port as soon as it answers, stop it afterwards.

    Raises ServerFailed.
    """
    server, port = _start(command, ready, folder)
    # If this process is killed, nobody but the guard is left to stop the server.
    guard = subprocess.Popen(
        ["sh", "-c", CLEAR_UP, str(server.pid), folder],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield port
    finally:
        _stop(server, stop)
        guard.communicate(b"done\n")


def _start(
    command: Callable[[int], Command], ready: Callable[[int], bool], folder: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a server on a free port; on another one if somebody took that port in between."""
    log = folder / "log"
    for _ in range(3):
        port = _free_port()
        with log.open("wb") as output:
            server = _begin(command(port), folder, output)
        try:
            if _comes_up(server, partial(ready, port)):
                return server, port
        except BaseException:
            _stop(server, signal.SIGKILL)
            raise
    raise ServerFailed(f"{command(0)[0]} does not come up:\n{log.read_text(errors='replace')}")


def _comes_up(server: subprocess.Popen[bytes], ready: Callable[[], bool]) -> bool:
    """Wait until the server answers; False when it has exited, or has had long enough."""
    for _ in range(int(STARTED_WITHIN / POLL)):
        if ready():
            return server.poll() is None
        with suppress(subprocess.TimeoutExpired):
            server.wait(POLL)
            return False
    _stop(server, signal.SIGKILL)
    return False


def _stop(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    server.send_signal(how)
    try:
        server.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _user() -> pwd.struct_passwd | None:
    """Choose an ordinary user to run as, when we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]
