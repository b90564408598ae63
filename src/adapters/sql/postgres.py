"""Connections to PostgreSQL, in autocommit mode: what begins a transaction says so.

Of psycopg this uses what lies below its cursors: libpq, and the adaptation of values. That takes a
third of the time, and a transaction begins on the trip of its first statement (docs/adr/0014).
"""

import asyncio
import os
import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Self

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, send
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg.waiting import READY_RW, WAIT_W

from hashpost.adapters.sql.compiled import Arguments, Compiled, Rows
from hashpost.adapters.sql.constraints import meaning_of
from hashpost.domain.errors import HashpostError, Unavailable

_STATEMENTS_MAX = 200
"""Statements that a connection may know; of each, once prepared, the server keeps a plan."""

_OF_THIS_CONNECTION = frozenset(["25006", "26000"])
"""What PostgreSQL says (its manual, appendix A) where another connection may do better: the server
only reads by now, as one that was replaced; or it has forgotten a statement that was prepared."""

_Command = tuple[str, Arguments]
_NOTHING: Arguments = []

_BETWEEN_STATEMENTS = frozenset([TransactionStatus.INTRANS, TransactionStatus.INERROR])
_IDLE = TransactionStatus.IDLE
_BINARY = Format.BINARY
_ROWS = ExecStatus.TUPLES_OK
_FAILED = ExecStatus.FATAL_ERROR
_END = ExecStatus.PIPELINE_SYNC


@dataclass(slots=True)
class _Statement:
    """What a connection knows of a statement with parameters of certain types."""

    sql: bytes
    types: tuple[int, ...]
    runs: int = 0
    name: bytes | None = None  # once it is prepared


