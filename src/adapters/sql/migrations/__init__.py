"""Brings a database to a revision of the schema, and tells which one it has.

Alembic does the work, in one transaction; whoever else wants to migrate the same database waits.
It is imported when there is work: to load it takes longer than most starts need altogether. What
revisions do stands in `versions`, and nothing here knows any table.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
from sqlalchemy.pool import NullPool

from hashpost.adapters.sql.address import Address
from hashpost.domain.errors import HashpostError, Unavailable

HEAD = "0005"
"""The revision that the code in this package is for."""

_CONNECTED_WITHIN = 2
_WAITS = 30
"""Seconds for which one who migrates waits for another."""
_WAITS_FOR_TABLES = 5
"""Seconds for which a step waits for a table in use; whoever wants the table waits behind it."""
_ADVISORY_LOCK = int.from_bytes(b"hashpost", "big", signed=True)


class SchemaMismatch(HashpostError):
    """The database has another schema than this program; the message says what to run."""

    code = "schema-mismatch"
    title = "The database has another schema than this program: run `hashpost migrate`"


class UnusableDatabase(HashpostError):
    """The database is there and lets us not in, or is none; the message says what it said."""

    code = "unusable-database"
    title = "The database cannot be used"

    @classmethod
    def told_by(cls, error: BaseException | None) -> Self:
        """The error with the first line of what the driver said."""
        said = str(error).partition("\n")[0]
        return cls(f"the database cannot be used: {said}")


def migrate(url: str, *, revision: str = "head") -> None:
    """Bring the database up to a revision; at or above it already, do nothing.

    Raises:
        Unavailable: the database is away, or somebody keeps a table in use; nothing was changed.
        UnusableDatabase: it is none, or does not let us; nothing was changed.
        SchemaMismatch: its revision is not one of ours, so a newer hashpost has been here.
    """
    from alembic import command

    _run(url, command.upgrade, revision)


def downgrade(url: str, *, revision: str) -> None:
    """Bring the database down to a revision, or to `base`: empty. What is dropped is lost.

    Raises:
        Unavailable: the database is away, or somebody keeps a table in use; nothing was changed.
        UnusableDatabase: it is none, or does not let us; nothing was changed.
        SchemaMismatch: its revision is not one of ours, so a newer hashpost has been here.
    """
    from alembic import command

    _run(url, command.downgrade, revision)


def schema_revision(url: str) -> str | None:
    """The revision that the database has, or None for one without our tables.

    Raises:
        Unavailable: the database is away.
        UnusableDatabase: it is none, or does not let us.
    """
    with _connected(Address.parsed(url)) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
        return None if row is None else str(row[0])


def _run(url: str, change: Callable[[Any, str], None], revision: str) -> None:
    from alembic.config import Config
    from alembic.util import CommandError

    address = Address.parsed(url)
    config = Config()
    config.set_main_option("script_location", f"{__name__.replace('.migrations', '')}:migrations")
    with _connected(address) as connection:
        _begin_alone(connection, address)
        config.attributes["connection"] = connection
        try:
            change(config, revision)
        except CommandError as error:
            raise SchemaMismatch(f"{error}: was a newer hashpost here?") from error
        connection.exec_driver_sql("COMMIT")


@contextmanager
def _connected(address: Address) -> Iterator[Connection]:
    options = {"timeout": _WAITS} if address.is_sqlite else {"connect_timeout": _CONNECTED_WITHIN}
    # Transactions are begun and ended by us: the driver of SQLite would commit before some DDL.
    engine = create_engine(
        address.url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=options
    )
    try:
        with engine.connect() as connection:
            yield connection
    except (OperationalError, InterfaceError) as error:
        raise Unavailable(f"the database cannot be used now: {error.orig}") from error
    except DatabaseError as error:
        raise UnusableDatabase.told_by(error.orig) from error
    finally:
        engine.dispose()


def _begin_alone(connection: Connection, address: Address) -> None:
    """Begin a transaction, and wait until nobody else migrates."""
    if address.is_sqlite:
        _use_wal(connection)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    connection.exec_driver_sql("BEGIN")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAITS}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_WAITS_FOR_TABLES}s'")


def _use_wal(connection: Connection) -> None:
    """Switch the file to a write-ahead log, which it then keeps: readers wait for no writer.

    SQLite does not wait here, whatever the busy timeout, when another process does the same.
    """
    give_up = time.monotonic() + _WAITS
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        except OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return
