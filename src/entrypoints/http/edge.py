"""The outermost layer: what holds for every answer, whatever the cause.

Request ids, the access log, metrics, sizes, deadlines, overload, HEAD and OPTIONS, 404 and 405,
headers, and the last resort. Frameworks run their middleware for matched paths only; this is plain
ASGI around all of it.
"""

import asyncio
import re
from asyncio import CancelledError, Future, Task, TimerHandle
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final
from urllib.parse import quote

import structlog
from structlog.contextvars import bind_contextvars, reset_contextvars

from hashpost.domain.errors import HashpostError, NotFound, Unavailable
from hashpost.entrypoints.http import problems
from hashpost.entrypoints.http.asgi import Application, Header, Message, Receive, Scope, Send
from hashpost.entrypoints.http.gate import WAITING_MAX, WAITING_SECONDS, CallerGone, Gate
from hashpost.entrypoints.http.limits import STANDINGS, header_fields
from hashpost.entrypoints.http.metrics import Metrics
from hashpost.entrypoints.http.problems import (
    HeadersTooLarge,
    MalformedRequest,
    MethodNotAllowed,
    RequestTimeout,
    TooLarge,
)
from hashpost.entrypoints.http.request_ids import request_id
from hashpost.entrypoints.http.routing import READS, TARGET, Route, Routes, Target

CLIENT_CLOSED_REQUEST: Final = 499
"""The status in the access log of a request whose caller went away."""

HEADER_BYTES: Final = 16 * 1024
"""The longest header block."""

BODY_IS_BROKEN: Final = "hashpost.body_is_broken"
"""A key that the server puts into the scope of a request whose body cannot be read to its end."""

CALLER_GONE: Final = "hashpost.caller_gone"
"""A key under which the server puts a future into the scope, done when the connection is lost."""

_NO_STORE: Final = "no-store"
_HOST: Final = re.compile(rb"[0-9A-Za-z!$&'()*+,;=\-._~:\[\]@%]*")
"""What may stand in a Host header (RFC 9112, section 3.2), which nothing here reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a caller may ask of the service."""

    body_bytes: int = 64 * 1024
    header_bytes: int = HEADER_BYTES
    body_seconds: float = 10.0
    """How long a body may take to arrive."""
    answer_seconds: float = 2.5
    """How long an answer may take, what the caller takes to send a body not counted."""
    at_once: int = 64
    """How many requests are worked on at once, those apart that hash passwords."""
    passwords_at_once: int = 64
    """How many of those: as many as may wait for the hasher, which would refuse more."""
    waiting_max: int = WAITING_MAX
    """How many wait for others to be done; more are turned away at once."""
    waiting_seconds: float = WAITING_SECONDS
    """For how long they wait."""


