"""Statements as drivers take them: SQLAlchemy writes each of them once, however often it runs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from sqlalchemy import ARRAY, Executable, Insert, String, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql.compiler import SQLCompiler

DialectName = Literal["postgresql", "sqlite"]

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None
"""The values of one execution, or of several, all with the same names."""

Arguments = list[Any]
"""The values of one execution, in the order in which the SQL wants them."""

Rows = Sequence[Sequence[Any]]

_DIALECTS: Mapping[DialectName, Callable[[], Dialect]] = {
    "postgresql": lambda: PGDialect(paramstyle="numeric_dollar"),  # type: ignore[no-untyped-call]
    "sqlite": lambda: SQLiteDialect(paramstyle="qmark"),
}

# The names of parameters, and whether there will be values of several executions.
_Form = tuple[tuple[str, ...], bool]

# By position, what makes a value of Python's one of the driver's, or the other way round.
_Conversions = tuple[tuple[int, Callable[[Any], Any]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A statement in the words of one database.

    Attributes:
        names: of the parameters, in the order in which the SQL wants them.
        fixed: the values of those that stand in the statement itself.
        gathers: whether each parameter is an array: of the values of all executions.
    """

    sql: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    gathers: bool
    given: _Conversions
    taken: _Conversions

    def executions(self, several: Sequence[Mapping[str, Any]]) -> Sequence[Arguments]:
        """The arguments for as many executions as it takes."""
        if self.gathers:
            return [self._arguments({name: [row[name] for row in several] for name in self.names})]
        return [self._arguments(values) for values in several]

    def meant(self, rows: Rows) -> Rows:
        """What these rows of the driver's mean."""
        if not self.taken:
            return rows
        return [_converted(list(row), self.taken) for row in rows]

    def _arguments(self, values: Mapping[str, Any]) -> Arguments:
        known = {**self.fixed, **values} if self.fixed else values
        return _converted([known[name] for name in self.names], self.given)


class Compiler:
    """Compiles statements for one database, and knows them again for as long as they live.

    So whoever runs a statement often keeps it: as a constant of a module, or in a cache.
    """

    def __init__(self, name: DialectName) -> None:
        self.name = name
        self._dialect = _DIALECTS[name]()
        self._known: WeakKeyDictionary[Executable, dict[_Form, Compiled]] = WeakKeyDictionary()

    def __call__(
        self, statement: Executable, parameters: Parameters = None
    ) -> tuple[Compiled, Sequence[Arguments]]:
        """The statement for such parameters, and the arguments of its executions."""
        several = _several(parameters)
        form = (tuple(several[0]) if several else (), len(several) > 1)
        forms = self._known.get(statement)
        if forms is None:
            forms = self._known[statement] = {}
        compiled = forms.get(form)
        if compiled is None:
            compiled = forms[form] = self._compiled(statement, form)
        return compiled, compiled.executions(several)

    def _compiled(self, statement: Executable, form: _Form) -> Compiled:
        names, is_for_several = form
        gathering = None
        if is_for_several and self.name == "postgresql":
            gathering = _gathering(statement, names)
        statement = statement if gathering is None else gathering
        compiled: SQLCompiler = statement.compile(  # type: ignore[attr-defined]
            dialect=self._dialect, column_keys=list(names)
        )
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise TypeError(f"cannot be compiled once for all values: {compiled}")
        names = tuple(compiled.positiontup or ())
        binds = [compiled.binds[name] for name in names]
        columns = getattr(statement, "exported_columns", ())
        return Compiled(
            sql=compiled.string,
            names=names,
            fixed={
                name: bind.effective_value
                for name, bind in zip(names, binds, strict=True)
                if not bind.required
            },
            gathers=gathering is not None,
            given=_conversions(
                bind.type.dialect_impl(self._dialect).bind_processor(self._dialect)
                for bind in binds
            ),
            taken=_conversions(
                column.type.dialect_impl(self._dialect).result_processor(self._dialect, None)
                for column in columns
            ),
        )


def _several(parameters: Parameters) -> Sequence[Mapping[str, Any]]:
    if parameters is None:
        return ({},)
    return (parameters,) if isinstance(parameters, Mapping) else parameters


def _converted(values: list[Any], conversions: _Conversions) -> list[Any]:
    for position, convert in conversions:
        values[position] = convert(values[position])
    return values


def _conversions(each: Iterable[Callable[[Any], Any] | None]) -> _Conversions:
    return tuple(
        (position, convert) for position, convert in enumerate(each) if convert is not None
    )


def _gathering(statement: Executable, names: Sequence[str]) -> Insert | None:
    """The same INSERT, from an array of values for each column; None if it is no plain INSERT.

    One short statement, prepared already, inserts any number of rows.
    """
    if not isinstance(statement, Insert) or not set(names) <= {*statement.table.c.keys()}:
        return None
    columns = (statement.table.c[name] for name in names)
    arrays = (cast(bindparam(column.key), ARRAY(_plain(column.type))) for column in columns)
    return statement.from_select(names, select(*map(func.unnest, arrays)))


def _plain(type_: Any) -> Any:
    """The type without its collation, which no array has."""
    return Text() if isinstance(type_, String) else type_
