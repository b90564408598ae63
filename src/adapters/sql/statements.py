"""Statements that several repositories build alike."""

import json
from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Insert,
    Select,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    literal_column,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.functions import FunctionElement


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


def is_among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The condition that a column has one of the values in the list that is that parameter.

    However long the list is, it is one parameter and the statement stays the same.
    """
    return _IsAmong(column, bindparam(name, type_=_List()))


class _IsAmong(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Self:  # noqa: ARG002
        """Itself: elsewhere it would be compared with 1 for SQLite, which then uses no index."""
        return self


@compiles(_IsAmong, "postgresql")
def _is_among_array(element: _IsAmong, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(_IsAmong, "sqlite")
def _is_among_json(element: _IsAmong, compiler: SQLCompiler, **how: Any) -> str:
    column, values = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - parts of SQL


def is_one_of(column: ColumnElement[Any], values: Select[Any]) -> ColumnElement[bool]:
    """The condition that a column has one of the values that a query gives, of which there are few.

    PostgreSQL gathers these first: then it knows to look each of them up, where it may turn `IN`
    into a join, and read all rows for it.
    """
    return _IsOneOf(column, values.scalar_subquery())


class _IsOneOf(_IsAmong):
    inherit_cache = True


@compiles(_IsOneOf, "postgresql")
def _is_one_of_array(element: _IsOneOf, compiler: SQLCompiler, **how: Any) -> str:
    column, query = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} = ANY (ARRAY{query})"


@compiles(_IsOneOf, "sqlite")
def _is_one_of_rows(element: _IsOneOf, compiler: SQLCompiler, **how: Any) -> str:
    column, query = (compiler.process(clause, **how) for clause in element.clauses)
    return f"{column} IN {query}"


class _List(TypeDecorator[Sequence[Any]]):
    """A list: an array on PostgreSQL, JSON in SQLite, which has no arrays."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else json.dumps(value)


class least(FunctionElement[int]):  # noqa: N801 - a function of SQL
    """The smaller one of two numbers."""

    type = BigInteger()
    inherit_cache = True


@compiles(least)
def _least(element: least, compiler: SQLCompiler, **how: Any) -> str:
    return f"least({compiler.process(element.clauses, **how)})"


@compiles(least, "sqlite")
def _least_in_sqlite(element: least, compiler: SQLCompiler, **how: Any) -> str:
    return f"min({compiler.process(element.clauses, **how)})"
