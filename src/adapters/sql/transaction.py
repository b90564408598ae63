"""How statements are run: in a transaction, or one by one.

The one place that knows connections and time limits. A repository has a `Run` and knows nothing
else of all this.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from sqlalchemy import Executable

from hashpost.adapters.sql.compiled import Compiler, DialectName, Parameters, Rows
from hashpost.adapters.sql.engines import Engines, Isolation
from hashpost.adapters.sql.pool import Connection, Pool
from hashpost.domain.errors import Unavailable

__all__ = ["DialectName", "Lines", "Parameters", "Rows", "Run"]


class Run(Protocol):
    """Runs statements."""

    @property
    def dialect(self) -> DialectName:
        """Which database it is, for the few statements that differ."""
        ...

    async def __call__(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """All rows that the statement gives.

        It is compiled when it runs for the first time, so it should be one that stays: a constant,
        or kept in a cache.

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
        self._reading = _Lender(engines.reading, patience=patience)
        self._writing = _Lender(engines.writing, patience=patience)
        self.dialect = engines.compile.name

    async def __call__(self, statement: Executable, parameters: Parameters = None) -> Rows:
        """Run one statement by itself; it sees one moment, and what it did is kept at its end.

        No connection is held between two statements, so a slow reader holds up nobody.
        """
        compiled, executions = self._engines.compile(statement, parameters)
        async with self._reading.loan() as connection:
            return await connection.run(compiled, executions)

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read committed", patience: float | None = None
    ) -> AsyncIterator[Run]:
        """Run statements in one transaction: a clean exit commits, an exception rolls back.

        It begins with its first statement. `patience` is for this one, in the place of the usual.
        Posts are written in "read committed" only: the one moment of "repeatable read" comes before
        the lock by which a roll-up sees who writes, so what it announced could be missed.

        Raises:
            Unavailable: it took too long, or the database is away. Nothing was kept; but where the
                answer to the commit itself was lost, everything may have been.
        """
        begin = self._engines.begin(isolation, patience)
        async with self._writing.loan(patience) as connection:
            transaction = _Transaction(self._engines.compile, connection, begin)
            yield transaction
            await transaction.commit()

    async def close(self) -> None:
        """Close all connections, as soon as what was cut short has been rolled back."""
        await self._reading.settled()
        await self._writing.settled()
        await self._engines.close()


class _Transaction:
    """A transaction, which begins with its first statement; see `Run`."""

    def __init__(self, compiler: Compiler, connection: Connection, begin: Sequence[str]) -> None:
        self._compile = compiler
        self._connection = connection
        self._begin = begin
        self._failed = False
        self.dialect = compiler.name

    async def __call__(self, statement: Executable, parameters: Parameters = None) -> Rows:
        self._check()
        self._failed = True  # unless it comes back
        compiled, executions = self._compile(statement, parameters)
        rows = await self._connection.run(compiled, executions, begin=self._begin)
        self._begin = ()
        self._failed = False
        return rows

    async def commit(self) -> None:
        """Commit what was done, if anything was."""
        self._check()
        if not self._begin:
            await self._connection.commit()

    def _check(self) -> None:
        if self._connection.is_cut:
            raise Unavailable("it took too long")
        if self._failed:
            raise RuntimeError("a statement of this transaction failed: it can do nothing more")


class _Lender:
    """Lends the connections of a pool, and takes them back in whatever state they are."""

    def __init__(self, pool: Pool, *, patience: float) -> None:
        self._pool = pool
        self._patience = patience
        self._returning: set[asyncio.Task[None]] = set()

    def loan(self, patience: float | None = None) -> "_Loan":
        """A connection for the time of a block."""
        return _Loan(self, self._patience if patience is None else patience)

    async def take(self, *, deadline: float) -> Connection:
        """A connection. Raises Unavailable."""
        return await self._pool.take(deadline=deadline)

    async def take_back(self, connection: Connection, cutter: asyncio.TimerHandle) -> None:
        """Take it back, rolled back if it is in a transaction; `cutter` ends all waiting."""
        if connection.is_idle and not self._pool.is_closed:
            cutter.cancel()
            self._pool.put(connection)
            return
        # A task that was cancelled waits here for its rollback. Cancelled once more it goes on, and
        # the connection is returned behind its back.
        returning = asyncio.create_task(self._roll_back(connection, cutter))
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)
        await asyncio.shield(returning)

    async def settled(self) -> None:
        """Return when all are back that are being rolled back."""
        await asyncio.gather(*self._returning, return_exceptions=True)

    async def _roll_back(self, connection: Connection, cutter: asyncio.TimerHandle) -> None:
        is_as_new = False
        try:
            is_as_new = await connection.roll_back()
        finally:
            cutter.cancel()
            if is_as_new and not self._pool.is_closed:
                self._pool.put(connection)
            else:
                await self._pool.drop(connection)


class _Loan:
    """Cheaper than a generator in the place of a class, on the way of every statement."""

    __slots__ = ("_connection", "_cutter", "_lender", "_patience")

    def __init__(self, lender: _Lender, patience: float) -> None:
        self._lender = lender
        self._patience = patience
        self._connection: Connection
        self._cutter: asyncio.TimerHandle

    async def __aenter__(self) -> Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        self._connection = await self._lender.take(deadline=deadline)
        self._cutter = loop.call_at(deadline, self._connection.cut)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._lender.take_back(self._connection, self._cutter)
