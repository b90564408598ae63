"""Those who wait for others, on real connections."""

import re
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

from hashpost.entrypoints.http.edge import Limits
from tests.integration.http.conftest import Serve
from tests.integration.http.wire import CLOSE, Wire

READ = b"GET /api/posts/ HTTP/1.1\r\n" + CLOSE + b"\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + CLOSE + b"\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\n" + CLOSE + b"\r\n"
WAITING = re.compile(
    rb'^hashpost_http_requests_waiting\{gate="work",line="reads"\} (\d+)', re.MULTILINE
)


def waiting_at(wire: Wire) -> int:
    found = WAITING.search(wire.ask(METRICS).body)
    assert found
    return int(found[1])


def becomes_true(condition: Callable[[], bool]) -> bool:
    end = monotonic() + 10
    while not condition() and monotonic() < end:
        sleep(0.02)
    return condition()


def test_whoever_is_cut_off_while_waiting_waits_no_more(serve: Serve) -> None:
    wire = serve(limits=Limits(at_once=0, waiting_seconds=3, answer_seconds=60))
    with wire.connect() as kept:
        kept.send(READ)
        with wire.connect() as lost:
            lost.send(READ)
            assert becomes_true(lambda: waiting_at(wire) == 2)
            # To close it with this is to reset it.
            how = struct.pack("ii", 1, 0)
            lost.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)
            lost.end()

        assert becomes_true(lambda: waiting_at(wire) == 1)


def test_under_overload_everybody_is_told_within_three_seconds(serve: Serve) -> None:
    wire = serve(limits=Limits(at_once=0, waiting_max=20))

    def ask(_: int) -> tuple[int, str, float]:
        begun = monotonic()
        answer = wire.ask(READ)
        return answer.status, answer.headers["retry-after"], monotonic() - begun

    with ThreadPoolExecutor(40) as threads:
        asked = threads.map(ask, range(40))
        assert becomes_true(lambda: waiting_at(wire) == 20)
        assert wire.ask(LIVE).status == 200
        answers = list(asked)

    assert {status for status, _, _ in answers} == {503}
    assert {retry_after for _, retry_after, _ in answers} == {"2"}
    assert max(seconds for _, _, seconds in answers) < 3
    assert waiting_at(wire) == 0
