"""HTTP/1.1 on a connection: uvicorn's protocol, with what it leaves open.

It takes a method that its parser has not heard of for no HTTP, answers what it cannot parse in
plain text, buffers header lines and trailers without end, waits for ever for a request that does
not come, loses the body of a request that asks for an upgrade, drops the answer to a caller that
has closed its own side, and closes so abruptly that a caller may never read why. Requests that
arrive in whole, with methods of every day, are none of this module's business.
"""

import asyncio
import re
from asyncio import BaseTransport, Future, TimerHandle, Transport
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hashpost.domain.errors import HashpostError
from hashpost.entrypoints.http import problems
from hashpost.entrypoints.http.asgi import Scope
from hashpost.entrypoints.http.edge import BODY_IS_BROKEN, CALLER_GONE, HEADER_BYTES
from hashpost.entrypoints.http.problems import HeadersTooLarge, MalformedRequest, RequestTimeout
from hashpost.entrypoints.http.request_ids import request_id

BODY_BYTES: Final = 1024 * 1024
"""The most that is taken of a body, framing included, whether or not somebody reads it."""
HEAD_SECONDS: Final = 10.0
"""How long a request line and header block may take to arrive."""
BODY_SECONDS: Final = 20.0
"""How long a body may take that nobody reads; whoever reads one gives up sooner."""
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 1024 * 1024
"""For how long, and how much, is taken and thrown away after the last answer."""

_PIECE: Final = 4096

_STAND_IN: Final = b"PURGE"
"""A method that the parser knows, no route has, and nothing in HTTP treats in a way of its own."""
_METHOD_SHOWN: Final = 32
_STRANGE: Final = re.compile(
    rb"\n(?!(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT) )"
    rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]++)"
    rb"(?: \S++ HTTP/1\.[01]\r\n|(?: \S*+(?: \S*+)?)?\r?\Z)"
)
"""A line that is the first of a request with any other method (RFC 9112, section 3), if it stands
where one may begin; or what has come of a line that may turn out to be one."""

_log = structlog.get_logger("hashpost.http")


