"""How statements reach a database: compiled once, sent together, whole whatever their size."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select, bindparam, column, delete, func, insert, literal_column, select, text

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.compiled import Compiler, DialectName
from hashpost.adapters.sql.postgres import _STATEMENTS_MAX, PostgresConnection
from hashpost.adapters.sql.rows import session_values, user_values
from hashpost.adapters.sql.statements import is_among
from hashpost.adapters.sql.tables import post_hashtags, sessions, users
from hashpost.domain.errors import Unavailable
from hashpost.testing.builders import a_session, a_user
from hashpost.testing.contracts.keeping import kept_user

DIALECTS: list[DialectName] = ["postgresql", "sqlite"]
BOTH = pytest.mark.parametrize("dialect", DIALECTS)
LARGE = 20_000_000
COUNT_OF_USERS = select(func.count()).select_from(users)
VERSIONS = {"postgresql": text("SELECT version()"), "sqlite": text("SELECT sqlite_version()")}
TRANSACTIONS = """SELECT pid, query_start FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid"""


@BOTH
def test_a_statement_is_compiled_once(dialect: DialectName) -> None:
    compile_ = Compiler(dialect)
    statement: Select[Any] = select(literal_column("1")).where(column("x") == bindparam("x"))

    first, ((one,),) = compile_(statement, {"x": 1})
    second, ((two,),) = compile_(statement, {"x": 2})

    assert first is second
    assert (one, two) == (1, 2)


@BOTH
def test_a_statement_that_is_no_more_is_forgotten(dialect: DialectName) -> None:
    compile_ = Compiler(dialect)
    compile_(select(literal_column("1")))

    gc.collect()

    assert len(compile_._known) == 0


@BOTH
def test_a_statement_that_changes_with_its_values_is_refused(dialect: DialectName) -> None:
    statement: Select[Any] = select(literal_column("1")).where(
        column("x").in_(bindparam("xs", expanding=True))
    )

    with pytest.raises(TypeError, match="once"):
        Compiler(dialect)(statement, {"xs": [1]})


@BOTH
def test_the_values_of_an_insert_are_those_that_are_given(dialect: DialectName) -> None:
    compile_ = Compiler(dialect)
    statement = insert(users)

    _, ((id_, username),) = compile_(statement, {"id": 1, "username": "ada"})
    shorter, ((only,),) = compile_(statement, {"id": 2})

    assert (id_, username, only) == (1, "ada", 2)
    assert "username" not in shorter.sql


def test_rows_go_to_postgresql_as_arrays_by_one_statement_whatever_their_number() -> None:
    compile_ = Compiler("postgresql")
    statement = insert(post_hashtags)
    rows = [{"name": f"n{number}", "post_id": number} for number in range(3)]

    two, arguments_of_two = compile_(statement, rows[:2])
    three, arguments_of_three = compile_(statement, rows)

    assert two is three
    assert arguments_of_two == [[["n0", "n1"], [0, 1]]]
    assert arguments_of_three == [[["n0", "n1", "n2"], [0, 1, 2]]]


async def test_rows_come_back_as_they_went_in_whatever_their_types(storage: SqlStorage) -> None:
    ada, bob = a_user("ada"), replace(a_user("bob"), email="b@e.org", weekly_digest=True)
    of_ada = a_session(ada)
    of_bob = replace(a_session(bob), previous=b"\x00\xff")
    async with storage.transaction() as tx:
        await tx.users.run(insert(users), [user_values(ada), user_values(bob)])
        await tx.users.run(insert(sessions), [session_values(of_ada), session_values(of_bob)])

    async with storage.reading() as reading:
        found = [
            await reading.users.with_session(user.id, session.id)
            for user, session in ((ada, of_ada), (bob, of_bob))
        ]

    assert found == [(ada, of_ada), (bob, of_bob)]


async def test_what_a_socket_does_not_take_at_once_arrives_all_the_same(
    storage: SqlStorage,
) -> None:
    length = text("SELECT length(CAST(:text AS TEXT)), :text || ''")
    async with storage.reading() as reading:
        ((told, sent_back),) = await reading.users.run(length, {"text": "x" * LARGE})

    assert (told, len(sent_back)) == (LARGE, LARGE)


async def test_thousands_of_executions_are_one_call(storage: SqlStorage) -> None:
    entries = [{"name": f"n{number:05}", "post_id": number} for number in range(5_000)]
    gone = delete(post_hashtags).where(post_hashtags.c.name == bindparam("of"))
    async with storage.transaction() as tx:
        await tx.posts.run(insert(post_hashtags), entries)
        await tx.posts.run(gone, [{"of": entry["name"]} for entry in entries[1:]])

    async with storage.reading() as reading:
        left = await reading.posts.run(select(post_hashtags.c.post_id))

    assert [*map(tuple, left)] == [(0,)]


async def test_a_value_that_cannot_be_sent_leaves_the_connection_as_it_was(
    migrated_url: str,
) -> None:
    storage = await SqlStorage.open(migrated_url, connections=1)

    with pytest.raises((OverflowError, psycopg.DataError)):
        async with storage.transaction() as tx:
            await tx.users.by_id(1 << 70)

    await kept_user(storage)
    await storage.close()


@pytest.mark.parametrize("names", [[], ["a"], ["a", "c", "it's \"{,}\\"]])
async def test_a_list_is_one_parameter_however_long_it_is(
    storage: SqlStorage, names: list[str]
) -> None:
    entries = [{"name": name, "post_id": 1} for name in ("a", "b", "it's \"{,}\\")]
    among = select(post_hashtags.c.name).where(is_among(post_hashtags.c.name, "names"))
    async with storage.transaction() as tx:
        await tx.posts.run(insert(post_hashtags), entries)
        found = await tx.posts.run(among, {"names": names})

    assert {name for (name,) in found} == {*names} - {"c"}


# Transactions


async def test_a_transaction_may_see_one_moment_throughout(migrated_postgres: str) -> None:
    storage = await SqlStorage.open(migrated_postgres)

    async with storage._lines.transaction(isolation="repeatable read") as run:
        ((before,),) = await run(COUNT_OF_USERS)
        await kept_user(storage)
        ((after,),) = await run(COUNT_OF_USERS)

    assert (before, after) == (0, 0)
    await storage.close()


async def test_a_transaction_in_sqlite_sees_one_moment_anyway(migrated_sqlite: str) -> None:
    storage = await SqlStorage.open(migrated_sqlite)

    async with storage._lines.transaction(isolation="repeatable read") as run:
        ((before,),) = await run(COUNT_OF_USERS)
        with pytest.raises(Unavailable):
            await write_from_another_process(migrated_sqlite)
        ((after,),) = await run(COUNT_OF_USERS)

    assert (before, after) == (0, 0)
    await storage.close()


async def write_from_another_process(url: str) -> None:
    """Add a user, or be told after a moment that somebody else writes."""
    other = await SqlStorage.open(url, patience=0.2)
    try:
        await kept_user(other)
    finally:
        await other.close()


@pytest.mark.parametrize("prepare_threshold", [5, None])
async def test_a_transaction_may_have_more_patience_than_others_but_not_be_idle_for_longer(
    migrated_postgres: str, prepare_threshold: int | None
) -> None:
    storage = await SqlStorage.open(
        migrated_postgres, patience=0.5, prepare_threshold=prepare_threshold
    )

    async with storage._lines.transaction(patience=10) as run:
        await run(text("SELECT pg_sleep(0.6)"))
        ((limit,),) = await run(text("SHOW statement_timeout"))
        ((idle,),) = await run(text("SHOW idle_in_transaction_session_timeout"))

    assert (limit, idle) == ("9s", "2s")
    await storage.close()


async def test_a_transaction_in_sqlite_may_have_more_patience_too(migrated_sqlite: str) -> None:
    storage = await SqlStorage.open(migrated_sqlite, patience=0.1)

    async with storage._lines.transaction(patience=10) as run:
        await asyncio.sleep(0.2)
        await run(COUNT_OF_USERS)

    await storage.close()


async def test_a_transaction_without_a_statement_asks_the_server_nothing(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres, connections=1)
    with psycopg.connect(migrated_postgres, autocommit=True) as watcher:
        before = watcher.execute(TRANSACTIONS).fetchone()

        async with storage.transaction():
            after = watcher.execute(TRANSACTIONS).fetchone()

    assert before == after
    await storage.close()


async def test_what_begins_a_transaction_goes_with_its_first_statement(
    migrated_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = await SqlStorage.open(migrated_postgres, rolls_up=False)
    trips: list[list[str]] = []
    go = PostgresConnection._trip

    async def noted(connection: PostgresConnection, commands: Sequence[Any]) -> Any:
        trips.append([sql.split()[0] for sql, _ in commands])
        return await go(connection, commands)

    monkeypatch.setattr(PostgresConnection, "_trip", noted)
    async with storage._lines.transaction() as run:
        await run(COUNT_OF_USERS)
        await run(COUNT_OF_USERS)

    assert trips == [["BEGIN", "SELECT", "SELECT"], ["SELECT"], ["COMMIT"]]
    await storage.close()


async def test_a_statement_is_told_in_which_words_it_is_run(storage: SqlStorage) -> None:
    async with storage.transaction() as tx, storage.reading() as reading:
        told = {tx.users.run.dialect, reading.users.run.dialect}
        ((version,),) = await reading.users.run(VERSIONS[reading.users.run.dialect])

    assert len(told) == 1
    assert version


async def test_a_connection_that_knows_too_many_statements_gives_way_to_a_new_one(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres, connections=1, prepare_threshold=0)
    numbers = [text(f"SELECT {number}, pg_backend_pid()") for number in range(_STATEMENTS_MAX + 2)]

    async with storage.reading() as reading:
        rows = [(await reading.users.run(number))[0] for number in numbers]
        ((prepared,),) = await reading.users.run(
            text("SELECT count(*) FROM pg_prepared_statements")
        )

    assert [number for number, _ in rows] == [*range(_STATEMENTS_MAX + 2)]
    assert len({process for _, process in rows}) == 2
    assert prepared < 10
    await storage.close()
