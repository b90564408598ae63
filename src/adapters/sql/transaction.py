"""How statements are run: in a transaction, or one by one.

The one place that knows connections, time limits and the errors of drivers. A repository has a
`Run` and knows nothing else of all this.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol, TypeVar

from sqlalchemy import Executable
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hashpost.adapters.sql.constraints import meaning_of
from hashpost.adapters.sql.engines import Engines, is_busy
from hashpost.domain.errors import Unavailable

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""The values of one execution, or of several: an INSERT of many rows becomes few statements."""

Rows = Sequence[Sequence[Any]]

T = TypeVar("T")

_AWAY = (OperationalError, InterfaceError, PoolTimeout, TimeoutError)
"""What drivers and pool raise when the database is away, overloaded, or keeps us waiting."""


class Run(Protocol):
    """Runs statements."""

    async def __call__(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """All rows that the statement gives.

        Raises:
            HashpostError: what the broken constraint means (`constraints`).
            Unavailable: the database is away or overloaded, or it took too long.
        """
        ...


class Lines:
    """Lends connections, each for a limited time.

    `patience` is how long, in seconds, anybody is kept waiting: for a connection, for locks and for
    answers, all together. Then the connection is cut, and what was going on fails.
    """

    def __init__(self, engines: Engines, *, patience: float) -> None:
        self._engines = engines
        self._patience = patience
        self._returning: set[asyncio.Task[None]] = set()

    async def run(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """Run one statement by itself; it sees one moment, and what it did is kept at its end.

        No connection is held between two statements, so a slow reader holds up nobody.
        """
        async with self._lent(self._engines.reading) as line:
            return await line.run(statement, parameters)

    @property
    def dialect(self) -> str:
        """Which database it is."""
        return self._engines.reading.dialect.name

    @asynccontextmanager
    async def transaction(
        self, *, isolation: str | None = None, patience: float | None = None
    ) -> AsyncIterator[Run]:
        """Run statements in one transaction: a clean exit commits, an exception rolls back.

        Raises:
            Unavailable: it took too long, or the database is away. Nothing was kept; but where the
                answer to the commit itself was lost, everything may have been.
        """
        async with self._lent(self._engines.writing, patience) as line:
            begin = self._engines.begin
            if isolation:
                begin = begin.replace("READ COMMITTED", isolation)
            await line.begin(begin)
            yield line.run
            await line.commit()

    async def close(self) -> None:
        """Close all connections, as soon as what was cut short has been rolled back."""
        await asyncio.gather(*self._returning, return_exceptions=True)
        await self._engines.dispose()

    @asynccontextmanager
    async def _lent(
        self, engine: AsyncEngine, patience: float | None = None
    ) -> AsyncIterator["_Line"]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + (patience or self._patience)
        with _translated_errors():
            connection = await self._connected(engine, deadline)
        line = _Line(connection, cut=self._engines.cut)
        cutter = loop.call_at(deadline, line.cut)
        try:
            yield line
        finally:
            if line.is_idle:
                cutter.cancel()
                await line.give_back()
            else:
                # A task that was cancelled waits here for its rollback. Cancelled once more it goes
                # on, and the connection is returned behind its back.
                returning = self._apart(line.give_back())
                returning.add_done_callback(lambda _: cutter.cancel())
                await asyncio.shield(returning)

    async def _connected(self, engine: AsyncEngine, deadline: float) -> AsyncConnection:
        task = asyncio.create_task(_connect(engine))
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(task)
        except (asyncio.CancelledError, TimeoutError):
            _ = self._apart(_disconnect(task))
            raise

    def _apart(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)
        return task


async def _connect(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _disconnect(task: asyncio.Task[AsyncConnection]) -> None:
    """Close a connection that nobody waits for any more, should there be one in the end."""
    with suppress(*_AWAY):
        await (await task).close()


class _Line:
    """A lent connection."""

    def __init__(
        self, connection: AsyncConnection, *, cut: Callable[[Any], Awaitable[None]]
    ) -> None:
        self._connection = connection
        self._cut = cut
        self._cutting: asyncio.Future[None] | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._in_transaction = False
        self._failed = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on: no statement, no transaction."""
        return not self._in_transaction and (self._answer is None or self._answer.done())

    async def run(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """All rows that the statement gives; see `Run`."""
        self._check()
        self._failed = True  # unless it comes back
        result = await self._wait(self._connection.execute(statement, parameters))
        self._failed = False
        return result.all() if result.returns_rows else ()

    async def begin(self, statement: str) -> None:
        """Begin a transaction, as soon as nobody else is in one, where only one can be."""
        while not self._in_transaction:
            self._check()
            self._in_transaction = True  # from here on there may be one
            try:
                await self._wait(self._connection.exec_driver_sql(statement))
            except Unavailable as error:
                if not is_busy(error):
                    raise
                self._in_transaction = False

    async def commit(self) -> None:
        """Commit what was done."""
        self._check()
        await self._wait(self._connection.exec_driver_sql("COMMIT"))
        self._in_transaction = False

    def cut(self) -> None:
        """End what the connection waits for: nobody wants to wait any longer."""
        connection = self._connection.sync_connection
        if connection is not None and not connection.closed and not connection.invalidated:
            driver = connection.connection.driver_connection
            self._cutting = asyncio.ensure_future(self._cut(driver))

    async def give_back(self) -> None:
        """Return the connection, rolled back if it is in a transaction."""
        if self._answer is not None and not self._answer.done():
            await asyncio.wait([self._answer])
        try:
            if self._in_transaction and not self._connection.invalidated:
                with suppress(*_AWAY):
                    await self._connection.exec_driver_sql("ROLLBACK")
                    self._in_transaction = False
        finally:
            if self._in_transaction:  # still: nobody else must have this connection
                await self._connection.invalidate()
            await self._connection.close()

    async def _wait(self, answer: Coroutine[Any, Any, T]) -> T:
        # In a task of its own, because a caller's being cancelled must not reach the drivers: one
        # would try for ten seconds to have the statement cancelled by a server that may well be
        # the reason for it; the other would leave a thread at work, and a lock held.
        self._answer = task = asyncio.ensure_future(answer)
        try:
            with _translated_errors():
                return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_forget)
            self.cut()
            raise

    def _check(self) -> None:
        if self._cutting is not None:
            raise Unavailable("it took too long")
        if self._failed:
            raise RuntimeError("a statement of this transaction failed: it can do nothing more")


def _forget(task: asyncio.Future[Any]) -> None:
    """Look at how the task ended, or asyncio would say that nobody did."""
    if not task.cancelled():
        task.exception()


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        meaning = meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error
    except _AWAY as error:
        raise Unavailable from error
