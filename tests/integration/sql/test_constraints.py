"""Broken constraints, and the errors of drivers, become errors of the domain."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import insert, text

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.constraints import constraint_name
from hashpost.adapters.sql.rows import user_values
from hashpost.adapters.sql.tables import users
from hashpost.domain.errors import UsernameTaken
from hashpost.testing.builders import a_user

INTEGRITY_ERRORS = (sqlite3.IntegrityError, psycopg.IntegrityError)


async def break_with(storage: SqlStorage, values: dict[str, object]) -> None:
    """Insert that row of `users`, without any clause for conflicts."""
    async with storage.transaction() as tx:
        await tx.users.run(insert(users), values)


async def test_a_taken_name_is_known_by_its_constraint(storage: SqlStorage) -> None:
    ada = user_values(a_user("ada"))
    await break_with(storage, ada)

    with pytest.raises(UsernameTaken) as raised:
        await break_with(storage, ada | {"id": a_user().id})

    cause = raised.value.__cause__
    assert isinstance(cause, INTEGRITY_ERRORS)
    assert constraint_name(cause) == "uq_users_username_key"


async def test_another_constraint_is_not_taken_for_that_of_names(storage: SqlStorage) -> None:
    ada = user_values(a_user("ada"))
    await break_with(storage, ada)

    with pytest.raises(INTEGRITY_ERRORS):
        await break_with(storage, ada | {"username_key": "bob"})


async def test_a_missing_value_is_not_taken_for_a_taken_name(storage: SqlStorage) -> None:
    with pytest.raises(INTEGRITY_ERRORS) as raised:
        await break_with(storage, user_values(a_user()) | {"username_key": None})

    assert constraint_name(raised.value) is None


async def test_a_mistake_in_a_statement_is_no_unavailability(migrated_postgres: str) -> None:
    storage = await SqlStorage.open(migrated_postgres)

    with pytest.raises(psycopg.ProgrammingError):
        async with storage.transaction() as tx:
            await tx.users.run(text("SELECT nothing FROM nowhere"))

    await storage.ping()
    await storage.close()


async def test_a_transaction_does_not_go_on_after_a_failed_statement(storage: SqlStorage) -> None:
    ada, bob = a_user("ada"), a_user("bob")

    async def add_three() -> None:
        async with storage.transaction() as tx:
            await tx.users.add(ada)
            with pytest.raises(UsernameTaken):
                await tx.users.add(a_user("ADA"))
            await tx.users.add(bob)

    with pytest.raises(RuntimeError, match="failed"):
        await add_three()

    async with storage.reading() as reading:
        assert await reading.users.by_id(ada.id) is None


async def test_a_failed_transaction_is_not_committed_in_silence(storage: SqlStorage) -> None:
    ada = a_user("ada")

    async def add_two() -> None:
        async with storage.transaction() as tx:
            await tx.users.add(ada)
            with pytest.raises(UsernameTaken):
                await tx.users.add(a_user("ADA"))

    with pytest.raises(RuntimeError, match="failed"):
        await add_two()

    async with storage.reading() as reading:
        assert await reading.users.by_id(ada.id) is None
