"""The outermost layer, around applications of two lines."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from hashpost.domain.errors import Unavailable
from hashpost.entrypoints.http.app import _handlers, _litestar, _methods, routes
from hashpost.entrypoints.http.asgi import Answer, Application, Message, Receive, Scope, Send
from hashpost.entrypoints.http.bodies import read
from hashpost.entrypoints.http.edge import CALLER_GONE, Edge, Limits
from hashpost.entrypoints.http.routing import Route, Routes

ROUTES = Routes(
    [
        Route("/work", frozenset({"GET", "POST"}), "private, no-cache"),
        Route("/health", frozenset({"GET"}), "no-store", always_served=True),
        Route("/item", frozenset({"GET", "DELETE"}), "no-store"),
        Route("/me", frozenset({"GET", "PUT"}), "no-store", hashing=frozenset({"PUT"})),
    ]
)
DISCONNECT: Message = {"type": "http.disconnect"}


@dataclass
class Exchange:
    """A request to an application, and what came back."""

    sent: list[Message] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(
        self,
        app: Application,
        *,
        method: str = "GET",
        path: str = "/work",
        headers: Iterable[tuple[bytes, bytes]] = (),
        parts: Iterable[Message | float] = (),
        more_scope: Scope | None = None,
    ) -> "Exchange":
        scope = {
            **(more_scope or {}),
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": list(headers),
        }
        remaining = iter(parts)

        async def receive() -> Message:
            part = next(remaining, None)
            if isinstance(part, float):
                await asyncio.sleep(part)
                part = next(remaining)
            if part is None:
                await asyncio.Event().wait()
            assert isinstance(part, dict)
            return part

        async def send(message: Message) -> None:
            self.sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.answered.set()

        await app(scope, receive, send)
        return self

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def code(self) -> str:
        body = b"".join(message["body"] for message in self.sent[1:])
        kind: str = msgspec.json.decode(body)["type"]
        return kind.rpartition(":")[2]


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def well(scope: Scope, receive: Receive, send: Send) -> None:
    await Answer(200, b"well")(scope, receive, send)


async def reads(scope: Scope, receive: Receive, send: Send) -> None:
    await Answer(200, await read(receive))(scope, receive, send)


async def hangs(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.Event().wait()


def edge(app: Application, **limits: Any) -> Edge:
    return Edge(app, ROUTES, Limits(**limits))


CHUNKED = [(b"transfer-encoding", b"chunked")]


async def test_work_that_takes_too_long_is_503() -> None:
    exchange = await Exchange().run(edge(hangs, answer_seconds=0.01))

    assert (exchange.status, exchange.code) == (503, "unavailable")
    assert int(exchange.headers[b"retry-after"]) > 0


async def test_work_that_will_not_stop_does_not_hold_up_the_answer() -> None:
    released = asyncio.Event()

    async def clings(_scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()

    exchange = Exchange()
    app = edge(clings, answer_seconds=0.01)
    running = asyncio.create_task(exchange.run(app))

    async with asyncio.timeout(5):
        await exchange.answered.wait()
    assert exchange.status == 503
    assert not running.done()
    assert app.at_work == 1
    released.set()
    await running
    assert app.at_work == 0


async def test_what_late_work_answers_after_all_is_thrown_away() -> None:
    async def answers_late(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await well(scope, receive, send)

    exchange = await Exchange().run(edge(answers_late, answer_seconds=0.01))

    assert [message["type"] for message in exchange.sent] == [
        "http.response.start",
        "http.response.body",
    ]
    assert exchange.status == 503


async def test_late_work_is_logged_once() -> None:
    with capture_logs() as lines:
        await Exchange().run(edge(hangs, answer_seconds=0.01))

    assert [(line["event"], line["status"]) for line in lines] == [("request", 503)]


async def test_an_answer_under_way_may_take_its_time() -> None:
    async def streams(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.05)
        await send({"type": "http.response.body", "body": b"x"})

    exchange = await Exchange().run(edge(streams, answer_seconds=0.01))

    assert exchange.status == 200
    assert exchange.sent[-1]["body"] == b"x"


async def test_the_time_for_the_answer_begins_when_the_body_is_complete() -> None:
    exchange = await Exchange().run(
        edge(reads, answer_seconds=0.02),
        method="POST",
        headers=CHUNKED,
        parts=[0.05, part(b"a", more=True), 0.05, part(b"b")],
    )

    assert exchange.status == 200
    assert exchange.sent[1]["body"] == b"ab"


async def test_work_after_the_body_is_timed_as_well() -> None:
    async def reads_and_hangs(_scope: Scope, receive: Receive, _send: Send) -> None:
        await read(receive)
        await asyncio.Event().wait()

    exchange = await Exchange().run(
        edge(reads_and_hangs, answer_seconds=0.01), method="POST", parts=[part(b"")]
    )

    assert exchange.status == 503


@pytest.mark.parametrize(
    "parts", [[], [part(b"a", more=True)], [0.005, part(b"a", more=True), 0.005, part(b"b")] * 99]
)
async def test_a_body_that_comes_too_slowly_is_408(parts: list[Message | float]) -> None:
    drips = [part(b"x", more=True) if each == part(b"b") else each for each in parts]

    exchange = await Exchange().run(
        edge(reads, body_seconds=0.02), method="POST", headers=CHUNKED, parts=drips
    )

    assert (exchange.status, exchange.code) == (408, "request-timeout")
    assert exchange.headers[b"connection"] == b"close"


async def test_a_caller_who_goes_away_gets_no_answer_but_a_line_in_the_log() -> None:
    with capture_logs() as lines:
        exchange = await Exchange().run(
            edge(reads),
            method="POST",
            headers=CHUNKED,
            parts=[part(b"a", more=True), DISCONNECT],
        )

    assert exchange.sent == []
    assert [(line["event"], line["status"]) for line in lines] == [("request", 499)]


async def test_too_many_requests_at_once_are_turned_away() -> None:
    app = edge(hangs, at_once=2, waiting_max=0)
    busy = [asyncio.create_task(Exchange().run(app)) for _ in range(2)]
    await asyncio.sleep(0)

    exchange = await Exchange().run(app)

    assert (exchange.status, exchange.code) == (503, "unavailable")
    assert b"retry-after" in exchange.headers
    _cancel(busy)


async def test_whoever_waits_too_long_for_others_is_turned_away() -> None:
    app = edge(hangs, at_once=1, waiting_seconds=0.01)
    busy = [asyncio.create_task(Exchange().run(app))]
    await asyncio.sleep(0)

    exchange = await Exchange().run(app)

    assert (exchange.status, exchange.code) == (503, "unavailable")
    assert app.at_work == 1
    _cancel(busy)


async def test_waiting_for_others_is_a_part_of_the_time_for_the_answer() -> None:
    app = edge(hangs, at_once=0, waiting_seconds=60, answer_seconds=0.01)

    async with asyncio.timeout(5):
        exchange = await Exchange().run(app)

    assert exchange.status == 503
    assert app.at_work == 0


async def test_work_before_the_body_and_after_it_share_the_time_for_the_answer() -> None:
    async def works(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.06)
        await read(receive)
        await asyncio.sleep(0.06)
        await well(scope, receive, send)

    statuses = [
        (
            await Exchange().run(
                edge(works, answer_seconds=seconds), method="POST", parts=[0.2, part(b"")]
            )
        ).status
        for seconds in (0.1, 0.19)
    ]

    assert statuses == [503, 200]


class Finishing:
    """Requests are answered when they are told to, and tell in which order they were begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_end = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            await read(receive)
        self.begun.append(f"{scope['method']} {scope['path']}")
        await self.may_end.acquire()
        await well(scope, receive, send)


