"""A few connections for many."""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from hashpost.adapters.sql.compiled import Arguments, Compiled, Rows
from hashpost.domain.errors import Unavailable


class Connection(Protocol):
    """A connection to a database, which runs one thing at a time."""

    @property
    def is_sound(self) -> bool:
        """Whether an idle connection may be lent: it is not known to be lost."""
        ...

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on: no statement, no transaction; and nothing is in doubt."""
        ...

    @property
    def is_cut(self) -> bool:
        """Whether it was cut, and has not been rolled back since."""
        ...

    async def run(
        self, statement: Compiled, executions: Sequence[Arguments], *, begin: Sequence[str] = ()
    ) -> Rows:
        """All rows of all executions; before them, the statements that begin a transaction.

        A caller who is cancelled is gone at once, and the connection is cut.

        Raises:
            HashpostError: what the broken constraint means (`constraints`).
            Unavailable: the database is away or overloaded, or the connection was cut.
        """
        ...

    async def commit(self) -> None:
        """Commit the transaction.

        Raises:
            Unavailable: the connection is lost, or was cut; whether it is committed is unknown.
        """
        ...

    async def roll_back(self) -> bool:
        """End whatever is going on, and say whether the connection is as good as new."""
        ...

    def cut(self) -> None:
        """End what the connection waits for, at once and whatever the database does."""
        ...

    async def close(self) -> None:
        """Close it."""
        ...


class Pool:
    """Lends connections: of those that are idle the one used last, so that few are kept busy.

    One is made when none is idle. Whoever finds all of them lent waits in line.
    """

    def __init__(
        self, connect: Callable[[], Coroutine[Any, Any, Connection]], *, size: int
    ) -> None:
        self._connect = connect
        self._places = size  # that nobody has
        self._line: deque[Future[None]] = deque()
        self._idle: list[Connection] = []
        self._connecting: set[asyncio.Task[Connection]] = set()
        self.is_closed = False

    async def take(self, *, deadline: float) -> Connection:
        """A connection, to be given back by `put` or `drop`.

        Raises:
            Unavailable: there is none by the deadline, a time of the event loop; or it is closed.
        """
        if self.is_closed:
            raise Unavailable("it is closed")
        if self._places:
            self._places -= 1
        else:
            await self._place(deadline)
        while self._idle:
            connection = self._idle.pop()
            if connection.is_sound:
                return connection
            await connection.close()
        return await self._connected(deadline)

    def put(self, connection: Connection) -> None:
        """Take back a connection that is idle, unless the pool is closed: then drop it."""
        self._idle.append(connection)
        self._give_up_place()

    async def drop(self, connection: Connection) -> None:
        """Take back a connection that is good for nothing any more."""
        try:
            await connection.close()
        finally:
            self._give_up_place()

    async def close(self) -> None:
        """Close all idle connections; none is lent any more, and those that are come back."""
        self.is_closed = True
        await asyncio.gather(*self._connecting, return_exceptions=True)
        while self._idle:
            await self._idle.pop().close()

    async def _place(self, deadline: float) -> None:
        """Wait for a place."""
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._line.append(place)
        timer = loop.call_at(deadline, _end_waiting, place)
        try:
            await place
        except TimeoutError as error:
            raise Unavailable from error
        except asyncio.CancelledError:
            if not place.cancelled() and place.exception() is None:
                self._give_up_place()  # it came just now
            raise
        finally:
            timer.cancel()

    def _give_up_place(self) -> None:
        """Give a place to the next in line, or to whoever comes."""
        while self._line:
            place = self._line.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._places += 1

    async def _connected(self, deadline: float) -> Connection:
        task = asyncio.create_task(self._connect())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.shield(task)
        except (asyncio.CancelledError, TimeoutError) as error:
            task.add_done_callback(self._made_for_nobody)
            if isinstance(error, TimeoutError):
                raise Unavailable from error
            raise
        except BaseException:
            self._give_up_place()
            raise

    def _made_for_nobody(self, task: asyncio.Task[Connection]) -> None:
        """Keep a connection, should there be one in the end; until then it has had its place."""
        if not task.cancelled() and task.exception() is None:
            self._idle.append(task.result())
        self._give_up_place()


def _end_waiting(place: Future[None]) -> None:
    if not place.done():
        place.set_exception(TimeoutError())
