"""The schema: it goes up and down, and is what the code declares."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from hashpost.adapters.sql import (
    SchemaMismatch,
    SqlStorage,
    downgrade,
    migrate,
    schema_revision,
)
from hashpost.adapters.sql.address import Address
from hashpost.adapters.sql.migrations import HEAD
from hashpost.adapters.sql.tables import metadata
from hashpost.domain.errors import Unavailable
from hashpost.domain.user import email_key

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A plain connection to the database."""
    engine = create_engine(Address.parsed(url).url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


DEFINITIONS = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'",
    "postgresql": """
        SELECT 'column', attrelid::regclass::text || '.' || attname,
               format_type(atttypid, atttypmod) || ' ' || attnotnull || ' ' || collname
          FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation
         WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
           AND attnum > 0 AND NOT attisdropped AND attrelid::regclass::text NOT LIKE '%alembic%'
         UNION ALL
        SELECT 'constraint', conname, pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace
           AND conname NOT LIKE '%alembic%'
         UNION ALL
        SELECT 'index', indexname, indexdef
          FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '%alembic%'
        """,
}
"""What the database says of all that is in it, by its own word."""


def definitions(connection: Connection) -> set[tuple[Any, ...]]:
    """All that is defined, however it is broken into lines."""
    rows = connection.execute(text(DEFINITIONS[connection.dialect.name]))
    return {tuple(map(_in_one_line, row)) for row in rows}


def _in_one_line(value: object) -> str:
    return " ".join(str(value).split()).replace(" ,", ",").replace(" )", ")")


def test_a_database_goes_up_down_and_up_again(empty_url: str) -> None:
    before = schema_revision(empty_url)
    migrate(empty_url)
    up = schema_revision(empty_url)
    downgrade(empty_url, revision="base")
    down = schema_revision(empty_url)
    with connected(empty_url) as connection:
        left = definitions(connection)
    migrate(empty_url)

    assert (before, up, down) == (None, HEAD, None)
    assert left == set()
    assert schema_revision(empty_url) == HEAD


def test_migrating_twice_changes_nothing(migrated_url: str) -> None:
    with connected(migrated_url) as connection:
        before = definitions(connection)

    migrate(migrated_url)

    with connected(migrated_url) as connection:
        assert definitions(connection) == before


def test_the_migrated_schema_is_the_declared_one(migrated_url: str) -> None:
    with connected(migrated_url) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrated_schema_is_defined_word_for_word_as_the_declared_one(empty_url: str) -> None:
    migrate(empty_url)
    with connected(empty_url) as connection:
        migrated = definitions(connection)
    downgrade(empty_url, revision="base")

    with connected(empty_url) as connection:
        metadata.create_all(connection)
        assert definitions(connection) == migrated


BEFORE = """
    INSERT INTO users (id, username, username_key, email, password_hash, generation)
    VALUES (1, 'Ada', 'ada', 'Ada.É@Example.COM', 'h', 3), (2, 'bob', 'bob', NULL, NULL, 0)
"""
SESSION_BEFORE = """
    INSERT INTO sessions (id, user_id, current, previous, rotated_at, expires_at, revoked_at)
    VALUES (5, 1, '1', NULL, NULL, 7, NULL)
"""


def test_the_second_revision_goes_up_and_down_again_and_keeps_what_there_is(
    empty_url: str,
) -> None:
    migrate(empty_url, revision="0001")
    with connected(empty_url) as connection:
        first = definitions(connection)
        connection.execute(text(BEFORE))
        connection.execute(text(SESSION_BEFORE))

    migrate(empty_url, revision="0002")
    with connected(empty_url) as connection:
        users = connection.execute(
            text("SELECT email, email_key, weekly_digest, digest_at FROM users ORDER BY id")
        ).all()
        generations = connection.execute(text("SELECT generation FROM sessions")).all()
    downgrade(empty_url, revision="0001")

    assert users == [
        ("Ada.É@Example.COM", email_key("Ada.É@Example.COM"), False, None),
        (None, None, False, None),
    ]
    assert generations == [(0,)]
    with connected(empty_url) as connection:
        assert definitions(connection) == first
        kept = connection.execute(text("SELECT id, email, generation FROM users ORDER BY id"))
        assert kept.all() == [(1, "Ada.É@Example.COM", 3), (2, None, 0)]