async def test_reads_go_before_writes_that_came_earlier() -> None:
    work = Finishing()
    app = edge(work, at_once=1)
    begun = [asyncio.create_task(Exchange().run(app))]
    await asyncio.sleep(0)
    for method in ("DELETE", "GET"):
        begun.append(asyncio.create_task(Exchange().run(app, method=method, path="/item")))
        await asyncio.sleep(0)

    for _ in range(3):
        work.may_end.release()
    exchanges = await asyncio.gather(*begun)

    assert [exchange.status for exchange in exchanges] == [200] * 3
    assert work.begun == ["GET /work", "GET /item", "DELETE /item"]
    assert app.at_work == 0


async def test_who_has_sent_the_body_slowly_waits_for_a_place_again() -> None:
    work = Finishing()
    app = edge(work, at_once=1)
    slow = asyncio.create_task(
        Exchange().run(app, method="POST", headers=CHUNKED, parts=[0.02, part(b"")])
    )
    await asyncio.sleep(0)
    quick = asyncio.create_task(Exchange().run(app))
    await asyncio.sleep(0.05)
    assert work.begun == ["GET /work"]

    work.may_end.release()
    work.may_end.release()

    assert [(await each).status for each in (slow, quick)] == [200, 200]
    assert work.begun == ["GET /work", "POST /work"]


