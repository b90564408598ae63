"""The floor: how little a server can do that answers the same requests from the same tables.

A bare ASGI program on uvicorn: no framework, psycopg and msgspec only, one hand-written statement a
route, and the same check of the token: its signature once (then it is remembered), user and session
every five seconds. What it leaves out is what makes a product: it checks nothing else of a request,
and it is not exact. Counts and the ranking are those of its start, in a table of its own; a page by
number begins where it began when it was first asked for. So it can tell what the best of all
programs would cost, and be trusted with nothing.

    python -m bench.floor postgresql://postgres@127.0.0.1:5432/bench
"""

import argparse
import asyncio
import hmac
import os
import socket
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

import jwt
import msgspec
import uvicorn
from argon2 import PasswordHasher
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from bench.scenarios import KEY, PAGE_SIZE
from hashpost.domain import hashtag

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Row = Sequence[Any]
Connection = AsyncConnection[Row]

CONNECTIONS = 10
"""As many as the product has."""
_NO_END = 2**53
_REMEMBERED = 10_000
_HOLDS = 5
"""Seconds for which user and session need no other look."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_SETTINGS = (
    "-c plan_cache_mode=force_generic_plan -c max_parallel_workers_per_gather=0 -c jit=off"
    " -c enable_bitmapscan=off"
)

# Its own table: the row without a name counts all posts.
_PREPARE = """
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.counts AS
    SELECT name, count(*) AS count FROM post_hashtags GROUP BY name
    UNION ALL SELECT '', count(*) FROM posts WHERE deleted_at IS NULL;
ALTER TABLE floor.counts ADD PRIMARY KEY (name);
CREATE INDEX ON floor.counts (count DESC, name);
ANALYZE floor.counts;
"""

_HOLDS_STILL = """
SELECT u.username FROM users u JOIN sessions s ON s.user_id = u.id
WHERE u.id = %s AND u.generation = %s AND u.deleted_at IS NULL
  AND s.id = %s AND s.revoked_at IS NULL
"""
_HOLDS_FOR_WRITE = _HOLDS_STILL + " FOR KEY SHARE OF u"

_POST = """p.id, p.owner_id, (SELECT username FROM users WHERE users.id = p.owner_id),
p.text, p.tags, p.edited_at"""
_ALL = f"""
SELECT (SELECT count FROM floor.counts WHERE name = ''), {_POST} FROM posts p
WHERE p.deleted_at IS NULL AND p.id < %s ORDER BY p.id DESC LIMIT {PAGE_SIZE + 1}
"""
_OF_HASHTAG = f"""
SELECT (SELECT count FROM floor.counts WHERE name = %s), {_POST} FROM
    (SELECT post_id FROM post_hashtags WHERE name = %s AND post_id < %s
     ORDER BY post_id DESC LIMIT {PAGE_SIZE + 1}) h
JOIN posts p ON p.id = h.post_id ORDER BY p.id DESC
"""
_OF_USER = f"""
SELECT (SELECT count(*) FROM posts WHERE owner_id = %s AND deleted_at IS NULL), {_POST}
FROM posts p WHERE p.owner_id = %s AND p.deleted_at IS NULL AND p.id < %s
ORDER BY p.id DESC LIMIT {PAGE_SIZE + 1}
"""
_OF_FAVORITES = f"""
SELECT (SELECT string_agg(name, ' ') FROM favorites WHERE user_id = %s), {_POST} FROM
    (SELECT DISTINCT post_id FROM favorites f CROSS JOIN LATERAL
        (SELECT post_id FROM post_hashtags WHERE name = f.name
         ORDER BY post_id DESC LIMIT {PAGE_SIZE + 1}) newest
     WHERE user_id = %s ORDER BY post_id DESC LIMIT {PAGE_SIZE + 1}) h
