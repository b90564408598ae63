"""The storage port over one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final

from sqlalchemy import Select, column, literal_column, select, table

from hashpost.adapters.sql.address import Address
from hashpost.adapters.sql.audit import SqlAudit
from hashpost.adapters.sql.engines import open_engines
from hashpost.adapters.sql.favorites import SqlFavorites
from hashpost.adapters.sql.hashtags import SqlHashtags
from hashpost.adapters.sql.imports import SqlImports
from hashpost.adapters.sql.messages import SqlMessages
from hashpost.adapters.sql.migrations import (
    HEAD,
    SchemaMismatch,
    UnusableDatabase,
    migrate,
    schema_revision,
)
from hashpost.adapters.sql.outbox import SqlOutbox
from hashpost.adapters.sql.posts import SqlPosts
from hashpost.adapters.sql.requests import SqlRequests
from hashpost.adapters.sql.rolling import Rolling
from hashpost.adapters.sql.rollups import RollUp
from hashpost.adapters.sql.schedules import SqlSchedules
from hashpost.adapters.sql.sessions import SqlSessions
from hashpost.adapters.sql.tallies import Measure
from hashpost.adapters.sql.timelines import SqlTimelines
from hashpost.adapters.sql.transaction import Lines, Run
from hashpost.adapters.sql.trends import SqlTrends
from hashpost.adapters.sql.users import SqlUsers

PATIENCE = 2.5
"""Seconds after which a caller is told that the database is away or overloaded."""

_UNDEFINED_TABLE = "42P01"
"""PostgreSQL's word for it (its manual, appendix A); a file of SQLite is migrated by now."""

_ONE: Select[Any] = select(literal_column("1"))
_REVISION: Select[Any] = select(column("version_num")).select_from(table("alembic_version"))


class SqlTransaction:
    """The repositories of one transaction."""

    def __init__(self, run: Run) -> None:
        self.users: Final = SqlUsers(run)
        self.sessions: Final = SqlSessions(run)
        self.posts: Final = SqlPosts(run)
        self.favorites: Final = SqlFavorites(run)
        self.trends: Final = SqlTrends(run)
        self.outbox: Final = SqlOutbox(run)
        self.schedules: Final = SqlSchedules(run)
        self.requests: Final = SqlRequests(run)
        self.imports: Final = SqlImports(run)


class SqlReading:
    """The repositories of readings, each of whose statements runs by itself."""

    def __init__(self, run: Run, measure: Measure) -> None:
        self.users: Final = SqlUsers(run)
        self.posts: Final = SqlPosts(run)
        self.timelines: Final = SqlTimelines(run, measure)
        self.hashtags: Final = SqlHashtags(run)
        self.trends: Final = SqlTrends(run)
        self.favorites: Final = SqlFavorites(run)
        self.messages: Final = SqlMessages(run)
        self.schedules: Final = SqlSchedules(run)
        self.audit: Final = SqlAudit(run)


class SqlStorage:
    """Everything in one database; made by `open`, belongs to the event loop that opened it."""

    def __init__(self, lines: Lines, measure: Measure, *, rolls_up: bool) -> None:
        self._lines = lines
        self._reading = SqlReading(lines, measure)
        self.roll_up: Final = RollUp(lines, measure)
        self._rolling = Rolling(self.roll_up) if rolls_up else None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        patience: float = PATIENCE,
        connections: int = 10,
        prepare_threshold: int | None = 5,
        measure: Measure | None = None,
        rolls_up: bool = True,
    ) -> "SqlStorage":
        """The storage in the database of that URL.

        A file of SQLite is made and migrated where needed. `connections` is the size of the pool
        for PostgreSQL. `prepare_threshold` says after how many executions PostgreSQL prepares a
        statement; None for never, which a pooler in transaction mode needs (see `engines`).
        `measure` tells how fine the marks in long timelines are. What was written is counted into
        tallies beside the work (`rollups`), unless `rolls_up` leaves that to others.

        Raises:
            ValueError: the URL is not that of a database we can use.
            Unavailable: the database is away.
            UnusableDatabase: it is none, or does not let us.
            SchemaMismatch: it has another schema than this program.
        """
        address = Address.parsed(url)
        if address.is_sqlite:
            await asyncio.to_thread(_migrate_if_needed, url)
        engines = open_engines(
            address,
            patience=patience,
            connections=connections,
            prepare_threshold=prepare_threshold,
        )
        lines = Lines(engines, patience=patience)
        try:
            await _require_schema(lines, engines.driver_error)
        except BaseException:
            await lines.close()
            raise
        storage = cls(lines, measure or Measure(), rolls_up=rolls_up)
        storage._roll_up_after(1)  # whatever somebody else may have left
        return storage

    async def close(self) -> None:
        """Close all connections."""
        if self._rolling is not None:
            await self._rolling.close()
        await self._lines.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """A transaction: a clean exit commits, an exception rolls back."""
        async with self._lines.transaction() as run:
            tx = SqlTransaction(run)
            yield tx
        self._roll_up_after(tx.posts.writes)

    def reading(self) -> AbstractAsyncContextManager[SqlReading]:
        """A reading; it holds nothing between its calls."""
        return nullcontext(self._reading)

    async def ping(self) -> None:
        """Return if the database answers.

        Raises:
            Unavailable: it does not.
        """
        await self._lines(_ONE)

    def _roll_up_after(self, writes: int) -> None:
        if self._rolling is not None:
            self._rolling.note(writes)


def _migrate_if_needed(url: str) -> None:
    # Alembic is slow to load, and asks for the only writer's place: a look comes first.
    if schema_revision(url) != HEAD:
        migrate(url)


async def _require_schema(run: Run, driver_error: type[Exception]) -> None:
    try:
        rows = await run(_REVISION)
    except driver_error as error:
        if getattr(error, "sqlstate", None) != _UNDEFINED_TABLE:
            raise UnusableDatabase.told_by(error) from error
        rows = ()
    found = rows[0][0] if rows else "none of ours"
    if found != HEAD:
        raise SchemaMismatch(
            f"the schema of the database is {found}, this program is for {HEAD}: "
            "run `hashpost migrate`"
        )
