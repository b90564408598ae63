"""What the parser of HTTP meets before any application does: bytes on a connection."""

import socket

import pytest
from structlog.testing import capture_logs

from hashpost.entrypoints.http import protocol
from hashpost.entrypoints.http.edge import Limits
from tests.integration.http.conftest import Serve
from tests.integration.http.wire import CLOSE, Wire

LIVE = b"GET /health/live HTTP/1.1\r\n" + CLOSE + b"\r\n"
KEPT = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
SIGN_UP = b"POST /api/create_user/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
USER = b'{"username": "ada", "password": "correct horse battery"}'

MALFORMED = {
    "garbage": b"GARBAGE\r\n\r\n",
    "binary": bytes(range(256)),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\n\r\n",
    "an unknown method and no target": b"FROB  HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method and no version": b"FROB /health/live\r\nHost: x\r\n\r\n",
    "an unknown method of an unknown version": b"FROB / HTTP/9.9\r\nHost: x\r\n\r\n",
    "an unknown method and a space in the path": b"FROB /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method and bytes beyond ASCII": b"FROB /\xd0\xbc HTTP/1.1\r\n\r\n",
    "an unknown method and a broken header": b"FROB / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a method that is no token": b"FR(OB / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space before the method": b" FROB / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the path": b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in the path": b"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes beyond ASCII in the path": b"GET /\xd0\xbc HTTP/1.1\r\nHost: x\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nHost: x\r\n\r\n",
    "a relative path": b"GET health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    "only an authority": b"GET http://x HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a signed length": b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
    "a length without end": b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n",
    "an unknown transfer": SIGN_UP + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunks, but not last": SIGN_UP + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_http_is_answered_as_a_problem(wire: Wire, data: bytes) -> None:
    answer = wire.ask(data)

    assert (answer.status, answer.code) == (400, "malformed-request")
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


def test_a_refused_request_keeps_the_request_id_that_could_be_read(wire: Wire) -> None:
    answer = wire.ask(b"GET / HTTP/1.1\r\nX-Request-ID: mine\r\nHost: x\r\nbroken\r\n\r\n")

    assert answer.headers["x-request-id"] == "mine"


def test_a_sound_request_is_answered(wire: Wire) -> None:
    answer = wire.ask(LIVE)

    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
    assert "server" not in answer.headers


def test_a_header_without_a_value_spoils_no_other(wire: Wire) -> None:
    answer = wire.ask(
        b"GET /health/live HTTP/1.1\r\nEmpty:\r\nX-Request-ID: mine\r\n" + CLOSE + b"\r\n"
    )

    assert answer.headers["x-request-id"] == "mine"


@pytest.mark.parametrize(
    "target", [b"http://x/health/live", b"/health/live?", b"/health/live/?a=b"]
)
def test_a_target_may_be_absolute_and_have_a_query(wire: Wire, target: bytes) -> None:
    assert wire.ask(b"GET " + target + b" HTTP/1.1\r\n" + CLOSE + b"\r\n").status == 200


def test_options_of_the_server_as_a_whole_is_404(wire: Wire) -> None:
    assert wire.ask(b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n").code == "not-found"


@pytest.mark.parametrize("host", [b"a/b", b"a b", b"a\\b"])
def test_a_host_that_is_none_is_malformed(wire: Wire, host: bytes) -> None:
    answer = wire.ask(
        b"GET /health/live HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    )

    assert (answer.status, answer.code) == (400, "malformed-request")


def test_http_1_0_is_answered_and_closed(wire: Wire) -> None:
    assert wire.ask(b"GET /health/live HTTP/1.0\r\n\r\n").status == 200


def test_head_sends_the_length_and_no_body(wire: Wire) -> None:
    answer = wire.ask(LIVE.replace(b"GET", b"HEAD"), "HEAD")

    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "15", b"")


def test_options_sends_no_body(wire: Wire) -> None:
    answer = wire.ask(LIVE.replace(b"GET", b"OPTIONS"))

    assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "transfer-encoding" not in answer.headers


def test_a_connection_is_used_again(wire: Wire) -> None:
    with wire.connect() as connection:
        for _ in range(3):
            connection.send(KEPT)
            assert connection.answer().status == 200


def test_requests_in_a_row_are_answered_in_their_order(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(KEPT + KEPT.replace(b"live", b"none") + LIVE)

        assert [connection.answer().status for _ in range(3)] == [200, 404, 200]
        assert connection.is_closed_by_server()


def test_garbage_behind_a_request_is_answered_after_it(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(KEPT + KEPT + b"GARBAGE\r\n\r\n")

        assert [connection.answer().status for _ in range(3)] == [200, 200, 400]
        assert connection.is_closed_by_server()


# Methods

METHODS = [
    "FROB",
    "BREW",
    "get",
    "PRI",
    "DESCRIBE",
    "M-SEARCH",
    "TRACE",
    "PATCH",
    "GETT",
    "G",
    "x" * 5000,
]
ALLOWED = "GET, HEAD, OPTIONS"
MINE = b"Host: x\r\nX-Request-ID: mine\r\n"


@pytest.mark.parametrize("method", METHODS)
def test_any_other_method_is_405_with_what_is_allowed(wire: Wire, method: str) -> None:
    with wire.connect() as connection:
        connection.send(method.encode() + b" /health/live?a=b HTTP/1.1\r\n" + MINE + b"\r\n" + KEPT)
        answer = connection.answer()

        assert (answer.status, answer.code) == (405, "method-not-allowed")
        assert (answer.headers["x-request-id"], answer.headers["allow"]) == ("mine", ALLOWED)
        assert connection.answer().status == 200


@pytest.mark.parametrize("method", METHODS)
def test_any_other_method_is_404_where_there_is_nothing(wire: Wire, method: str) -> None:
    with wire.connect() as connection:
        connection.send(method.encode() + b" /nothing HTTP/1.1\r\n" + MINE + b"\r\n" + KEPT)
        answer = connection.answer()

        assert (answer.status, answer.code) == (404, "not-found")
        assert answer.headers["x-request-id"] == "mine"
        assert connection.answer().status == 200


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 16\r\n\r\nFROB / HTTP/1.1\n",
        b"Transfer-Encoding: chunked\r\n\r\n11\r\nFROB / HTTP/1.1\r\n\r\n0\r\n\r\n",
    ],
)
def test_the_body_of_any_other_method_is_passed_over(wire: Wire, framing: bytes) -> None:
    with wire.connect() as connection:
        connection.send(b"FROB /health/live HTTP/1.1\r\n" + MINE + framing)

        assert connection.answer().code == "method-not-allowed"


def test_any_other_method_of_http_1_0_is_405_as_well(wire: Wire) -> None:
    assert wire.ask(b"FROB /health/live HTTP/1.0\r\n\r\n").code == "method-not-allowed"


def test_any_other_method_is_answered_in_its_place_in_a_row(wire: Wire) -> None:
    frob = b"FROB /health/live HTTP/1.1\r\n" + MINE + b"\r\n"
    row = [KEPT, frob, b"\r\n" + frob, KEPT, KEPT] * 100
    with wire.connect() as connection:
        connection.send(b"".join(row))

        answers = [connection.answer().status for _ in row]

    assert answers == [200, 405, 405, 200, 200] * 100


@pytest.mark.parametrize("split", range(1, 29))
def test_a_request_line_may_come_in_parts(wire: Wire, split: int) -> None:
    frob = b"FROB /health/live HTTP/1.1\r\n" + MINE + b"\r\n"
    with wire.connect() as connection:
        connection.send(KEPT + frob[:split])
        assert connection.answer().status == 200

        connection.send(frob[split:])

        answer = connection.answer()
        assert (answer.status, answer.headers["x-request-id"]) == (405, "mine")


@pytest.mark.parametrize("request_", [KEPT, b"FROB" + KEPT], ids=["known", "unknown"])
def test_a_request_may_come_byte_by_byte(wire: Wire, request_: bytes) -> None:
    with wire.connect() as connection:
        for byte in request_:
            connection.send(bytes([byte]))

        assert connection.answer().status in {200, 405}


def test_a_body_that_looks_like_a_request_is_a_body(wire: Wire) -> None:
    body = USER[:-1] + b"\n,\n" + b"FROB / HTTP/1.1\r\n" * 300
    with wire.connect() as connection:
        connection.send(SIGN_UP + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.answer().code == "malformed-request"

        connection.send(KEPT)

        assert connection.answer().status == 200


def test_a_strange_method_is_logged_as_it_came_and_not_at_any_length(wire: Wire) -> None:
    with capture_logs() as lines:
        wire.ask(b"brew /health/live HTTP/1.1\r\n" + CLOSE + b"\r\n")
        wire.ask(b"F" * 4000 + b" /health/live HTTP/1.1\r\n" + CLOSE + b"\r\n")

    assert [line["method"] for line in lines if line["event"] == "request"] == ["brew", "F" * 32]


# Header blocks


@pytest.mark.parametrize("size", [17 * 1024, 100 * 1024, 1024 * 1024])
def test_a_long_header_is_431(wire: Wire, size: int) -> None:
    with wire.connect() as connection:
        connection.send_as_long_as_taken(
            b"GET /health/live HTTP/1.1\r\nA: " + b"a" * size + b"\r\n\r\n", times=1
        )

        assert connection.answer().code == "headers-too-large"
        assert connection.is_closed_by_server()


def test_many_headers_are_431(wire: Wire) -> None:
    answer = wire.ask(b"GET /health/live HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n")

    assert (answer.status, answer.code) == (431, "headers-too-large")


def test_a_long_target_is_431(wire: Wire) -> None:
    assert wire.ask(b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n\r\n").code == "headers-too-large"


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nA: ",
        b"GET / HTTP/1.1\r\nA",
        b"G",
        b"FROB /",
        b"GET / HTTP/1.1\r\nA: b\r\n b",
    ],
    ids=["target", "value", "name", "method", "target of another method", "folded"],
)
def test_an_endless_header_block_is_refused_before_it_ends(wire: Wire, endless: bytes) -> None:
    with wire.connect() as connection:
        connection.send(endless)
        sent = connection.send_as_long_as_taken(b"a" * 1000, times=4000)

        assert connection.answer().status in {400, 431}
        assert sent < 4_000_000


def test_an_endless_row_of_headers_is_refused_before_it_ends(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\n")
        connection.send_as_long_as_taken(b"a: b\r\n" * 100, times=10_000)

        assert connection.answer().code == "headers-too-large"


def test_a_header_block_of_16_kib_behind_a_long_body_is_read(wire: Wire) -> None:
    """The body before it, which came in the same pieces, must not be counted."""
    body = USER.ljust(60_000)
    padding = b"A: " + b"a" * 15_000 + b"\r\n"
    with wire.connect() as connection:
        connection.send(
            SIGN_UP
            + b"Content-Length: %d\r\n\r\n" % len(body)
            + body
            + b"GET /health/live HTTP/1.1\r\n"
            + padding
            + CLOSE
        )
        assert connection.answer().status == 201

        connection.send(b"\r\n")

        assert connection.answer().status == 200


# Bodies


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_in_chunks_is_read(wire: Wire, size: int) -> None:
    chunks = [chunk(USER[start : start + size]) for start in range(0, len(USER), size)]

    answer = wire.ask(
        SIGN_UP
        + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"".join(chunks)
        + b"0\r\nTrailer: x\r\n\r\n"
    )

    assert answer.status == 201


@pytest.mark.parametrize(
    "broken",
    [b"ZZ\r\n", b"-1\r\n", b"5\r\nabcdeXX", b"ffffffffffffffffff\r\n", b"\r\n", b"5;\x00\r\n"],
)
def test_a_broken_chunk_is_malformed(wire: Wire, broken: bytes) -> None:
    answer = wire.ask(SIGN_UP + b"Transfer-Encoding: chunked\r\n\r\n" + broken)

    assert (answer.status, answer.code) == (400, "malformed-request")
    assert answer.detail == "The body comes in broken chunks"


def test_a_chunk_that_breaks_later_is_malformed(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(SIGN_UP + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(USER))
        connection.send(b"ZZ\r\n")

        assert connection.answer().code == "malformed-request"
        assert connection.is_closed_by_server()


def test_a_body_announced_as_too_large_is_413_and_not_waited_for(wire: Wire) -> None:
    answer = wire.ask(SIGN_UP + b"Content-Length: 65537\r\n\r\n")

    assert (answer.status, answer.code) == (413, "too-large")


@pytest.mark.parametrize(
    "line", [b"GET /health/live", b"OPTIONS /api/posts/", b"PUT /api/posts/", b"DELETE /nothing"]
)
@pytest.mark.parametrize("length", [65_537, 2**63 - 1, 2**64 - 1])
def test_a_body_announced_as_too_large_is_413_wherever_and_whoever_asks(
    wire: Wire, line: bytes, length: int
) -> None:
    answer = wire.ask(line + b" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length)

    assert (answer.status, answer.code) == (413, "too-large")


def test_who_asks_first_is_not_told_to_go_on_with_a_body_too_large(wire: Wire) -> None:
    answer = wire.ask(SIGN_UP + b"Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n")

    assert (answer.status, answer.code) == (413, "too-large")


def test_who_asks_first_is_told_to_go_on(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(
            SIGN_UP + b"Connection: close\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % len(USER)
        )
        assert connection.answer().status == 100

        connection.send(USER)

        assert connection.answer().status == 201


@pytest.mark.parametrize("framing", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_a_caller_who_sends_on_and_on_reads_the_413_all_the_same(
    wire: Wire, framing: bytes
) -> None:
    with wire.connect() as connection:
        connection.send(SIGN_UP + framing + b"\r\n\r\n")
        sent = connection.send_as_long_as_taken(chunk(b"a" * 10_000), times=30)

        assert sent > 0
        assert connection.answer().code == "too-large"
        assert connection.is_closed_by_server()


@pytest.mark.parametrize("framing", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
def test_a_body_too_large_is_not_read_to_its_end(wire: Wire, framing: bytes) -> None:
    with wire.connect() as connection:
        connection.send(SIGN_UP + framing + b"\r\n\r\n")

        sent = connection.send_as_long_as_taken(chunk(b"a" * 10_000), times=10_000)

        assert sent < 20_000_000


def test_a_body_that_nobody_wants_is_not_read_to_its_end_either(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(b"GET /health/live HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.answer().status == 200

        sent = connection.send_as_long_as_taken(chunk(b"a" * 10_000), times=10_000)

        assert sent < 20_000_000


def test_trailers_without_end_are_not_read_to_their_end(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(SIGN_UP + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")

        sent = connection.send_as_long_as_taken(b"a: b\r\n" * 1000, times=10_000)

        assert sent < 20_000_000


def test_a_trailer_is_no_header(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(
            b"POST /api/posts/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
            b"X-Request-ID: mine\r\n\r\n"
        )

        assert connection.answer().headers["x-request-id"] != "mine"


def test_a_small_body_that_nobody_looked_at_lets_the_connection_live(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(b"POST /api/posts/ HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + KEPT)

        assert connection.answer().code == "unauthenticated"
        assert connection.answer().status == 200


# Upgrades


@pytest.mark.parametrize("split", [0, 10, len(USER)])
def test_an_offer_of_another_protocol_is_passed_over_and_the_body_read(
    wire: Wire, split: int
) -> None:
    """As Java's HTTP client makes it with its first request."""
    head = (
        SIGN_UP + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: %d\r\n\r\n" % len(USER)
    )
    with wire.connect() as connection:
        connection.send(head + USER[:split])
        connection.send(USER[split:] + KEPT)

        assert connection.answer().status == 201
        assert connection.answer().status == 200


def test_a_websocket_is_not_opened(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(
            b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert connection.answer().status == 200

        connection.send(KEPT)

        assert connection.answer().status == 200


def test_an_upgrade_with_a_body_in_chunks_is_malformed(wire: Wire) -> None:
    answer = wire.ask(
        SIGN_UP
        + b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunk(USER)
        + b"0\r\n\r\n"
    )

    assert answer.code == "malformed-request"


# Callers who go away, or take their time


def test_a_caller_who_has_said_all_is_answered_all_the_same(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(KEPT + SIGN_UP + b"Content-Length: %d\r\n\r\n" % len(USER) + USER)
        connection.socket.shutdown(socket.SHUT_WR)

        assert connection.answer().status == 200
        assert connection.answer().status == 201
        assert connection.is_closed_by_server()


def test_a_body_that_ends_too_soon_is_given_up_quietly(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(SIGN_UP + b"Content-Length: 50\r\n\r\n{")
        connection.socket.shutdown(socket.SHUT_WR)

        assert connection.is_closed_by_server()
    assert wire.ask(LIVE).status == 200


def test_a_caller_who_goes_away_does_no_harm(wire: Wire) -> None:
    for data in (b"", b"GET", KEPT, SIGN_UP, SIGN_UP + b"Content-Length: 50\r\n\r\n{"):
        with wire.connect() as connection:
            connection.send(data)
            connection.socket.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
            )

    assert wire.ask(LIVE).status == 200


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A protocol that waits for a tenth of a second only."""
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(protocol, name, 0.1)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "begun", [b"G", b"FROB /", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nA: b\r\n"]
)
def test_a_head_that_does_not_end_in_time_is_408(wire: Wire, begun: bytes) -> None:
    answer = wire.ask(begun)

    assert (answer.status, answer.code) == (408, "request-timeout")


@pytest.mark.usefixtures("hurried")
def test_a_second_head_that_does_not_end_in_time_is_408(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(KEPT)
        assert connection.answer().status == 200

        connection.send(b"GET")

        assert connection.answer().code == "request-timeout"


@pytest.mark.usefixtures("hurried")
def test_a_connection_on_which_nothing_comes_is_closed(wire: Wire) -> None:
    with wire.connect() as connection:
        assert connection.is_closed_by_server()


def test_a_body_that_does_not_end_in_time_is_408(serve: Serve) -> None:
    wire = serve(limits=Limits(body_seconds=0.1))

    answer = wire.ask(SIGN_UP + b"Content-Length: 50\r\n\r\n{")

    assert (answer.status, answer.code) == (408, "request-timeout")


@pytest.mark.usefixtures("hurried")
def test_a_body_that_nobody_wants_and_that_does_not_end_is_hung_up_on(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(b"POST /api/posts/ HTTP/1.1\r\nContent-Length: 50\r\n\r\nhello")

        assert connection.answer().code == "unauthenticated"
        assert connection.is_closed_by_server()


@pytest.mark.usefixtures("hurried")
def test_a_caller_who_does_not_hang_up_is_hung_up_on(wire: Wire) -> None:
    with wire.connect() as connection:
        connection.send(b"GARBAGE\r\n\r\n")
        assert connection.answer().status == 400
        assert connection.is_closed_by_server()

        assert connection.send_as_long_as_taken(b"x" * 1000, times=100_000) < 100_000_000