JOIN posts p ON p.id = h.post_id ORDER BY p.id DESC
"""
_POPULAR = "SELECT name, count FROM floor.counts WHERE name > '' ORDER BY count DESC, name LIMIT 5"
_NTH_OF_ALL = "SELECT id FROM posts WHERE deleted_at IS NULL ORDER BY id DESC OFFSET %s LIMIT 1"
_NTH_OF_HASHTAG = (
    "SELECT post_id FROM post_hashtags WHERE name = %s ORDER BY post_id DESC OFFSET %s LIMIT 1"
)
_CREATE = """
WITH post AS (
    INSERT INTO posts (id, owner_id, text, tags) VALUES (%s, %s, %s, %s) RETURNING id
)
INSERT INTO post_hashtags (name, post_id) SELECT name, id FROM post, unnest(%s::text[]) AS name
"""
_LOG_IN = "SELECT id, username, password_hash, generation FROM users WHERE username_key = %s"
_BEGIN_SESSION = """
WITH session AS (
    INSERT INTO sessions (id, user_id, current, expires_at, generation)
    VALUES (%s, %s, %s, %s, %s) RETURNING id, current
)
INSERT INTO session_tokens (token_hash, session_id) SELECT current, id FROM session
"""


def main() -> None:
    """Serve that database on a free port, which is printed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="postgresql://USER@HOST:PORT/NAME")
    floor = Floor(parser.parse_args().url)
    config = uvicorn.Config(
        floor,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    line = socket.create_server(("127.0.0.1", 0))
    print(f"the floor is on http://127.0.0.1:{line.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[line])


class Tag(Struct):
    name: str


class Owner(Struct):
    id: int
    username: str


class Post(Struct):
    id_post: int
    text: str
    owner: Owner
    created_at: str
    edited_at: str | None
    tags: list[Tag]


class MatchedPost(Post):
    matched_tags: list[Tag]


class Page(Struct):
    count: int | None
    page: int
    page_size: int
    has_next: bool
    has_previous: bool
    next: str | None
    previous: str | None
    next_cursor: str | None
    result: Sequence[Post]


class Count(Struct):
    name: str
    count: int


class Tokens(Struct):
    access: str
    refresh: str
    token_type: str
    expires_in: int


class NewPost(Struct):
    text: str


class LogIn(Struct):
    username: str
    password: str


class Access(Struct):
    """What a token says, and when it was found to hold."""

    user_id: int
    generation: int
    session_id: int
    expires_at: float
    looked_at: float = 0


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
            kwargs={"autocommit": True, "prepare_threshold": 0, "options": _SETTINGS},
            open=False,
        )
        async with self._pool:
            async with self._pool.connection() as connection:
                for statement in _PREPARE.split(";"):
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
                rows = await self._rows(_OF_USER, (int(user_id), int(user_id), _NO_END))
                return _paged(rows, path, 1)
            case ["popular_hashtags"]:
                return [Count(*row) for row in await self._rows(_POPULAR, ())]
            case ["favorite_hashtags", "posts"]:
                rows = await self._rows(_OF_FAVORITES, (access.user_id, access.user_id))
                return _merged(rows, path)
        return None

    async def _holds(self, access: Access) -> bool:
        if time.monotonic() - access.looked_at < _HOLDS:
            return True
        rows = await self._rows(
            _HOLDS_STILL, (access.user_id, access.generation, access.session_id)
        )
        access.looked_at = time.monotonic()
        return bool(rows)

    async def _all(self, path: str, page: int) -> Page:
        start = await self._start("", page, _NTH_OF_ALL, ())
        return _paged(await self._rows(_ALL, (start,)), path, page)

    async def _of_hashtag(self, path: str, name: str, page: int) -> Page:
        start = await self._start(name, page, _NTH_OF_HASHTAG, (name,))
        return _paged(await self._rows(_OF_HASHTAG, (name, name, start)), path, page)

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
                _HOLDS_FOR_WRITE, (access.user_id, access.generation, access.session_id)
            )
            user = await held.fetchone()
            if user is None:
                await connection.execute("ROLLBACK")
                return 401, None
            await connection.execute(
                _CREATE, (post_id, access.user_id, text, " ".join(names), sorted(names))
            )
            await connection.execute("COMMIT")
        row = (post_id, access.user_id, user[0], text, " ".join(names), None)
        return 201, Post(*_values(row))

    async def _log_in(self, body: bytes) -> tuple[int, object]:
        asked = self._log_in_body.decode(body)
        ((user_id, _, password_hash, generation),) = await self._rows(_LOG_IN, (asked.username,))
        await asyncio.get_running_loop().run_in_executor(
            self._hashing, self._argon2.verify, password_hash, asked.password
        )
        refresh, session_id = token_urlsafe(32), self._next_id()
        now = session_id >> 11
        current = sha256(refresh.encode()).digest()
        async with self._pool.connection() as connection:
            await connection.execute("BEGIN")
            await connection.execute(
                _BEGIN_SESSION, (session_id, user_id, current, now + 2_592_000_000, generation)
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


class Tokenry:
    """Signs access tokens as the product does; of those it has verified it verifies none twice."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"hashpost access token\x01", "sha256")
        self._verified: OrderedDict[bytes, Access] = OrderedDict()

    def read(self, token: bytes) -> Access | None:
        """What the token says, if it is ours and has not expired."""
        access = self._verified.get(token)
        if access is None:
            try:
                claims = jwt.decode(
                    token, self._key, ["HS256"], audience="hashpost", issuer="hashpost"
                )
            except jwt.PyJWTError:
                return None
            access = Access(int(claims["sub"]), claims["gen"], int(claims["sid"]), claims["exp"])
            self._verified[token] = access
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return access if time.time() < access.expires_at else None

    def issue(self, access: Access) -> str:
        """A signed token."""
        claims = {
            "iss": "hashpost",
            "aud": "hashpost",
            "sub": str(access.user_id),
            "iat": int(access.expires_at) - 900,
            "exp": access.expires_at,
            "jti": token_urlsafe(12),
            "typ": "access",
            "gen": access.generation,
            "sid": str(access.session_id),
        }
        return jwt.encode(claims, self._key, "HS256")


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


def _paged(rows: Sequence[Row], path: str, page: int) -> Page:
    count = rows[0][0] if rows else 0
    has_next = len(rows) > PAGE_SIZE
    return Page(
        count=count,
        page=page,
        page_size=PAGE_SIZE,
        has_next=has_next,
        has_previous=page > 1,
        next=f"{path}?page={page + 1}&page_size={PAGE_SIZE}" if has_next else None,
        previous=f"{path}?page={page - 1}&page_size={PAGE_SIZE}" if page > 1 else None,
        next_cursor=f"{rows[PAGE_SIZE - 1][1]:x}" if has_next else None,
        result=[Post(*_values(row[1:])) for row in rows[:PAGE_SIZE]],
    )


def _merged(rows: Sequence[Row], path: str) -> Page:
    page = _paged(rows, path, 1)
    page.count = None
    favorites = frozenset(rows[0][0].split()) if rows else frozenset()
    page.result = [
        MatchedPost(*values, [tag for tag in values[-1] if tag.name in favorites])
        for values in (_values(row[1:]) for row in rows[:PAGE_SIZE])
    ]
    return page


_Values = tuple[int, str, Owner, str, str | None, list[Tag]]


def _values(row: Row) -> _Values:
    post_id, owner_id, username, text, tags, edited_at = row
    return (
        post_id,
        text,
        Owner(owner_id, username),
        _timestamp(post_id >> 11),
        None if edited_at is None else _timestamp(edited_at),
        [Tag(name) for name in tags.split()],
    )


def _timestamp(milliseconds: int) -> str:
    at = _EPOCH + milliseconds * _MILLISECOND
    return at.isoformat(timespec="milliseconds")[:23] + "Z"


if __name__ == "__main__":
    main()
