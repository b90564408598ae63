"""Serving: start, stop, and a storage that does not answer."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.memory.storage import MemoryReading
from hashpost.application.service import Service
from hashpost.testing.clock import ManualClock
from tests.integration.http.conftest import Serve
from tests.integration.http.test_protocol import KEPT, LIVE, SIGN_UP, USER
from tests.integration.http.wire import Wire
from tests.services import a_hasher, a_service

RUNNING = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")
READY = b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Program:
    """A server in a process of its own."""

    def __init__(self, application: str = "sound", *, port: int = 0, workers: int = 1) -> None:
        command = [sys.executable, "-m", "tests.integration.http.programs"]
        self.process = subprocess.Popen(
            [*command, application, str(port), str(workers)],
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._patience = threading.Timer(60, self.process.kill)
        self._patience.start()

    def wait_for(self, text: str, *, times: int = 1) -> str:
        """The line of the log that has the text, for the so-manieth time."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            times -= bool(re.search(text, line))
            if not times:
                return line
        raise AssertionError(f"{text!r} is not among\n{''.join(self.lines)}")

    def wire(self) -> Wire:
        found = RUNNING.search(self.wait_for(RUNNING.pattern))
        assert found
        return Wire(int(found[1]))

    def end(self) -> int:
        """Its exit status, with the rest of its log read."""
        _, rest = self.process.communicate()
        self._patience.cancel()
        self.lines += rest.splitlines(keepends=True)
        return self.process.returncode


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Programs, killed in the end if they have not ended."""
    started: list[Program] = []
    yield started
    for program in started:
        if program.process.returncode is None:
            program.process.terminate()
            program.end()


def test_the_service_is_opened_before_and_closed_after_all_requests(
    programs: list[Program],
) -> None:
    programs.append(program := Program())
    wire = program.wire()
    assert wire.ask(LIVE).status == 200

    program.process.send_signal(signal.SIGTERM)

    assert program.end() == 0
    events = [line.strip() for line in program.lines if line.strip() in {"opened", "closed"}]
    assert events == ["opened", "closed"]
    assert program.lines[-1] == "returned\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_finishes_what_is_under_way_and_takes_no_more(
    programs: list[Program], number: signal.Signals
) -> None:
    programs.append(program := Program())
    wire = program.wire()
    with wire.connect() as under_way, wire.connect() as idle:
        idle.send(KEPT)
        assert idle.answer().status == 200
        under_way.send(SIGN_UP + b"Content-Length: %d\r\n\r\n" % len(USER) + USER[:5])

        program.process.send_signal(number)
        program.wait_for("Shutting down")
        assert idle.is_closed_by_server()
        with pytest.raises(ConnectionError):
            wire.ask(LIVE)
        under_way.send(USER[5:])

        assert under_way.answer().status == 201
        assert under_way.is_closed_by_server()
    assert program.end() == 0


def test_workers_share_the_work_and_stop_together(programs: list[Program]) -> None:
    programs.append(program := Program(workers=2))
    wire = program.wire()
    program.wait_for("opened", times=2)
    _wait_until_reachable(wire)
    assert [wire.ask(LIVE).status for _ in range(10)] == [200] * 10

    program.process.send_signal(signal.SIGTERM)

    assert program.end() == 0
    assert [line for line in program.lines if "closed" in line] == ["closed\n"] * 2
    with pytest.raises(ConnectionError):
        wire.ask(LIVE)


def _wait_until_reachable(wire: Wire) -> None:
    for _ in range(1000):
        with suppress(ConnectionRefusedError), wire.connect():
            return
        time.sleep(0.01)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_that_cannot_be_opened_ends_the_server(
    programs: list[Program], workers: int
) -> None:
    programs.append(program := Program("broken", workers=workers))

    assert program.end() == 1
    assert "ValueError: no such database\n" in program.lines
    assert "returned\n" not in program.lines


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_taken_ends_the_server(programs: list[Program], workers: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        programs.append(program := Program(port=taken.getsockname()[1], workers=workers))

        assert program.end() != 0
        assert any("already in use" in line for line in program.lines)


# A storage that does not answer


class Hanging(MemoryStorage):
    """A storage that hangs when it is told to, and that nobody can interrupt then."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = threading.Event()

    async def ping(self) -> None:
        await self._hang()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryReading]:
        await self._hang()
        async with super().reading() as reading:
            yield reading

    async def _hang(self) -> None:
        while self.hangs.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)


def test_a_storage_that_hangs_is_503_within_3_s_for_everybody_and_comes_back(
    serve: Serve,
) -> None:
    storage = Hanging()

    @asynccontextmanager
    async def opened() -> AsyncIterator[Service]:
        hasher = a_hasher()
        yield a_service(storage, ManualClock(), hasher)
        hasher.close()

    wire = serve(opened)
    log_in = (
        b"POST /api/token/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(USER), USER)
    )
    assert wire.ask(log_in).code == "invalid-credentials"

    storage.hangs.set()
    began = time.monotonic()
    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(wire.ask, [log_in, READY] * 10))
    took = time.monotonic() - began

    assert {(answer.status, answer.code) for answer in answers} == {(503, "unavailable")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert took < 3
    assert wire.ask(LIVE).status == 200
    storage.hangs.clear()
    assert wire.ask(READY).status == 200
    assert wire.ask(log_in).code == "invalid-credentials"
