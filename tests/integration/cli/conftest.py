"""The two kinds of database that commands work on."""

from pathlib import Path

import pytest

from hashpost.adapters import sql


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database with the present schema."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/posts.db"
    migrated: str = request.getfixturevalue("database_url")
    sql.migrate(migrated)
    return migrated


@pytest.fixture
def settings(url: str) -> dict[str, str]:
    """The settings of a command on that database."""
    return {"DATABASE_URL": url}