class Http11(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_reading = False  # a message has begun and is not complete
        self._is_in_head = False
        self._head_bytes = 0
        self._taken_bytes = 0
        self._owed_bytes = 0  # of a body that the parser does not look at
        self._held = b""  # of a first line that the parser is not given before it is whole
        self._method = b""  # which the parser has not heard of
        self._is_done = False  # whatever else comes is thrown away
        self._refusal: HashpostError | None = None
        self._patience: float | None = None  # for what comes next, from when this data is parsed
        self._due: TimerHandle | None = None
        self._gone: Future[None] = self.loop.create_future()

    # The connection

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin; uvicorn's part of it gets a transport that closes gently."""
        line = Line(cast(Transport, transport), self.loop, must_linger=self._may_have_more)
        super().connection_made(line)
        self._expect_more_within(HEAD_SECONDS)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._expect_nothing()
        self._gone.set_result(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, in pieces small enough to notice soon what grows without end."""
        for start in range(0, len(data), _PIECE):
            if self._is_done or self.transport.is_closing():
                cast(Line, self.transport).discard(len(data) - start)
                return
            self._take(data[start : start + _PIECE])
        self._set_timer()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection for an answer that is still due to a complete request."""
        cycle: RequestResponseCycle | None = self.cycle
        if self._is_reading or self.transport.is_closing():
            return False
        if cycle is not None and not cycle.response_complete:
            cycle.keep_alive = False
            self._is_done = True
            return True
        return False

    # The parser

    def _take(self, piece: bytes) -> None:
        """Parse a piece, after a look at each line that may begin a request with a strange method.

        Only the parser can tell where one request ends and the next begins, so it is given all that
        comes before such a line. If it then waits for a request, it gets another method instead.
        """
        self._unset_keepalive_if_required()
        held, self._held = self._held, b""
        if held:
            piece = held + piece
            self._is_reading = False  # the parser begins
        start = 0
        for line in _STRANGE.finditer(b"\n" + piece):
            self._feed(piece[start : line.start()])
            start = line.start()
            if self._is_reading or self._is_done:
                continue
            if not line[0].endswith(b"\n"):
                self._hold(piece[start:], is_first=not held)
                return
            self._method = line[1]
            self._feed(_STAND_IN + line[0].removeprefix(b"\n" + line[1]))
            start = line.end() - 1
        self._feed(piece[start:])

    def _hold(self, line: bytes, *, is_first: bool) -> None:
        """Keep what has come of a first line until the rest of it is there."""
        if is_first:
            self.on_message_begin()
        self._held = line
        self._is_reading = True
        if len(line) > HEADER_BYTES:
            self._fail(_head_too_large())

    def _feed(self, piece: bytes) -> None:
        if self._is_done or not piece:
            return
        try:
            if self._owed_bytes:
                piece = self._take_owed(piece)
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._take_after_upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._fail(cause if isinstance(cause, HashpostError) else MalformedRequest())
        else:
            self._check_growth(len(piece))

    def _take_after_upgrade(self, rest: bytes) -> None:
        """No other protocol is spoken here: the request counts, and what follows is HTTP/1.1."""
        self._feed(rest)

    def _take_owed(self, piece: bytes) -> bytes:
        body, rest = piece[: self._owed_bytes], piece[self._owed_bytes :]
        self._owed_bytes -= len(body)
        self.on_body(body)
        if not self._owed_bytes:
            self.on_message_complete()
        return rest

    def _check_growth(self, taken: int) -> None:
        if self._is_reading:
            self._taken_bytes += taken
            if self._is_in_head and self._taken_bytes > HEADER_BYTES + _PIECE:
                self._fail(_head_too_large())
            elif self._taken_bytes > BODY_BYTES:
                self._fail(MalformedRequest())

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._is_reading = self._is_in_head = True
        self._head_bytes = self._taken_bytes = 0
        self._expect_more_within(HEAD_SECONDS)

    def on_url(self, url: bytes) -> None:
        """A part of the target of the request."""
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which means nothing here."""
        if self._is_in_head:
            self._count_head(len(name) + len(value) + len(b": \r\n"))
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The body, if there is one, comes next."""
        owed = self._unparsed_body() if self.parser.should_upgrade() else 0
        super().on_headers_complete()
        if self._method:
            self.scope["method"] = self._method[:_METHOD_SHOWN].decode()
            self._method = b""
        cast(Scope, self.scope)[CALLER_GONE] = self._gone
        self._owed_bytes = owed
        self._is_in_head = False
        self._taken_bytes = 0
        self._expect_more_within(BODY_SECONDS)

    def on_message_complete(self) -> None:
        """The request is complete."""
        if not self._owed_bytes:
            self._is_reading = False
            self._expect_nothing()
            super().on_message_complete()

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEADER_BYTES:
            raise _head_too_large()

    def _unparsed_body(self) -> int:
        """The length of the body that the parser leaves to the protocol upgraded to."""
        headers = dict(self.headers)
        if b"transfer-encoding" in headers:
            raise MalformedRequest
        return int(headers.get(b"content-length", b"0"))

    # Deadlines

    def _expect_more_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._patience = seconds

    def _set_timer(self) -> None:
        """Wait for what is expected: not for every part of a request that has come in whole."""
        if self._patience is not None:
            self._due = self.loop.call_later(self._patience, self._on_overdue)
            self._patience = None

    def _expect_nothing(self) -> None:
        self._patience = None
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _on_overdue(self) -> None:
        if self._is_reading:
            self._fail(RequestTimeout())
        else:
            self.transport.close()

    # Failures

    def _fail(self, error: HashpostError) -> None:
        """Answer what cannot be read any further, after what was asked before it."""
        self._is_done = True
        self._expect_nothing()
        if self._is_reading and not self._is_in_head:
            self._break_body(self.cycle)
        else:
            self._refusal = error
            self._refuse_at_last()

    def _break_body(self, cycle: RequestResponseCycle) -> None:
        """Let the application find the body broken, so that it answers and logs as ever."""
        if cycle.response_complete:
            self.transport.close()
            return
        cast(Scope, cycle.scope)[BODY_IS_BROKEN] = True
        cycle.more_body = False
        cycle.keep_alive = False
        cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Go on with the next request, or the refusal that comes last."""
        super().on_response_complete()
        self._refuse_at_last()

    def _refuse_at_last(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if self._refusal is not None and (cycle is None or cycle.response_complete):
            self._refuse(self._refusal)

    def _refuse(self, error: HashpostError) -> None:
        if self.transport.is_closing():
            return
        status = HTTPStatus(problems.status_of(type(error)))
        own_id = request_id(self.headers or ())
        body = problems.document(error)
        headers = [
            *self.server_state.default_headers,
            *problems.headers(error),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", own_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        lines = [b"HTTP/1.1 %d %s" % (status, status.phrase.encode())]
        lines += [b"%s: %s" % header for header in headers]
        self.transport.write(b"\r\n".join([*lines, b"", body]))
        self.transport.close()
        client = self.client[0] if self.client else None
        _log.info("request", request_id=own_id, status=int(status), client=client)

    def _may_have_more(self) -> bool:
        return self._is_reading or self._is_done


def _head_too_large() -> HeadersTooLarge:
    return HeadersTooLarge(f"At most {HEADER_BYTES} bytes")


class Line(asyncio.Transport):
    """A transport that closes gently where the caller may still be sending.

    If data are left unread when a socket is closed, TCP resets the connection, and with it goes the
    answer that the caller has not read yet. So this side is closed for writing first, and what
    still comes is thrown away for a while (RFC 9112, section 9.6).
    """

    def __init__(
        self,
        transport: Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        must_linger: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._must_linger = must_linger
        self._is_closing = False
        self._discarded = 0

    def close(self) -> None:
        """Close, now or when the caller has."""
        transport = self._transport
        if self._is_closing:
            return
        self._is_closing = True
        if transport.is_closing() or not transport.can_write_eof() or not self._must_linger():
            transport.close()
            return
        transport.write_eof()
        transport.resume_reading()
        self._loop.call_later(LINGER_SECONDS, transport.abort)

    def discard(self, size: int) -> None:
        """Take note of data that were thrown away; too many end it."""
        self._discarded += size
        if self._discarded > LINGER_BYTES:
            self._transport.abort()

    def is_closing(self) -> bool:
        """Whether nothing more is to be written."""
        return self._is_closing or self._transport.is_closing()

    def abort(self) -> None:
        """Close at once."""
        self._is_closing = True
        self._transport.abort()

    def write(self, data: Any) -> None:
        """Write."""
        self._transport.write(data)

    def pause_reading(self) -> None:
        """Pause reading."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the connection."""
        return self._transport.get_extra_info(name, default)
