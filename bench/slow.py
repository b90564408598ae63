"""What slow and rude callers, and log-ins, do to everybody else's reads.

Prints the 50th and 99th percentile of reads alone, beside a thousand sockets whose heads or whose
bodies come a byte at a time, and beside 50 log-ins that wait for each other: the medians of rounds
that take turns. Then the memory of the server before and after 10,000 requests whose connection is
reset in mid-request or in mid-answer.

    python -m bench.slow
"""

import socket
import statistics
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx

from tests.integration.cli.serving import Served, serving

SLOW = 1000
ROUNDS = 5
READS = 1000
PAUSE = 0.002
"""Seconds between two reads: a server that has nothing else to do is not busy with them."""
ABORTED = 10_000
LOG_INS = 50
PASSWORD = "correct horse battery"
HEAD = b"GET /api/posts/ HTTP/1.1\r\nHost: x\r\n"
BODY = (
    b"POST /api/token/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 9999\r\n\r\n{"
)


def main() -> None:
    """Print all tables."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        settings = {"LOG_LEVEL": "warning"}
        served = stack.enter_context(serving(Path(folder), settings=settings))
        access = _access(served)
        print_reads(served, access)
        print_memory(served, access)


def print_reads(served: Served, access: str) -> None:
    crowds = {
        "alone": _nobody,
        f"{SLOW} slow heads": lambda served: _slow(served, HEAD, b"x"),
        f"{SLOW} slow bodies": lambda served: _slow(served, BODY, b" "),
        f"{LOG_INS} log-ins wait": _logging_in,
    }
    times: dict[str, list[list[float]]] = {name: [] for name in crowds}
    for _ in range(ROUNDS):
        for name, crowd in crowds.items():
            with crowd(served):
                times[name].append(_reads(served, access))
    print(f"{'reads, ms':24}{'p50':>8}{'p99':>8}   medians of {ROUNDS} rounds of {READS}")
    for name, rounds in times.items():
        p50, p99 = (
            statistics.median(_share(each, share) for each in rounds) for share in (0.5, 0.99)
        )
        print(f"{name:24}{p50 * 1000:8.2f}{p99 * 1000:8.2f}", flush=True)


def print_memory(served: Served, access: str) -> None:
    print(f"\n{'resident memory, MiB':24}{'before':>8}{'after':>8}{'again':>8}   {ABORTED} each")
    request = _read(access)
    for name, data, waits in (
        ("reset in mid-request", request[:-20], False),
        ("reset in mid-body", BODY, False),
        ("reset in mid-answer", request, True),
    ):
        memory = [_resident(served)]
        for _ in range(2):
            for _ in range(ABORTED):
                _abort(served, data, waits=waits)
            time.sleep(1)
            memory.append(_resident(served))
        print(f"{name:24}" + "".join(f"{each:8.1f}" for each in memory), flush=True)


@contextmanager
def _nobody(_: Served) -> Iterator[None]:
    yield


@contextmanager
def _slow(served: Served, beginning: bytes, drip: bytes) -> Iterator[None]:
    """Each sends a byte a second, and comes anew when its time is over."""
    done = threading.Event()
    callers = [_connected(served, beginning) for _ in range(SLOW)]

    def drips() -> None:
        while not done.wait(1):
            for index, caller in enumerate(callers):
                try:
                    caller.sendall(drip)
                    done.wait(0.0005)
                except OSError:
                    caller.close()
                    callers[index] = _connected(served, beginning)

    thread = threading.Thread(target=drips)
    thread.start()
    yield
    done.set()
    thread.join()
    for caller in callers:
        caller.close()
    time.sleep(0.5)


@contextmanager
def _logging_in(served: Served) -> Iterator[None]:
    done = threading.Event()

    def logs_in() -> None:
        with httpx.Client(base_url=served.url, timeout=30) as client:
            while not done.is_set():
                client.post("/api/token/", json={"username": "ada", "password": PASSWORD})

    threads = [threading.Thread(target=logs_in) for _ in range(LOG_INS)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    yield
    done.set()
    for thread in threads:
        thread.join()


def _reads(served: Served, access: str) -> list[float]:
    """The seconds that reads took, one after the other on one connection."""
    request, times = _read(access), []
    with _connected(served) as caller:
        for _ in range(READS):
            begun = time.perf_counter()
            caller.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
                answer += caller.recv(65536)
            times.append(time.perf_counter() - begun)
            assert answer.startswith(b"HTTP/1.1 200 "), answer[:100]
            time.sleep(PAUSE)
    return sorted(times)


def _share(times: list[float], share: float) -> float:
    return times[int(len(times) * share)]


def _abort(served: Served, data: bytes, *, waits: bool) -> None:
    """Send it, see an answer begin if there is to be one, and reset the connection."""
    with _connected(served, data) as caller:
        if waits:
            caller.recv(1)
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _connected(served: Served, data: bytes = b"") -> socket.socket:
    url = httpx.URL(served.url)
    caller = socket.create_connection((url.host, url.port or 80), timeout=30)
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError):
        caller.sendall(data)
    return caller


def _read(access: str) -> bytes:
    return HEAD + b"Authorization: Bearer " + access.encode() + b"\r\n\r\n"


def _access(served: Served) -> str:
    """The token of somebody who has written a page of posts."""
    with httpx.Client(base_url=served.url) as client:
        credentials = {"username": "ada", "password": PASSWORD}
        client.post("/api/create_user/", json=credentials).raise_for_status()
        access: str = client.post("/api/token/", json=credentials).json()["access"]
        headers = {"Authorization": f"Bearer {access}"}
        for number in range(20):
            body = {"text": f"post {number} #hello"}
            client.post("/api/posts/", json=body, headers=headers).raise_for_status()
    return access


def _resident(served: Served) -> float:
    """MiB."""
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
