"""The servers that the other tests rely on are real, and go away."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests import servers

ROOT = Path(__file__).parents[2]


def test_postgresql_tells_its_version(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("select version()").fetchone()

    assert row is not None
    assert row[0].startswith("PostgreSQL ")


def test_redis_answers_ping(redis_url: str) -> None:
    assert servers.redis_answers(redis_url)


def test_a_fresh_database_is_a_copy_of_its_template(postgres_url: str) -> None:
    with servers.fresh_database(postgres_url) as template:
        with psycopg.connect(template) as connection:
            connection.execute("create table things (id integer)")

        with (
            servers.fresh_database(postgres_url, template=template.rpartition("/")[2]) as copy,
            psycopg.connect(copy) as connection,
        ):
            row = connection.execute("select count(*) from things").fetchone()

    assert row == (0,)


def test_a_fresh_database_is_dropped_though_somebody_is_connected(postgres_url: str) -> None:
    with servers.fresh_database(postgres_url) as url:
        left_open = psycopg.connect(url)

    with left_open, pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


PROGRAM = """
import signal
import sys
from tests import servers

# A shell starts what it runs in the background with this one ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with servers.postgres() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_server_goes_away_however_its_tests_end(how: signal.Signals, postgres_url: str) -> None:
    environment = {**os.environ, servers.POSTGRES.variable: ""}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        url = tests.stdout.readline().strip()
        with psycopg.connect(url) as connection:
            row = connection.execute("show data_directory").fetchone()
        assert row is not None

        tests.send_signal(how)
        tests.wait()

    assert _before_long(lambda: not Path(row[0]).parent.exists())
    assert not _answers(url)


def _before_long(condition: Callable[[], bool]) -> bool:
    """Wait until the condition holds, for a minute at most."""
    wait = threading.Event().wait
    return any(condition() or wait(0.05) for _ in range(1200))


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


SKIPPED = """
import pytest

def test_that_needs_a_server() -> None:
    pytest.skip("no server")
"""


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 failed"), ("false", "1 skipped")])
def test_a_skip_here_is_a_failure_in_ci_only(ci: str, outcome: str, tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "integration"
    folder.mkdir(parents=True)
    (folder / "test_skipped.py").write_text(SKIPPED)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:schemathesis"]

    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", tmp_path, folder],
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert outcome in done.stdout
