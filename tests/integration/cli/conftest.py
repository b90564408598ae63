"""The two kinds of database that commands work on."""

import pytest

from tests.integration.sql.conftest import (
    migrated_postgres,
    migrated_sqlite,
    migrated_url,
    postgres_template,
    sqlite_template,
)

__all__ = [
    "migrated_postgres",
    "migrated_sqlite",
    "migrated_url",
    "postgres_template",
    "sqlite_template",
]


@pytest.fixture
def url(migrated_url: str) -> str:
    """The URL of an empty database with the present schema."""
    return migrated_url


@pytest.fixture
def settings(url: str) -> dict[str, str]:
    """The settings of a command on that database."""
    return {"DATABASE_URL": url}