class Edge:
    """An ASGI application around another."""

    def __init__(
        self, app: Application, routes: Routes, limits: Limits, metrics: Metrics | None = None
    ) -> None:
        self.app = app
        self.routes = routes
        self.limits = limits
        self.metrics = metrics or Metrics()
        # Bound here and not for every line: logging is set up before anything is served.
        self.log = structlog.get_logger("hashpost.http").bind()
        self._work = self._gate(limits.at_once)
        self._passwords = self._gate(limits.passwords_at_once)
        self.metrics.watch({"work": self._work, "passwords": self._passwords})

    @property
    def at_work(self) -> int:
        """How many requests are being worked on, those apart that are always served."""
        return self._work.inside + self._passwords.inside

    def gate_of(self, route: Route, method: str) -> Gate | None:
        """The gate that requests of that kind have to pass, if there is any."""
        if route.always_served:
            return None
        return self._passwords if method in route.hashing else self._work

    def _gate(self, at_once: int) -> Gate:
        return Gate(
            at_once=at_once,
            waiting_max=self.limits.waiting_max,
            waiting_seconds=self.limits.waiting_seconds,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is no HTTP request is passed on."""
        if scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self.app(scope, receive, send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, edge: Edge, scope: Scope, receive: Receive, send: Send) -> None:
        self._edge = edge
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = _Headers(scope["headers"])
        self._request_id = request_id(scope["headers"])
        self._target: Target | None = None
        self._inner_scope: Scope = {}
        self._status: int | None = None
        self._body_bytes = 0
        self._body_complete = not self._headers.announce_body
        self._body_due: float | None = None
        self._gate: Gate | None = None
        self._is_inside = False
        self._seconds_left = edge.limits.answer_seconds
        self._timer: TimerHandle | None = None
        self._task: Task[Any] | None = None
        self._late_answer: Task[None] | None = None
        self._began = perf_counter()
        self._is_noted = False

    async def run(self) -> None:
        before = bind_contextvars(request_id=self._request_id)
        self._edge.metrics.began()
        try:
            await self._answer()
        except CallerGone:
            self._status = self._status or CLIENT_CLOSED_REQUEST
        except HashpostError as error:
            await self._refuse(error)
        except CancelledError:
            # Was it we who cancelled, and we alone?
            if self._late_answer is None or self._task is None or self._task.uncancel():
                raise
        except Exception:  # the last resort
            self._edge.log.exception("request_failed")
            await self._refuse(HashpostError())
        finally:
            self._edge.metrics.ended()
            if self._late_answer is not None:
                await self._late_answer
            self._note_answer()
            reset_contextvars(**before)

    async def _answer(self) -> None:
        limits = self._edge.limits
        if self._headers.size > limits.header_bytes:
            raise HeadersTooLarge(f"At most {limits.header_bytes} bytes")
        if self._headers.content_length > limits.body_bytes:
            raise self._too_large()
        self._target = target = self._edge.routes.find(_raw_path(self._scope))
        if target is None:
            raise NotFound("There is nothing at this path")
        method = self._scope["method"]
        if method == "OPTIONS":
            await self._start(204, [(b"allow", ", ".join(target.route.allowed).encode())])
            await self._end(b"")
        elif method not in target.route.allowed:
            raise MethodNotAllowed(target.route.allowed)
        elif self._headers.has_strange_host:
            raise MalformedRequest("Invalid host header")
        else:
            await self._pass_on(target, "GET" if method == "HEAD" else method)

    async def _pass_on(self, target: Target, method: str) -> None:
        self._gate = self._edge.gate_of(target.route, method)
        self._inner_scope = {
            **self._scope,
            "method": method,
            "path": target.path,
            "root_path": "",
            "state": dict(self._scope.get("state") or {}),
            TARGET: target,
        }
        self._task = asyncio.current_task()
        self._set_timer()
        try:
            await self._enter()
            await self._edge.app(self._inner_scope, self._next_part, self._answer_part)
        finally:
            self._unset_timer()
            self._leave()

    async def _enter(self) -> None:
        if self._gate is not None:
            gone: Future[None] | None = self._scope.get(CALLER_GONE)
            await self._gate.enter(is_read=self._scope["method"] in READS, gone=gone)
            self._is_inside = True

    def _leave(self) -> None:
        if self._gate is not None and self._is_inside:
            self._is_inside = False
            self._gate.leave()

    # The request

    async def _next_part(self) -> Message:
        """A part of the body, within its bounds of size and time; waiting for it takes no place."""
        self._unset_timer()
        self._leave()
        message = await self._awaited_part()
        self._set_timer()
        if message["type"] == "http.disconnect":
            raise CallerGone
        if BODY_IS_BROKEN in self._scope:
            raise MalformedRequest("The body comes in broken chunks")
        self._body_bytes += len(message.get("body", b""))
        self._body_complete = not message.get("more_body", False)
        if self._body_bytes > self._edge.limits.body_bytes:
            raise self._too_large()
        if self._body_complete:
            await self._enter()
        return message

    async def _awaited_part(self) -> Message:
        now = asyncio.get_running_loop().time()
        if self._body_due is None:
            self._body_due = now + self._edge.limits.body_seconds
        try:
            async with asyncio.timeout_at(self._body_due):
                return await self._receive()
        except TimeoutError:
            raise RequestTimeout from None

    def _too_large(self) -> TooLarge:
        return TooLarge(f"At most {self._edge.limits.body_bytes} bytes")

    # The answer

    async def _answer_part(self, message: Message) -> None:
        """Send on what the application answers, unless the answer was given in its stead."""
        if self._late_answer is not None:
            return
        if message["type"] == "http.response.start":
            self._unset_timer()
            await self._start(message["status"], message["headers"])
        else:
            await self._end(message.get("body", b""), more=message.get("more_body", False))

    async def _refuse(self, error: HashpostError) -> None:
        if self._status is not None:
            return
        body = problems.document(error)
        length = (b"content-length", b"%d" % len(body))
        await self._start(problems.status_of(type(error)), [*problems.headers(error), length])
        await self._end(body)

    async def _start(self, status: int, headers: list[Header]) -> None:
        self._status = status
        own: list[Header] = [
            (b"x-request-id", self._request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            *header_fields(self._inner_scope.get(STANDINGS, {}).values()),
        ]
        if not any(name == b"cache-control" for name, _ in headers):
            route = self._target.route if self._target else None
            own.append((b"cache-control", (route.cache_control if route else _NO_STORE).encode()))
        if self._leaves_body_unread():
            own.append((b"connection", b"close"))
        await self._send(
            {"type": "http.response.start", "status": status, "headers": [*headers, *own]}
        )

    async def _end(self, body: bytes, *, more: bool = False) -> None:
        if self._scope["method"] == "HEAD":
            body = b""
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _leaves_body_unread(self) -> bool:
        """Whether more may come than the server would care to read past."""
        if self._body_complete:
            return False
        headers = self._headers
        announced = 0 <= headers.content_length <= self._edge.limits.body_bytes
        return not announced or headers.expects_continue or self._body_due is not None

    # Deadlines

    def _set_timer(self) -> None:
        if self._status is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds_left, self._give_up)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._seconds_left = self._timer.when() - asyncio.get_running_loop().time()
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """Answer now, and cancel the work behind it, however long that takes to come to an end."""
        self._late_answer = asyncio.get_running_loop().create_task(self._answer_late())
        if self._task is not None:
            self._task.cancel()

    async def _answer_late(self) -> None:
        await self._refuse(Unavailable("This takes too long right now"))
        self._note_answer()

    # The log, and the metrics

    def _note_answer(self) -> None:
        if self._is_noted:
            return
        self._is_noted = True
        method, seconds = self._scope["method"], perf_counter() - self._began
        route = None if self._target is None else self._target.route.template
        if self._status is not None:
            self._edge.metrics.answered(
                method=method, route=route, status=self._status, seconds=seconds
            )
        facts: dict[str, object] = {
            "method": method,
            "route": route,
            "status": self._status,
            "ms": round(seconds * 1000, 1),
        }
        if self._target is not None:
            facts |= self._target.ids
        if (access := self._inner_scope.get("auth")) is not None:
            facts["actor_id"] = access.user_id
        if client := self._scope.get("client"):
            facts["client"] = client[0]
        self._edge.log.info("request", **facts)


class _Headers:
    """What the edge wants to know of a header block."""

    __slots__ = ("announce_body", "content_length", "expects_continue", "has_strange_host", "size")

    def __init__(self, headers: list[Header]) -> None:
        self.size = 0
        self.content_length = -1
        self.announce_body = False
        self.expects_continue = False
        self.has_strange_host = False
        for name, value in headers:
            self.size += len(name) + len(value) + 4
            if name == b"content-length":
                self.content_length = int(value) if value.isdigit() and len(value) < 19 else 2**63
                self.announce_body |= self.content_length > 0
            elif name == b"transfer-encoding":
                self.announce_body = True
            elif name == b"expect":
                self.expects_continue = True
            elif name == b"host":
                self.has_strange_host |= _HOST.fullmatch(value) is None


def _raw_path(scope: Scope) -> bytes:
    raw: bytes | None = scope.get("raw_path")
    return raw if raw is not None else quote(scope["path"]).encode()
