"""How connections are made on each database, and what is asked of every one of them.

On both, connections are in autocommit mode: a reading is a statement without a transaction around
it, and a transaction is begun and ended in so many words (`transaction`).
"""

import os
import select
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiosqlite
import psycopg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from hashpost.adapters.sql.address import Address
from hashpost.domain.errors import Unavailable

SQLITE_READERS = 4
"""Connections, and threads, that read one SQLite file at a time."""

_SQLITE_READER_WAITS_MS = 1000
"""For what seldom makes a reader wait: recovery after a crash, a change of the schema."""
_SQLITE_WRITER_WAITS_MS = 50
"""Short, because the wait for another process that writes goes on outside of the thread."""

WRITING = int.from_bytes(b"writing!", "big", signed=True)
"""The lock on PostgreSQL that every transaction shares, so that it can be seen (`rollups`)."""

_CONNECTED_WITHIN = 2
"""Seconds; the shortest that libpq takes."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The connections to one database: those that read, those that write.

    `begin` begins a transaction. `cut` ends what the driver's connection is waiting for, at once
    and whatever the server does.
    """

    reading: AsyncEngine
    writing: AsyncEngine
    begin: str
    cut: Callable[[Any], Awaitable[None]]

    async def dispose(self) -> None:
        """Close all connections."""
        await self.writing.dispose()
        if self.reading is not self.writing:
            await self.reading.dispose()


def open_engines(
    address: Address, *, patience: float, connections: int, prepare_threshold: int | None
) -> Engines:
    """The engines for the database of that address; nothing is connected yet."""
    if address.is_sqlite:
        return _sqlite(address, patience=patience)
    return _postgres(
        address, patience=patience, connections=connections, prepare_threshold=prepare_threshold
    )


# SQLite


def _sqlite(address: Address, *, patience: float) -> Engines:
    # One connection to write with: those who want to write queue up here, in order, where waiting
    # is fair and costs nothing; in SQLite they would poll for the lock.
    writing = _sqlite_engine(
        address, patience=patience, connections=1, waits_ms=_SQLITE_WRITER_WAITS_MS
    )
    reading = _sqlite_engine(
        address, patience=patience, connections=SQLITE_READERS, waits_ms=_SQLITE_READER_WAITS_MS
    )
    # IMMEDIATE takes the lock before anything is read. A deferred transaction takes it at its first
    # write, and if somebody wrote in between it can only fail, in spite of any timeout.
    return Engines(reading, writing, begin="BEGIN IMMEDIATE", cut=_interrupt)


def _sqlite_engine(
    address: Address, *, patience: float, connections: int, waits_ms: int
) -> AsyncEngine:
    engine = create_async_engine(
        address.asynchronous,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        pool_reset_on_return=None,
        connect_args={"timeout": waits_ms / 1000},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _: ConnectionPoolEntry) -> None:
        # In a write-ahead log NORMAL may lose what was committed, at a loss of power.
        connection.execute("PRAGMA synchronous = FULL").close()

    return engine


async def _interrupt(connection: aiosqlite.Connection) -> None:
    with suppress(ValueError):  # it is closed already
        await connection.interrupt()


def is_busy(error: Unavailable) -> bool:
    """Whether it is because somebody else holds the lock of a SQLite file."""
    cause = error.__cause__
    orig = cause.orig if isinstance(cause, DBAPIError) else None
    code = getattr(orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


# PostgreSQL


def _postgres(
    address: Address, *, patience: float, connections: int, prepare_threshold: int | None
) -> Engines:
    # Ends statements, and their waits for locks, before we do: then the connection can stay.
    limits = {"statement_timeout": f"{int(patience * 900)}"}
    begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
    begin += (
        f"; SELECT pg_advisory_xact_lock_shared({int.from_bytes(b'writing!', 'big', signed=True)})"
    )
    options = {}
    if prepare_threshold is None:
        # There is a pooler in between, and pgbouncer refuses settings at the start of a connection
        # unless it is told to ignore them. So each transaction brings its own, on the same trip.
        # Readings go without: `ALTER ROLE … SET` can give them what is below.
        begin += "".join(f"; SET LOCAL {name} = {value}" for name, value in limits.items())
    else:
        options = {
            **limits,
            # Ends the transaction of a process that was stopped, and frees its locks.
            "idle_in_transaction_session_timeout": f"{int(patience * 4000)}",
            # Each statement is written for one plan, and is planned once; with an OFFSET in it the
            # planner would plan each execution anew, three times the work (84 and 31 us).
            "plan_cache_mode": "force_generic_plan",
            # What that one plan must not be: fit for the few posts of most users, and fetch all of
            # them to sort them, which is no way to find the newest of somebody with a million.
            "enable_bitmapscan": "off",
            # Both are for long queries. Misled by an estimate, the planner starts them for short
            # ones (15 ms in the place of 0.2).
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
        }
    settings = [f"-c {name}={value}" for name, value in options.items()]
    own = address.asynchronous.query.get("options", ())
    settings += [own] if isinstance(own, str) else own  # the later setting wins
    engine = create_async_engine(
        address.asynchronous.difference_update_query(["options"]),
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        use_native_hstore=False,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        pool_reset_on_return=None,
        pool_use_lifo=True,  # few connections, busy ones, in quiet times
        connect_args={
            "connect_timeout": _CONNECTED_WITHIN,
            "prepare_threshold": prepare_threshold,
            **({"options": " ".join(settings)} if settings else {}),
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_if_hung_up)
    return Engines(engine, engine, begin=begin, cut=_shut_down)


def _refuse_if_hung_up(connection: Any, _: ConnectionPoolEntry, __: object) -> None:
    """Let the pool make another connection when the server has closed this one.

    A server that goes away closes its connections, and an idle one has nothing else to say: it is
    enough to look whether there is something to read. The pool's own `pre_ping` asks the server
    each time, a round trip for every reading.
    """
    poll = select.poll()
    poll.register(connection.driver_connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


async def _shut_down(connection: psycopg.AsyncConnection[Any]) -> None:
    """Close the socket in both directions: whoever waits for it finds the connection lost."""
    with (
        suppress(OSError, psycopg.Error),  # it is closed already
        socket.socket(fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)
