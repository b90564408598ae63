"""Databases for retries."""

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