@pytest.mark.parametrize(
    ("busy", "free"), [(("PUT", "/me"), ("GET", "/me")), (("GET", "/work"), ("PUT", "/me"))]
)
async def test_who_hashes_passwords_and_who_does_not_have_places_of_their_own(
    busy: tuple[str, str], free: tuple[str, str]
) -> None:
    work = Finishing()
    app = edge(work, at_once=1, passwords_at_once=1, waiting_max=0)
    first = asyncio.create_task(Exchange().run(app, method=busy[0], path=busy[1]))
    await asyncio.sleep(0)
    second = asyncio.create_task(Exchange().run(app, method=free[0], path=free[1]))
    await asyncio.sleep(0)

    assert work.begun == [" ".join(busy), " ".join(free)]
    assert (await Exchange().run(app, method=busy[0], path=busy[1])).status == 503
    _cancel([first, second])


async def test_a_caller_who_goes_away_while_waiting_waits_no_more() -> None:
    gone = asyncio.get_running_loop().create_future()
    app = edge(hangs, at_once=0, waiting_seconds=60)

    with capture_logs() as lines:
        waiting = asyncio.create_task(Exchange().run(app, more_scope={CALLER_GONE: gone}))
        await asyncio.sleep(0)
        gone.set_result(None)
        async with asyncio.timeout(5):
            exchange = await waiting

    assert exchange.sent == []
    assert [(line["event"], line["status"]) for line in lines] == [("request", 499)]
    assert app.at_work == 0


async def test_places_are_given_back() -> None:
    app = edge(well, at_once=1)

    exchanges = [await Exchange().run(app) for _ in range(3)]

    assert [exchange.status for exchange in exchanges] == [200] * 3
    assert app.at_work == 0


async def test_health_is_told_also_when_too_much_is_asked() -> None:
    async def hangs_at_work(scope: Scope, receive: Receive, send: Send) -> None:
        await (well if scope["path"] == "/health" else hangs)(scope, receive, send)

    app = edge(hangs_at_work, at_once=1, waiting_max=0)
    busy = [asyncio.create_task(Exchange().run(app))]
    await asyncio.sleep(0)

    assert (await Exchange().run(app)).status == 503
    assert (await Exchange().run(app, path="/health")).status == 200
    _cancel(busy)


async def test_who_sends_slowly_takes_no_place() -> None:
    app = edge(reads, at_once=1)
    slow = [
        asyncio.create_task(Exchange().run(app, method="POST", headers=CHUNKED)) for _ in range(5)
    ]
    await asyncio.sleep(0.01)

    assert app.at_work == 0
    assert (await Exchange().run(app, method="POST", parts=[part(b"")])).status == 200
    _cancel(slow)


@pytest.mark.parametrize(("length", "status"), [(16_300, 200), (16_400, 431)])
async def test_a_header_block_of_more_than_16_kib_is_431(length: int, status: int) -> None:
    exchange = await Exchange().run(edge(well), headers=[(b"x-padding", b"a" * length)])

    assert exchange.status == status
    assert exchange.headers.get(b"connection") is None


async def test_many_small_headers_count_as_well() -> None:
    exchange = await Exchange().run(edge(well), headers=[(b"a", b"b")] * 4000)

    assert (exchange.status, exchange.code) == (431, "headers-too-large")


@pytest.mark.parametrize("path", ["/work", "/health", "/nothing"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "DELETE", "FROB"])
async def test_a_body_announced_as_too_large_is_413_whatever_is_asked(
    method: str, path: str
) -> None:
    exchange = await Exchange().run(
        edge(well), method=method, path=path, headers=[(b"content-length", b"65537")]
    )

    assert exchange.status == 413
    assert exchange.headers[b"connection"] == b"close"


