"""Statements that several repositories build alike."""

from sqlalchemy import BigInteger, ColumnElement, Insert, Table, literal_column
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import ReturningInsert


def insert_new(table: Table) -> Insert:
    """An INSERT that passes over rows whose primary key is taken.

    SQLAlchemy has this clause in the words of either dialect; those of PostgreSQL compile to the
    same SQL for SQLite. Several rows must come in the order of their keys: two transactions that
    insert the same ones in different orders wait for each other for ever.
    """
    return postgresql.insert(table).on_conflict_do_nothing(index_elements=[*table.primary_key])


def insert_new_returning(table: Table) -> ReturningInsert[tuple[object, ...]]:
    """The same, giving back the primary keys of the rows that are in now."""
    return insert_new(table).returning(*table.primary_key)


def insert_free_returning(table: Table) -> ReturningInsert[tuple[object, ...]]:
    """The same, passing over rows that break whichever of the table's unique constraints."""
    statement = postgresql.insert(table).on_conflict_do_nothing()
    return statement.returning(*table.primary_key)


def inline(limit: int) -> ColumnElement[int]:
    """A limit that stands in the statement, and not in a parameter.

    The planner then knows that few rows are wanted. There are as many statements as limits, so it
    is for limits of which there are few.
    """
    return literal_column(str(int(limit)), BigInteger)