class PostgresConnection:
    """A connection to a server; see `Connection`."""

    def __init__(
        self, connection: psycopg.AsyncConnection[Any], *, prepare_threshold: int | None
    ) -> None:
        self._connection = connection
        self._libpq = connection.pgconn
        self._prepare_threshold = prepare_threshold
        self._statements: dict[tuple[str, tuple[int, ...]], _Statement] = {}
        self._names = count()
        # One type for all integers, and not for each value the shortest that holds it, or a
        # statement would have several plans. In words within arrays, else in binary.
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        self._values = Transformer(connection)
        # A descriptor of our own, to be watched all the time: libpq closes its own as soon as it
        # finds that the server has hung up.
        self._socket = socket.socket(fileno=os.dup(self._libpq.socket))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._loop = asyncio.get_running_loop()
        self._is_watched = False
        self._is_spent = False
        self._ready: asyncio.Future[None] | None = None
        self.is_cut = False

    @classmethod
    async def made(cls, options: dict[str, Any], *, prepare_threshold: int | None) -> Self:
        """A new connection, with these options of libpq's.

        Raises:
            Unavailable: the server is away, or does not let us in.
        """
        try:
            connection = await psycopg.AsyncConnection.connect(**options, autocommit=True)
        except psycopg.OperationalError as error:
            raise Unavailable from error
        return cls(connection, prepare_threshold=prepare_threshold)

    @property
    def is_sound(self) -> bool:
        """Whether the server has not hung up, and knows neither too much nor what is wrong by now.

        A server that goes away closes its connections, and an idle one has nothing else to say: it
        is enough to look whether there is something to read. To ask would be one more trip.
        """
        if self._is_spent or len(self._statements) > _STATEMENTS_MAX:
            return False
        return not self._poll.poll(0)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on: no statement, no transaction."""
        return not self.is_cut and self._libpq.transaction_status == _IDLE

    async def run(
        self, statement: Compiled, executions: Sequence[Arguments], *, begin: Sequence[str] = ()
    ) -> Rows:
        """All rows of all executions, on one trip with what begins the transaction."""
        commands = [(words, _NOTHING) for words in begin]
        commands += [(statement.sql, arguments) for arguments in executions]
        results = await self._trip(commands)
        return statement.meant(self._rows(results[len(begin) :]))

    async def commit(self) -> None:
        """Commit the transaction."""
        await self._trip([("COMMIT", _NOTHING)])

    async def roll_back(self) -> bool:
        """Roll back a transaction; what waits for an answer cannot be had back."""
        if not self.is_cut and self._libpq.transaction_status in _BETWEEN_STATEMENTS:
            with suppress(Unavailable):
                await self._trip([("ROLLBACK", _NOTHING)])
        return self.is_idle

    def cut(self) -> None:
        """Close the socket in both directions: whoever waits for it finds the connection lost.

        The server is not asked to cancel anything: it may be the reason, and not answer.
        """
        self.is_cut = True
        with suppress(OSError):  # it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """Close it; the server rolls back what was going on."""
        self._stop_watching()
        self._socket.close()
        self._libpq.finish()

    # A trip to the server

    async def _trip(self, commands: Sequence[_Command]) -> list[PGresult]:
        """Send all the commands, and bring the result of each."""
        try:
            return await self._done(self._exchange(commands))
        except psycopg.Error as error:
            meaning = _meaning(error)
            # What nobody expects may be its fault, too: a plan for tables that have changed since.
            self._is_spent |= meaning is None or error.sqlstate in _OF_THIS_CONNECTION
            if meaning is None:
                raise
            raise meaning from error

    def _exchange(self, commands: Sequence[_Command]) -> PQGen[list[PGresult]]:
        sends: list[Callable[[], None]] = []
        # All values before the first command: what cannot be sent must leave nothing behind.
        for sql, arguments in commands:
            values = self._values.dump_sequence(arguments, [PyFormat.AUTO] * len(arguments))
            types, formats = self._values.types or (), self._values.formats
            statement = self._statements.get((sql, types))
            if statement is None:
                statement = self._statements[sql, types] = _Statement(sql.encode(), types)
            if self._is_worth_preparing(statement):
                yield from self._prepare(statement)
            sends.append(self._sending(statement, values, formats))
        return (yield from self._sent(sends))

    def _is_worth_preparing(self, statement: _Statement) -> bool:
        statement.runs += 1
        threshold = self._prepare_threshold
        return threshold is not None and statement.name is None and statement.runs > threshold

    def _prepare(self, statement: _Statement) -> PQGen[None]:
        # On a trip of its own, once: a transaction that fails on this one takes no plan with it.
        name = f"s{next(self._names)}".encode()
        prepare = partial(self._libpq.send_prepare, name, statement.sql, statement.types)
        yield from self._sent([prepare])
        statement.name = name

    def _sending(self, statement: _Statement, values: Any, formats: Any) -> Callable[[], None]:
        if statement.name is not None:
            send = self._libpq.send_query_prepared
            return partial(send, statement.name, values, formats, _BINARY)
        return partial(
            self._libpq.send_query_params, statement.sql, values, statement.types, formats, _BINARY
        )

    def _sent(self, sends: Sequence[Callable[[], None]]) -> PQGen[list[PGresult]]:
        if len(sends) > 1:
            results = yield from self._pipeline(sends)
        else:
            sends[0]()
            yield from send(self._libpq)
            results = yield from fetch_many(self._libpq)
        for result in results:
            if result.status == _FAILED:
                raise error_from_result(result, self._values.encoding)
        if len(results) < len(sends):
            raise psycopg.OperationalError("the server has hung up")
        return results

    def _pipeline(self, sends: Sequence[Callable[[], None]]) -> PQGen[list[PGresult]]:
        libpq = self._libpq
        libpq.enter_pipeline_mode()
        for send_one in sends:
            send_one()
        libpq.pipeline_sync()
        yield from send(libpq)
        results: list[PGresult] = []
        while found := (yield from fetch_many(libpq)):
            if found[0].status == _END:
                libpq.exit_pipeline_mode()
                break
            results += found
        return results

    def _rows(self, results: Sequence[PGresult]) -> Rows:
        rows: list[tuple[Any, ...]] = []
        for result in results:
            if result.status == _ROWS:
                self._values.set_pgresult(result)
                rows += self._values.load_rows(0, result.ntuples, tuple)
        return rows

    # The socket

    async def _done(self, work: PQGen[list[PGresult]]) -> list[PGresult]:
        """Wait for the socket as often as the work says."""
        try:
            wanted = next(work)
            while True:
                await self._socket_is_ready(wanted)
                wanted = work.send(READY_RW)
        except StopIteration as end:
            results: list[PGresult] = end.value
            return results
        except asyncio.CancelledError:
            self.cut()
            raise

    async def _socket_is_ready(self, wanted: int) -> None:
        self._ready = self._loop.create_future()
        if not self._is_watched:
            self._loop.add_reader(self._socket, self._has_something_to_read)
            self._is_watched = True
        if wanted & WAIT_W:
            self._loop.add_writer(self._socket, self._wake)
        try:
            await self._ready
        finally:
            self._ready = None
            if wanted & WAIT_W:
                self._loop.remove_writer(self._socket)

    def _has_something_to_read(self) -> None:
        if self._ready is None:
            self._stop_watching()  # it has hung up, or said what nobody asked
        else:
            self._wake()

    def _wake(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    def _stop_watching(self) -> None:
        if self._is_watched:
            self._loop.remove_reader(self._socket)
            self._is_watched = False


def _meaning(error: psycopg.Error) -> HashpostError | None:
    if isinstance(error, psycopg.IntegrityError):
        return meaning_of(error)
    is_away = isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return Unavailable() if is_away or error.sqlstate in _OF_THIS_CONNECTION else None
