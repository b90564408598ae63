"""What every test can use: real servers, databases of its own, and Hypothesis profiles."""

import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import servers

IN_CI = os.environ.get("CI") == "true"

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# mutmut runs the tests of classes several times in one process, and keeps many processes going.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors],
)
MUTATED = "MUTANT_UNDER_TEST" in os.environ
settings.load_profile("mutants" if MUTATED else "ci" if IN_CI else "dev")

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - files in it have random names, as in any such folder
ROOM = 4 * 2**30
"""Bytes; several times what two workers and their servers ever write."""


def _has_room(folder: Path) -> bool:
    """Whether programs and databases find room in that folder."""
    if not os.access(folder, os.W_OK):
        return False
    about = os.statvfs(folder)
    return about.f_bavail * about.f_frsize >= ROOM and not about.f_flag & os.ST_NOEXEC


# To copy a database and remove it takes a third of the time there, and nobody waits for a disk.
if "TMPDIR" not in os.environ and _has_room(IN_MEMORY):
    os.environ["TMPDIR"] = str(IN_MEMORY)

KEPT = ("HASHPOST_TEST_", "HASHPOST_SHARED")
"""Variables meant for tests; other settings of the developer's shell must not reach them."""
for name in list(os.environ):
    if name.startswith("HASHPOST_") and not name.startswith(KEPT):
        del os.environ[name]


def pytest_report_header() -> list[str]:
    """Say which databases the tests will use, so that a log tells what was tested."""
    found = [_text(servers.find_postgres), _text(servers.find_redis)]
    return ["databases: " + "; ".join([f"SQLite {sqlite3.sqlite_version}", *found])]


def _text(find: Callable[[], servers.Origin]) -> str:
    try:
        return find().text
    except servers.ServerMissing as missing:
        return str(missing)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server, as superuser; started when asked for, one in each worker."""
    yield from _started(servers.postgres())


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server; started when asked for, one in each worker."""
    yield from _started(servers.redis())


def _started(server: AbstractContextManager[str]) -> Iterator[str]:
    try:
        with server as url:
            yield url
    except servers.ServerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database that is this test's alone."""
    with servers.fresh_database(postgres_url) as url:
        yield url


COVERING = ("domain", "application")
"""The folders of unit tests, named after what is measured, that cover all of it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Measure what those cover alone: to watch the other tests would double their time."""
    covering = [Path(__file__).parent / "unit" / name for name in COVERING]
    for item in items:
        if not any(map(item.path.is_relative_to, covering)):
            item.add_marker(pytest.mark.no_cover)


# In CI, where servers have to be had, an integration test that is skipped has failed.


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of an integration test into a failure."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn the skip of a whole module of integration tests into a failure."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if IN_CI and report.skipped and str(report.nodeid).startswith("tests/integration/"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped although CI=true: {reason}"
