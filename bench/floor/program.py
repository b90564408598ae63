"""The program: parse, ask, answer."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import msgspec
from argon2 import PasswordHasher
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from bench.floor import statements
from bench.floor.answers import Count, Page, Row, Tokens, merged, paged, post
from bench.floor.tokens import Access, Tokenry
from bench.scenarios import KEY, PAGE_SIZE
from hashpost.domain import hashtag

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Connection = AsyncConnection[Row]

CONNECTIONS = 10
"""As many as the product has."""
_NO_END = 2**53
_HOLDS = 5
"""Seconds for which user and session need no other look."""


class NewPost(Struct):
    text: str


class LogIn(Struct):
    username: str
    password: str


class Floor:
    """The program."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._tokens = Tokenry(KEY)
        self._last_id = 0
        self._starts: dict[tuple[str, int], int] = {}
        self._encode = msgspec.json.Encoder().encode
        self._new_post = msgspec.json.Decoder(NewPost)
        self._log_in_body = msgspec.json.Decoder(LogIn)
        self._argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._hashing = ThreadPoolExecutor(2, initializer=lambda: os.nice(10))
        self._pool: AsyncConnectionPool[Connection]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = await _body(receive) if scope["method"] == "POST" else b""
        status, answer = await self._answered(scope, body)
        encoded = self._encode(answer)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(encoded)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": encoded})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = AsyncConnectionPool(
            self._url,
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            kwargs={"autocommit": True, "prepare_threshold": 0, "options": statements.SETTINGS},
            open=False,
        )
        async with self._pool:
            async with self._pool.connection() as connection:
                for statement in statements.PREPARE.split(";"):
                    if statement.strip():
                        await connection.execute(statement.encode())
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answered(self, scope: dict[str, Any], body: bytes) -> tuple[int, object]:
        if scope["path"] == "/api/token/":
            return await self._log_in(body)
        access = self._tokens.read(_bearer(scope))
        if access is None:
            return 401, None
        if body:
            return await self._create(access, body)
        if not await self._holds(access):
            return 401, None
        answer = await self._read(access, scope["path"], _page(scope))
        return (404 if answer is None else 200), answer

    async def _read(self, access: Access, path: str, page: int) -> object:
        match path.split("/")[2:-1]:
            case ["posts"]:
                return await self._all(path, page)
            case ["hashtags", name, "posts"]:
                return await self._of_hashtag(path, name, page)
            case ["users", user_id, "posts"]:
                rows = await self._rows(statements.OF_USER, (int(user_id), int(user_id), _NO_END))
                return paged(rows, path, 1)
            case ["popular_hashtags"]:
                return [Count(*row) for row in await self._rows(statements.POPULAR, ())]
            case ["favorite_hashtags", "posts"]:
                rows = await self._rows(statements.OF_FAVORITES, (access.user_id, access.user_id))
                return merged(rows, path)
        return None

    async def _holds(self, access: Access) -> bool:
        if time.monotonic() - access.looked_at < _HOLDS:
            return True
        rows = await self._rows(
            statements.HOLDS_STILL, (access.user_id, access.generation, access.session_id)
        )
        access.looked_at = time.monotonic()
        return bool(rows)

    async def _all(self, path: str, page: int) -> Page:
        start = await self._start("", page, statements.NTH_OF_ALL, ())
        return paged(await self._rows(statements.ALL, (start,)), path, page)

    async def _of_hashtag(self, path: str, name: str, page: int) -> Page:
        start = await self._start(name, page, statements.NTH_OF_HASHTAG, (name,))
        return paged(await self._rows(statements.OF_HASHTAG, (name, name, start)), path, page)

    async def _start(self, name: str, page: int, statement: str, values: Row) -> int:
        """The id below which a page begins, where it began when it was first asked for."""
        if page == 1:
            return _NO_END
        start = self._starts.get((name, page))
        if start is None:
            ((last,),) = await self._rows(statement, (*values, (page - 1) * PAGE_SIZE - 1))
            start = self._starts[name, page] = last
        return start

    async def _create(self, access: Access, body: bytes) -> tuple[int, object]:
        text = self._new_post.decode(body).text
        names = list(hashtag.names(text))
        post_id = self._next_id()
        async with self._pool.connection() as connection:
            await connection.execute("BEGIN")
            held = await connection.execute(
                statements.HOLDS_FOR_WRITE, (access.user_id, access.generation, access.session_id)
            )
            user = await held.fetchone()
            if user is None:
                await connection.execute("ROLLBACK")
                return 401, None
            await connection.execute(
                statements.CREATE, (post_id, access.user_id, text, " ".join(names), sorted(names))
            )
            await connection.execute("COMMIT")
        row = (post_id, access.user_id, user[0], text, " ".join(names), None)
        return 201, post(row)

    async def _log_in(self, body: bytes) -> tuple[int, object]:
        asked = self._log_in_body.decode(body)
        ((user_id, _, password_hash, generation),) = await self._rows(
            statements.LOG_IN, (asked.username,)
        )
        await asyncio.get_running_loop().run_in_executor(
            self._hashing, self._argon2.verify, password_hash, asked.password
        )
        refresh, session_id = token_urlsafe(32), self._next_id()
        now = session_id >> 11
        current = sha256(refresh.encode()).digest()
        async with self._pool.connection() as connection:
            await connection.execute("BEGIN")
            await connection.execute(
                statements.BEGIN_SESSION,
                (session_id, user_id, current, now + 2_592_000_000, generation),
            )
            await connection.execute("COMMIT")
        access = self._tokens.issue(Access(user_id, generation, session_id, now / 1000 + 900))
        return 200, Tokens(access, refresh, "Bearer", 900)

    def _next_id(self) -> int:
        self._last_id = max(self._last_id + 1, time.time_ns() // 1_000_000 << 11)
        return self._last_id

    async def _rows(self, statement: str, values: Row) -> list[Row]:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(statement.encode(), values)
            return await cursor.fetchall()


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


def _bearer(scope: dict[str, Any]) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value[7:])
    return b""


def _page(scope: dict[str, Any]) -> int:
    query: bytes = scope["query_string"]
    return int(query[5:]) if query.startswith(b"page=") else 1
