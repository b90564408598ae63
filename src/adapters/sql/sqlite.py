"""Connections to SQLite, in autocommit mode: what begins a transaction says so.

Each has a thread, which does all of a statement in one go: to hand it over costs 20 us of CPU. To
run short statements where the event loop runs would save them, but a slow disk would then stop
everybody.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any, Self, TypeVar

from hashpost.adapters.sql.compiled import Arguments, Compiled, Rows
from hashpost.adapters.sql.constraints import meaning_of
from hashpost.domain.errors import HashpostError, Unavailable

_STATEMENTS_MAX = 200
"""Statements that a connection keeps compiled."""

_CUT_AGAIN_AFTER = 0.05
"""Seconds."""

_TRIES_TO_BEGIN_FOR = 0.05
"""Seconds; then the thread asks whether anybody still waits."""
_TRIES_TO_BEGIN_EVERY = 0.0005
"""Seconds: the gap between two transactions of another process is as short as that. SQLite itself
would try ever more rarely."""

T = TypeVar("T")

_Job = Callable[[], None]


class SqliteConnection:
    """A connection to a file; see `Connection`."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=_work, args=(self._jobs,), name="hashpost-sqlite", daemon=True)
        self._loop = asyncio.get_running_loop()
        self._is_at_work = False
        self._database: sqlite3.Connection
        self.is_cut = False

    @classmethod
    async def made(cls, path: str, options: dict[str, Any], *, waits_ms: int) -> Self:
        """A new connection, which waits so long when it finds the file locked.

        Raises:
            Unavailable: the file cannot be opened.
        """
        connection = cls()
        connection._thread.start()
        try:
            await connection._in_thread(partial(connection._open, path, options, waits_ms))
        except sqlite3.Error as error:
            connection._jobs.put(None)
            raise Unavailable from error
        return connection

    @property
    def is_sound(self) -> bool:
        """A file does not hang up."""
        return True

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on: no statement, no transaction."""
        return not (self.is_cut or self._is_at_work or self._database.in_transaction)

    async def run(
        self, statement: Compiled, executions: Sequence[Arguments], *, begin: Sequence[str] = ()
    ) -> Rows:
        """All rows of all executions, in one go with what begins the transaction.

        Where somebody else is in one, it waits on and on; nothing is done before it has begun.
        """
        while True:
            try:
                rows = await self._in_thread(
                    partial(self._execute, statement.sql, executions, begin)
                )
            except sqlite3.Error as error:
                if _is_busy(error) and self._waits_to_begin(begin):
                    continue
                meaning = _meaning(error)
                if meaning is None:
                    raise
                raise meaning from error
            return statement.meant(rows)

    async def commit(self) -> None:
        """Commit the transaction."""
        try:
            await self._in_thread(partial(self._execute, "COMMIT", [[]], ()))
        except sqlite3.Error as error:
            raise Unavailable from error

    async def roll_back(self) -> bool:
        """Roll back a transaction, as soon as the thread is done with what it is at."""
        try:
            await self._in_thread(self._database.rollback)
        except sqlite3.Error:
            return False
        self.is_cut = False
        return True

    def cut(self) -> None:
        """Interrupt the statement at which the thread is, and have it begin no other."""
        self.is_cut = True
        if self._is_at_work:
            self._database.interrupt()
            # It may have been between two of them.
            self._loop.call_later(_CUT_AGAIN_AFTER, self._cut_again)

    async def close(self) -> None:
        """Close it, and end the thread."""
        with suppress(sqlite3.Error):
            await self._in_thread(self._database.close)
        self._jobs.put(None)

    def _waits_to_begin(self, begin: Sequence[str]) -> bool:
        return bool(begin) and not self._database.in_transaction and not self.is_cut

    def _cut_again(self) -> None:
        if self.is_cut:
            self.cut()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Have the thread do it; a caller who is cancelled leaves it to that."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._is_at_work = True
        self._jobs.put(partial(_do, work, answer))
        try:
            return await answer
        except asyncio.CancelledError:
            self.cut()
            raise
        finally:
            self._is_at_work = answer.cancelled()

    # In the thread

    def _open(self, path: str, options: dict[str, Any], waits_ms: int) -> None:
        options = {
            **options,
            "timeout": waits_ms / 1000,
            "isolation_level": None,
            "check_same_thread": False,
            "cached_statements": _STATEMENTS_MAX,
        }
        self._database = sqlite3.connect(path, **options)
        # In a write-ahead log NORMAL may lose what was committed, at a loss of power.
        self._database.execute("PRAGMA synchronous = FULL")

    def _execute(self, sql: str, executions: Sequence[Arguments], begin: Sequence[str]) -> Rows:
        for words in begin:
            self._begin(words)
        rows: list[tuple[Any, ...]] = []
        for arguments in executions:
            if self.is_cut:
                raise sqlite3.OperationalError("interrupted")
            rows += self._database.execute(sql, arguments).fetchall()
        return rows

    def _begin(self, words: str) -> None:
        """Begin a transaction, or find after a moment that somebody else is still in one."""
        give_up = monotonic() + _TRIES_TO_BEGIN_FOR
        while True:
            try:
                self._database.execute(words)
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or self.is_cut or monotonic() > give_up:
                    raise
                sleep(_TRIES_TO_BEGIN_EVERY)
            else:
                return


def _work(jobs: SimpleQueue[_Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job()


def _do(work: Callable[[], T], answer: asyncio.Future[T]) -> None:
    result: T | None = None
    error: Exception | None = None
    try:
        result = work()
    except Exception as raised:  # noqa: BLE001 - it is raised where the answer is waited for
        error = raised
    with suppress(RuntimeError):  # the event loop is closed, and nobody waits
        answer.get_loop().call_soon_threadsafe(_tell, answer, result, error)


def _tell(answer: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if answer.done():
        return  # cancelled
    if error is None:
        answer.set_result(result)
    else:
        answer.set_exception(error)


def _is_busy(error: sqlite3.Error) -> bool:
    """Whether it is because somebody else holds the lock of the file."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _meaning(error: sqlite3.Error) -> HashpostError | None:
    if isinstance(error, sqlite3.IntegrityError):
        return meaning_of(error)
    is_away = isinstance(error, (sqlite3.OperationalError, sqlite3.InterfaceError))
    return Unavailable() if is_away else None
