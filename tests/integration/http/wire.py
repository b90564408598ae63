"""Bytes to a server, and bytes from it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import msgspec

CLOSE = b"Host: x\r\nConnection: close\r\n"
TIMEOUT = 15


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, parsed by the standard library."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a problem document."""
        kind: str = self._problem["type"]
        return kind.rpartition(":")[2]

    @property
    def detail(self) -> str:
        """The detail of a problem document."""
        detail: str = self._problem["detail"]
        return detail

    @property
    def _problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = msgspec.json.decode(self.body)
        assert document["status"] == self.status
        return document


class Connection:
    """One connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._incoming = connected.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_as_long_as_taken(self, data: bytes, *, times: int) -> int:
        """How many bytes the other side took."""
        sent = 0
        with suppress(OSError):
            for _ in range(times):
                self.socket.sendall(data)
                sent += len(data)
        return sent

    def answer(self, method: str = "GET") -> Answer:
        """The next answer."""
        version, status, _ = self._incoming.readline().decode().split(" ", 2)
        assert version == "HTTP/1.1"
        headers = {}
        while line := self._incoming.readline().decode().rstrip("\r\n"):
            name, _, value = line.partition(": ")
            headers[name] = value
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        return Answer(int(status), headers, self._incoming.read(length))

    def end(self) -> None:
        """Close it, whatever may still come."""
        self._incoming.close()
        self.socket.close()

    def is_closed_by_server(self) -> bool:
        """Whether the server closes its side next, and in good order: without a reset."""
        return self._incoming.read(1) == b""


@dataclass(frozen=True, slots=True)
class Wire:
    """The way to a server."""

    port: int

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as connected:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield Connection(connected)

    def ask(self, data: bytes, method: str = "GET") -> Answer:
        """Send it on a new connection; the only answer, after which the server closes."""
        with self.connect() as connection:
            connection.send(data)
            answer = connection.answer(method)
            assert connection.is_closed_by_server()
            return answer