async def test_a_header_block_too_large_counts_before_a_body_too_large() -> None:
    headers = [(b"content-length", b"65537"), (b"x-padding", b"a" * 16_400)]

    exchange = await Exchange().run(edge(well), headers=headers)

    assert exchange.status == 431


@pytest.mark.parametrize(
    ("headers", "connection"),
    [
        ([], None),
        ([(b"content-length", b"0")], None),
        ([(b"content-length", b"65536")], None),
        ([(b"content-length", b"65537")], b"close"),
        ([(b"content-length", b"9" * 40)], b"close"),
        ([(b"content-length", b"nonsense")], b"close"),
        (CHUNKED, b"close"),
        ([(b"content-length", b"5"), (b"expect", b"100-continue")], b"close"),
    ],
)
async def test_a_connection_is_closed_rather_than_read_past_a_body_that_nobody_wanted(
    headers: list[tuple[bytes, bytes]], connection: bytes | None
) -> None:
    exchange = await Exchange().run(edge(well), method="POST", headers=headers)

    assert exchange.headers.get(b"connection") == connection


async def test_a_body_that_was_read_lets_the_connection_live() -> None:
    exchange = await Exchange().run(
        edge(reads), method="POST", headers=CHUNKED, parts=[part(b"x", more=True), part(b"")]
    )

    assert b"connection" not in exchange.headers


async def test_an_error_after_the_answer_has_begun_is_logged_and_answers_nothing_more() -> None:
    async def breaks(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    with capture_logs() as lines:
        exchange = await Exchange().run(edge(breaks))

    assert [message["type"] for message in exchange.sent] == ["http.response.start"]
    assert [line["event"] for line in lines] == ["request_failed", "request"]


@pytest.mark.parametrize("error", [RecursionError, MemoryError, UnicodeDecodeError, ExceptionGroup])
async def test_no_error_gets_past_the_last_resort(error: type[Exception]) -> None:
    arguments: dict[type[Exception], tuple[Any, ...]] = {
        UnicodeDecodeError: ("utf-8", b"", 0, 1, "x"),
        ExceptionGroup: ("x", [ValueError()]),
    }

    async def breaks(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error(*arguments.get(error, ()))

    with capture_logs():
        exchange = await Exchange().run(edge(breaks))

    assert (exchange.status, exchange.code) == (500, "internal-error")


async def test_what_is_unavailable_is_503_with_retry_after() -> None:
    async def is_away(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise Unavailable

    exchange = await Exchange().run(edge(is_away))

    assert (exchange.status, exchange.code) == (503, "unavailable")
    assert int(exchange.headers[b"retry-after"]) > 0


async def test_a_late_request_leaves_its_task_as_it_was() -> None:
    await Exchange().run(edge(hangs, answer_seconds=0.01))

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_server_that_cancels_a_request_is_obeyed() -> None:
    running = asyncio.create_task(Exchange().run(edge(hangs)))
    await asyncio.sleep(0)

    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_server_without_raw_paths_is_served_as_well() -> None:
    async def echoes(scope: Scope, receive: Receive, send: Send) -> None:
        await Answer(200, scope["path"].encode())(scope, receive, send)

    app = Edge(echoes, Routes([Route("/tags/{tag:str}", frozenset({"GET"}), "no-store")]), Limits())
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/tags/ä b", "headers": []}
    await app(scope, asyncio.Event().wait, send)  # type: ignore[arg-type]

    assert sent[1]["body"] == b"/tags/%C3%A4%20b"


async def test_websockets_are_turned_away() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await edge(well)({"type": "websocket"}, asyncio.Event().wait, send)  # type: ignore[arg-type]

    assert [message["type"] for message in sent] == ["websocket.close"]


def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def test_exactly_those_that_hash_a_password_wait_apart_from_the_others() -> None:
    hashing = {(route.template, method) for route in routes() for method in route.hashing}

    assert hashing == {
        (template, method)
        for template, handler in _handlers(_litestar())
        if "hasher" in getattr(_use_case(handler.opt), "__dataclass_fields__", ())
        for method in _methods(handler)
    }
    assert len(hashing) == 5


def _use_case(options: Any) -> type | None:
    return options["operation"].use_case if "operation" in options else None
