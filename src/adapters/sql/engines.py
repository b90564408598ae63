"""What is asked of the connections to each database, and how many there are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from hashpost.adapters.sql.address import Address
from hashpost.adapters.sql.compiled import Compiler
from hashpost.adapters.sql.pool import Pool

Isolation = Literal["read committed", "repeatable read"]

SQLITE_READERS = 4
"""Connections, and threads, that read one SQLite file at a time."""

_SQLITE_READER_WAITS_MS = 1000
"""For what seldom makes a reader wait: recovery after a crash, a change of the schema."""
_SQLITE_WRITER_WAITS_MS = 0
"""It has its own way to wait for another process that writes, and need wait for nothing else."""

WRITING = int.from_bytes(b"writing!", "big", signed=True)
"""The lock on PostgreSQL that every transaction shares, so that it can be seen (`rollups`)."""

_CONNECTED_WITHIN = 2
"""Seconds; the shortest that libpq takes."""


@dataclass(frozen=True, slots=True)
class Engines:
    """The connections to one database: those that read, those that write.

    `begin` gives the statements that begin a transaction, of that isolation and, if it is not the
    usual one, that patience in seconds. `driver_error` is the root of what the driver raises.
    """

    compile: Compiler
    reading: Pool
    writing: Pool
    begin: Callable[[Isolation, float | None], tuple[str, ...]]
    driver_error: type[Exception]

    async def close(self) -> None:
        """Close all connections."""
        await self.writing.close()
        if self.reading is not self.writing:
            await self.reading.close()


def open_engines(
    address: Address, *, patience: float, connections: int, prepare_threshold: int | None
) -> Engines:
    """The engines for the database of that address; nothing is connected yet."""
    if address.is_sqlite:
        return _sqlite(address)
    return _postgres(
        address, patience=patience, connections=connections, prepare_threshold=prepare_threshold
    )


def _sqlite(address: Address) -> Engines:
    import sqlite3

    from hashpost.adapters.sql.sqlite import SqliteConnection

    (path,), options = address.driver_arguments
    connection = partial(SqliteConnection.made, path, options)
    # One connection to write with: those who want to write queue up here, in order, where waiting
    # is fair and costs nothing; in SQLite they would poll for the lock.
    writing = Pool(partial(connection, waits_ms=_SQLITE_WRITER_WAITS_MS), size=1)
    reading = Pool(partial(connection, waits_ms=_SQLITE_READER_WAITS_MS), size=SQLITE_READERS)
    return Engines(
        Compiler("sqlite"),
        reading,
        writing,
        begin=_begin_alone,
        driver_error=sqlite3.Error,
    )


def _begin_alone(_: Isolation, __: float | None) -> tuple[str, ...]:
    # IMMEDIATE takes the lock before anything is read. A deferred transaction takes it at its first
    # write, and if somebody wrote in between it can only fail, in spite of any timeout. Whoever has
    # the lock sees one moment, whatever the isolation.
    return ("BEGIN IMMEDIATE",)


def _postgres(
    address: Address, *, patience: float, connections: int, prepare_threshold: int | None
) -> Engines:
    import psycopg

    from hashpost.adapters.sql.postgres import PostgresConnection

    options = {}
    if prepare_threshold is not None:
        options = {
            **_limits(patience),
            # Each statement is written for one plan, and is planned once; with an OFFSET in it the
            # planner would plan each execution anew, three times the work (84 and 31 us).
            "plan_cache_mode": "force_generic_plan",
            # What that one plan must not be: fit for the few posts of most users, and fetch all of
            # them to sort them, which is no way to find the newest of somebody with a million.
            "enable_bitmapscan": "off",
            # Tables are in memory, or on disks that seek for nothing. By default the planner reads
            # all of a few hundred users for the name of each owner on a page (385 and 155 us).
            "random_page_cost": "1.1",
            # Both are for long queries. Misled by an estimate, the planner starts them for short
            # ones (15 ms in the place of 0.2).
            "max_parallel_workers_per_gather": "0",
            "jit": "off",
        }

    @cache
    def begin(isolation: Isolation, other_patience: float | None) -> tuple[str, ...]:
        limits = {}
        if prepare_threshold is None:
            # There is a pooler in between, and pgbouncer refuses settings at the start of a
            # connection unless it is told to ignore them. So each transaction brings its own.
            # Readings go without: `ALTER ROLE … SET` can give them what is above.
            limits = _limits(patience)
        if other_patience is not None:
            # Not for being idle: whoever has more to do is stopped no less often in between.
            limits["statement_timeout"] = _limits(other_patience)["statement_timeout"]
        settings = (f"SET LOCAL {name} = {value}" for name, value in limits.items())
        begun = f"BEGIN ISOLATION LEVEL {isolation.upper()}"
        return (begun, *settings, f"SELECT pg_advisory_xact_lock_shared({WRITING})")

    _, arguments = address.driver_arguments
    own = arguments.pop("options", ())
    settings = [f"-c {name}={value}" for name, value in options.items()]
    settings += [own] if isinstance(own, str) else own  # the later setting wins
    connection = partial(
        PostgresConnection.made,
        {
            "connect_timeout": _CONNECTED_WITHIN,
            **arguments,
            **({"options": " ".join(settings)} if settings else {}),
        },
        prepare_threshold=prepare_threshold,
    )
    pool = Pool(connection, size=connections)
    return Engines(Compiler("postgresql"), pool, pool, begin=begin, driver_error=psycopg.Error)


def _limits(patience: float) -> dict[str, str]:
    return {
        # Ends statements, and their waits for locks, before we do: then the connection can stay.
        "statement_timeout": f"{int(patience * 900)}",
        # Ends the transaction of a process that was stopped, and frees its locks.
        "idle_in_transaction_session_timeout": f"{int(patience * 4000)}",
    }
