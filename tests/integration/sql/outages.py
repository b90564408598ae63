"""Ways to take a PostgreSQL server away."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg


def server_processes(url: str) -> list[int]:
    """The process that runs the server, and then all of its children.

    Raises:
        OSError: the server does not run on this machine, or not as somebody we can see.
    """
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    main = int((Path(row[0]) / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{main}/task/{main}/children").read_text()
    return [main, *map(int, children.split())]


@contextmanager
def hung(url: str) -> Iterator[None]:
    """Stop all processes of the server: it keeps its connections, takes new ones, says nothing."""
    processes = server_processes(url)
    _send(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(processes, signal.SIGCONT)


def crash(url: str) -> None:
    """Kill what serves one connection: the server drops all of them and starts anew.

    It has noticed when this returns; until then it would let others in as if nothing were.
    """
    with psycopg.connect(url) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with suppress(psycopg.OperationalError), psycopg.connect(url) as other:
            other.execute("SELECT pg_sleep(60)")


def _send(processes: list[int], what: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, what)
        except ProcessLookupError:
            """Connections come and go."""
