"""A service is opened from a URL, with a key of its own where it needs one."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest

from hashpost import Policy, open_service
from hashpost.adapters import tokens
from hashpost.domain.errors import InvalidInput, Unauthenticated
from hashpost.domain.session import Access
from hashpost.entrypoints import settings
from hashpost.entrypoints.library import (
    file_keys,
    key_path,
    open_settings,
    policy,
    require_lasting_key,
)
from hashpost.entrypoints.settings import Secret, Settings, SettingsError

KEY = "a secret that only tests know of"
PASSWORD = "correct horse battery"
POSTGRES = Settings(database_url=Secret("postgresql://db/posts"))

DRIVERS = {
    "alembic",
    "argon2",
    "click",
    "email_validator",
    "jwt",
    "limits",
    "litestar",
    "msgspec",
    "psycopg",
    "redis",
    "rich",
    "sqlalchemy",
    "structlog",
    "taskiq",
    "uvicorn",
}


def test_importing_it_loads_no_driver() -> None:
    program = f"""
import pkgutil, importlib, sys
from hashpost import open_service
import hashpost.domain, hashpost.application
for package in (hashpost.domain, hashpost.application):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print({DRIVERS} & sys.modules.keys())
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout == "set()\n"


async def test_a_service_in_memory_signs_up_and_lists() -> None:
    async with open_service("memory:") as service:
        ada = await service.sign_up(username="ada", password=PASSWORD)
        post = await service.create_post(ada.id, "Hello #World")
        page = await service.list_hashtag_posts(ada.id, "world")

    assert page.result == (post,)


async def test_a_policy_holds() -> None:
    async with open_service("memory:", policy=Policy(password_min_length=30)) as service:
        with pytest.raises(InvalidInput, match="30 to 256"):
            await service.sign_up(username="ada", password=PASSWORD)


async def test_the_policy_of_the_settings_holds() -> None:
    chosen = Settings(database_url=Secret("memory:"), password_min_length=30)

    async with open_settings(chosen) as service:
        with pytest.raises(InvalidInput, match="30 to 256"):
            await service.sign_up(username="ada", password=PASSWORD)


async def test_a_clock_of_ones_own_tells_the_time() -> None:
    at = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)

    async with open_service("memory:", clock=lambda: at) as service:
        ada = await service.sign_up(username="ada", password=PASSWORD)

    assert ada.created_at == at


async def token_of_ada(*, secret_key: str | None) -> str:
    async with open_service("memory:", secret_key=secret_key) as service:
        await service.sign_up(username="ada", password=PASSWORD)
        return (await service.log_in(username="ada", password=PASSWORD)).access


async def reads(token: str, *, secret_key: str | None) -> Access:
    async with open_service("memory:", secret_key=secret_key) as service:
        return service.authenticate.tokens.read(token, at=datetime.fromtimestamp(0, UTC))


async def test_a_token_is_read_under_any_key_of_the_list() -> None:
    token = await token_of_ada(secret_key=KEY)

    access = await reads(token, secret_key=f"{'new' * 11},{KEY}")

    assert access.generation == 0


async def test_without_a_key_each_service_in_memory_has_its_own() -> None:
    token = await token_of_ada(secret_key=None)

    with pytest.raises(Unauthenticated):
        await reads(token, secret_key=None)


async def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        async with open_service("memory:", secret_key="short"):
            pass


def test_a_server_on_postgresql_needs_a_key_that_lasts() -> None:
    with pytest.raises(SettingsError, match="HASHPOST_SECRET_KEY must be set"):
        require_lasting_key(POSTGRES)


@pytest.mark.parametrize(
    "chosen",
    [
        Settings(),
        Settings(database_url=Secret("memory:")),
        Settings(database_url=POSTGRES.database_url, secret_key=Secret(KEY)),
    ],
)
def test_any_other_server_has_a_key_or_makes_one(chosen: Settings) -> None:
    require_lasting_key(chosen)


def test_the_defaults_of_the_settings_are_those_of_the_policy() -> None:
    assert policy(Settings()) == Policy()


def test_a_key_that_the_settings_take_is_one_that_tokens_take() -> None:
    assert settings.KEY_MIN_BYTES == tokens.KEY_MIN_BYTES


def test_the_key_lies_beside_the_database() -> None:
    assert key_path(Path("var/posts.db")) == Path("var/posts.db.key")


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "posts.db.key"

    first = file_keys(path)

    assert len(first[0]) >= 32
    assert file_keys(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_of_several_makers_at_once_one_wins(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.key" for number in range(50)]
    barrier = Barrier(8)

    def make(path: Path) -> tuple[bytes, ...]:
        barrier.wait(10)
        return file_keys(path)

    with ThreadPoolExecutor(barrier.parties) as makers:
        made = [set(makers.map(make, [path] * barrier.parties)) for path in paths]

    assert [len(keys) for keys in made] == [1] * len(paths)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "posts.db.key"
    file_keys(path)
    path.chmod(0o640)

    with pytest.raises(SettingsError, match="has mode 0640 and must have 0600"):
        file_keys(path)


@pytest.mark.parametrize("content", ["", "\n", "short", f"{'k' * 32},short"])
def test_a_key_file_without_a_proper_key_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "posts.db.key"
    path.write_text(content)
    path.chmod(0o600)

    with pytest.raises(SettingsError, match="at least 32 bytes"):
        file_keys(path)

    assert path.read_text() == content


def test_a_key_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none/posts\.db\.key cannot be had: No such file"):
        file_keys(tmp_path / "none" / "posts.db.key")


async def test_an_sqlite_database_keeps_its_posts_and_its_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/posts.db"
    async with open_service(url) as service:
        ada = await service.sign_up(username="ada", password=PASSWORD)
        given = await service.log_in(username="ada", password=PASSWORD)

    async with open_service(url) as service:
        access = await service.authenticate(given.access)

    assert access.user_id == ada.id
    assert (tmp_path / "posts.db.key").exists()
