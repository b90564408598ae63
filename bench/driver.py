"""Sends requests over connections that are kept, each as soon as the last one was answered.

Raw sockets, one thread, and no more of HTTP than the length of an answer: some tens of microseconds
of CPU a request, so that whoever is measured has a machine of two cores nearly to itself.
"""

import gc
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "  # as uvicorn spells it
_ANSWERED_WITHIN = 60
"""Seconds; then something hangs."""


class Request(NamedTuple):
    """The bytes of a request, and the status that it must be answered with.

    An answer of the status that is tolerated does not count.
    """

    data: bytes
    status: int
    tolerated: int | None = None


_NONE = Request(b"", 0)


class WrongAnswer(Exception):
    """Not what was expected; the message begins with the request, and ends with the answer."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many callers, each on a connection of its own.

    Every caller waits `pause` seconds between an answer and the next request.
    """

    callers: int
    requests: Iterator[Request]
    pause: float = 0


@dataclass(frozen=True, slots=True)
class Drive:
    """How one crowd fared: the seconds that each answer took, ascending, and all of them."""

    latencies: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which that share was answered."""
        return self.latencies[min(int(len(self.latencies) * share), len(self.latencies) - 1)]


def drive(address: tuple[str, int], crowds: Sequence[Crowd], seconds: float) -> list[Drive]:
    """Let the crowds call at once, for so long; what is under way then is waited for.

    Raises:
        WrongAnswer: another status than expected, or none.
    """
    gc.collect()
    gc.disable()
    try:
        return _Driving(address, crowds).run(seconds)
    finally:
        gc.enable()


@dataclass(slots=True)
class _Caller:
    """A connection, and what it waits for."""

    line: socket.socket
    crowd: Crowd
    latencies: list[float]
    request: Request = _NONE
    sent_at: float = 0
    answer: bytes = b""

    def send(self) -> None:
        self.request = next(self.crowd.requests)
        self.sent_at = time.perf_counter()
        self.line.sendall(self.request.data)

    def receive(self) -> bool:
        """Whether the answer is all there now."""
        some = self.line.recv(1 << 18)
        answer = self.answer = self.answer + some if self.answer else some
        if not some:
            raise self._wrong("the connection was closed")
        end = answer.find(_END_OF_HEAD)
        if end < 0:
            return False
        at = answer.find(_LENGTH, 0, end)
        if at < 0:
            raise self._wrong("an answer of unknown length")
        length = int(answer[at + len(_LENGTH) : answer.find(b"\r", at)])
        if len(answer) < end + len(_END_OF_HEAD) + length:
            return False
        status = int(answer[9:12])
        if status == self.request.status:
            self.latencies.append(time.perf_counter() - self.sent_at)
        elif status != self.request.tolerated:
            raise self._wrong("not the status expected")
        self.answer = b""
        return True

    def _wrong(self, what: str) -> WrongAnswer:
        request, answer = self.request.data.decode(), self.answer.decode(errors="replace")
        return WrongAnswer(f"{request}\n{what}: {self.request.status}\n\n{answer}")


class _Driving:
    def __init__(self, address: tuple[str, int], crowds: Sequence[Crowd]) -> None:
        self._latencies: list[list[float]] = [[] for _ in crowds]
        self._callers: dict[int, _Caller] = {}
        for crowd, latencies in zip(crowds, self._latencies, strict=True):
            for _ in range(crowd.callers):
                line = socket.create_connection(address, timeout=_ANSWERED_WITHIN)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._callers[line.fileno()] = _Caller(line, crowd, latencies)
        self._pausing: list[tuple[float, _Caller]] = []

    def run(self, seconds: float) -> list[Drive]:
        with select.epoll() as poll:
            for number in self._callers:
                poll.register(number, select.EPOLLIN)
            begun = time.perf_counter()
            try:
                self._call(poll, until=begun + seconds)
            finally:
                for caller in self._callers.values():
                    caller.line.close()
        took = time.perf_counter() - begun
        return [Drive(sorted(latencies), took) for latencies in self._latencies]

    def _call(self, poll: select.epoll, *, until: float) -> None:
        for caller in self._callers.values():
            caller.send()
        waiting = len(self._callers)
        while waiting or self._pausing:
            ready = poll.poll(self._patience())
            if not ready and not self._pausing:
                raise WrongAnswer(f"no answer within {_ANSWERED_WITHIN} s")
            for number, _ in ready:
                caller = self._callers[number]
                if not caller.receive():
                    continue
                now = time.perf_counter()
                if now >= until:
                    waiting -= 1
                elif caller.crowd.pause:
                    waiting -= 1
                    self._pausing.append((now + caller.crowd.pause, caller))
                else:
                    caller.send()
            waiting += self._resume(until)

    def _patience(self) -> float:
        if not self._pausing:
            return _ANSWERED_WITHIN
        return max(0, min(at for at, _ in self._pausing) - time.perf_counter())

    def _resume(self, until: float) -> int:
        """Let those call whose pause is over; how many do."""
        if not self._pausing:
            return 0
        now = time.perf_counter()
        due = [caller for at, caller in self._pausing if at <= now]
        self._pausing = [each for each in self._pausing if each[0] > now]
        if now >= until:
            return 0
        for caller in due:
            caller.send()
        return len(due)
