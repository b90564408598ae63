"""A thousand callers who send as slowly as they can hold nobody up, and nothing for long."""

import os
import resource
import socket
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from hashpost.entrypoints.http import protocol
from hashpost.entrypoints.http.edge import Limits
from tests.integration.http.conftest import Serve
from tests.integration.http.wire import CLOSE, Wire

SLOW = 1000
DEADLINE = 3.0
"""Seconds that a head or a body may take to arrive, here."""
HEAD = b"GET /health/ready HTTP/1.1\r\nHost: x\r\n"
BODY = (
    b"POST /api/token/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 600\r\n\r\n{"
)
READ = b"GET /api/schema/openapi.json HTTP/1.1\r\n" + CLOSE + b"\r\n"


@pytest.fixture
def patient_wire(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Wire:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", DEADLINE)
    return serve(limits=Limits(body_seconds=DEADLINE))


@pytest.fixture(autouse=True)
def _room_for_sockets() -> Iterator[None]:
    """Both ends of each connection are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * SLOW + 200
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        pytest.skip(f"a process may open no more than {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("beginning", [HEAD, BODY], ids=["heads", "bodies"])
def test_a_thousand_slow_callers_hold_up_nobody(patient_wire: Wire, beginning: bytes) -> None:
    before = _open_files()
    callers = [socket.create_connection(("127.0.0.1", patient_wire.port)) for _ in range(SLOW)]
    for caller in callers:
        caller.sendall(beginning)
    begun = monotonic()
    statuses = []
    while monotonic() < begun + DEADLINE / 2:
        for caller in callers[:: SLOW // 20]:
            caller.sendall(b" " if beginning is BODY else b"X: 1\r\n")
        statuses += [patient_wire.ask(READ).status for _ in range(5)]
        sleep(0.02)

    answers = [_answer(caller, until=begun + 3 * DEADLINE) for caller in callers]

    assert statuses
    assert set(statuses) == {200}
    assert set(answers) == {b"HTTP/1.1 408 Request Timeout"}
    assert _comes_down_to(before)
    assert patient_wire.ask(READ).status == 200


def test_callers_who_never_say_anything_are_let_go(patient_wire: Wire) -> None:
    before = _open_files()
    callers = [socket.create_connection(("127.0.0.1", patient_wire.port)) for _ in range(SLOW)]

    answers = {_answer(caller, until=monotonic() + 3 * DEADLINE) for caller in callers}

    assert answers == {b""}
    assert _comes_down_to(before)


def _answer(caller: socket.socket, *, until: float) -> bytes:
    """The status line that a caller gets before the server closes, which it does in time."""
    caller.settimeout(max(0.1, until - monotonic()))
    with caller, caller.makefile("rb") as incoming:
        answer = incoming.read()
    return answer.partition(b"\r\n")[0]


def _open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 - only their number is of interest


def _comes_down_to(number: int) -> bool:
    """Whether the server closes its ends, too; it lingers for a moment."""
    end = monotonic() + 10
    while _open_files() > number and monotonic() < end:
        sleep(0.05)
    return _open_files() <= number