def test_the_program_before_may_write_while_it_is_replaced(migrated_url: str) -> None:
    with connected(migrated_url) as connection:
        connection.execute(text(BEFORE))
        connection.execute(text(SESSION_BEFORE))


def test_names_are_compared_by_code_points_whatever_the_locale_of_the_database(
    migrated_postgres: str,
) -> None:
    with connected(migrated_postgres) as connection:
        defined = {name: definition for _, name, definition in definitions(connection)}

    assert defined["post_hashtags.name"] == "text true C"
    assert defined["users.username_key"] == "text true C"


def test_the_revision_that_the_code_is_for_is_the_last_one() -> None:
    config = Config()
    config.set_main_option("script_location", "hashpost.adapters.sql:migrations")

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_many_who_migrate_at_once_all_succeed(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate, [empty_url] * 4))

    assert schema_revision(empty_url) == HEAD


def test_processes_that_start_at_once_on_one_new_file_all_succeed(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from hashpost.adapters.sql import SqlStorage\n"
        "from hashpost.testing.contracts.keeping import kept_user\n"
        "async def main():\n"
        "    storage = await SqlStorage.open(sys.argv[1])\n"
        "    await kept_user(storage, sys.argv[2])\n"
        "    await storage.close()\n"
        "asyncio.run(main())\n"
    )
    url = f"sqlite:///{tmp_path / 'new.db'}"
    # Their builders count from the same number: the same id, so the losers must be told.
    started = [
        subprocess.Popen([sys.executable, "-c", program, url, f"user{number}"])
        for number in range(3)
    ]

    statuses = sorted(process.wait(60) for process in started)

    assert statuses == [0, 1, 1]
    assert schema_revision(url) == HEAD


async def test_opening_sqlite_migrates_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"

    storage = await SqlStorage.open(url)
    await storage.ping()
    await storage.close()

    assert schema_revision(url) == HEAD


async def test_opening_postgresql_without_our_schema_says_what_to_run(database_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="run `hashpost migrate`"):
        await SqlStorage.open(database_url)

    assert schema_revision(database_url) is None


async def test_a_database_that_a_newer_program_has_migrated_is_refused(migrated_url: str) -> None:
    with connected(migrated_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'z9'"))

    with pytest.raises(SchemaMismatch, match="z9"):
        await SqlStorage.open(migrated_url)
    with pytest.raises(SchemaMismatch, match="z9"):
        migrate(migrated_url)


def test_a_migration_that_fails_changes_nothing(empty_url: str) -> None:
    with connected(empty_url) as connection:
        connection.execute(text("CREATE TABLE imports (i INTEGER)"))  # ours comes last
        before = definitions(connection)

    with pytest.raises(Exception, match="exists"):
        migrate(empty_url)

    with connected(empty_url) as connection:
        assert definitions(connection) == before


def test_a_migration_waits_for_the_one_before_it(migrated_postgres: str) -> None:
    with (
        psycopg.connect(migrated_postgres) as other,
        psycopg.connect(migrated_postgres, autocommit=True) as watcher,
        ThreadPoolExecutor(1) as threads,
    ):
        other.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(b"hashpost", "big")])
        migration = threads.submit(migrate, migrated_postgres)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while watcher.execute(waiting).fetchone() == (0,):
            assert not migration.done()
        other.rollback()

        migration.result()


def test_a_migration_waits_for_whoever_writes_a_file_that_has_no_log_yet(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        other.execute("BEGIN IMMEDIATE")
        migration = threads.submit(migrate, f"sqlite:///{path}")
        with pytest.raises(TimeoutError):
            migration.result(timeout=0.3)
        other.execute("ROLLBACK")

        migration.result()


@pytest.mark.parametrize("work", [migrate, schema_revision])
def test_a_database_that_is_away_is_unavailable(work: Any) -> None:
    with pytest.raises(Unavailable) as raised:
        work(NOWHERE)

    assert raised.value.__cause__ is not None


async def test_opening_a_database_that_is_away_fails_soon() -> None:
    async with asyncio.timeout(3):
        with pytest.raises(Unavailable):
            await SqlStorage.open(NOWHERE)


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "sqlite://", "sqlite:///:memory:", "no"])
async def test_a_url_that_is_none_of_ours_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///") as raised:
        await SqlStorage.open(url)

    assert "secret" not in repr(raised.value)
