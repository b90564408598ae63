"""Which broken constraint is which error of the domain."""

import re
import sqlite3

from sqlalchemy import Table, UniqueConstraint

from hashpost.adapters.sql.tables import metadata
from hashpost.domain.errors import HashpostError, UsernameTaken

_MEANINGS: dict[str, type[HashpostError]] = {"uq_users_username_key": UsernameTaken}

# All that SQLite tells: "UNIQUE constraint failed: users.username_key", or several with commas.
_SQLITE_UNIQUE = re.compile(r"UNIQUE constraint failed: (.+)")


def meaning_of(error: Exception) -> HashpostError | None:
    """The domain's word for it, or None for a constraint that only a mistake of ours can break."""
    meaning = _MEANINGS.get(constraint_name(error) or "")
    return None if meaning is None else meaning()


def constraint_name(error: Exception) -> str | None:
    """The name of the broken constraint, from the driver's diagnostics.

    SQLite knows columns only; no two constraints of ours are about the same ones.
    """
    if isinstance(error, sqlite3.Error):
        return _name_in_sqlite(error)
    diagnostics = getattr(error, "diag", None)
    name = getattr(diagnostics, "constraint_name", None)
    return None if name is None else str(name)


def _name_in_sqlite(error: sqlite3.Error) -> str | None:
    if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
        return None
    found = _SQLITE_UNIQUE.fullmatch(str(error))
    return None if found is None else _NAMES_BY_COLUMNS.get(frozenset(found[1].split(", ")))


def _uniques(table: Table) -> dict[frozenset[str], str]:
    return {
        frozenset(f"{table.name}.{column.name}" for column in constraint.columns): str(
            constraint.name
        )
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    }


_NAMES_BY_COLUMNS = {
    columns: name for table in metadata.tables.values() for columns, name in _uniques(table).items()
}
