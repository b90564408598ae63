"""`hashpost serve` says where it listens, drains when told to stop, refuses what cannot work."""

import json
import re
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.cli.commands import hashpost, in_a_shell
from tests.integration.cli.serving import KEY, Served, serving

PASSWORD = "correct horse battery"
ADA = {"username": "ada", "password": PASSWORD}


def test_it_tells_where_it_listens_and_where_the_documentation_is(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        ready = httpx.get(f"{server.url}/health/ready")
        docs = httpx.get(server.said.split()[-1])

    assert (ready.status_code, docs.status_code) == (200, 200)
    assert server.said == (
        f"hashpost listens on {server.url}\nIts documentation is at {server.url}/api/docs/\n"
    )


def test_what_was_written_is_there_after_a_restart(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    with serving(tmp_path, settings=settings) as server:
        created = httpx.post(f"{server.url}/api/create_user/", json=ADA)

    with serving(tmp_path, settings=settings) as server:
        tokens = httpx.post(f"{server.url}/api/token/", json=ADA)

    assert (created.status_code, tokens.status_code) == (201, 200)


@pytest.mark.skipif(sys.platform != "linux", reason="hashing is in the server's process")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_passwords_are_hashed_by_processes_that_end_with_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path) as server:
        before = _hashing(server)
        httpx.post(f"{server.url}/api/create_user/", json=ADA)
        during = _hashing(server)
        server.stop(number)

    assert (len(before), len(during)) == (0, 1)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{each}").exists() for each in during):
        assert time.monotonic() < until, "it is still there"
        time.sleep(0.01)


def _hashing(server: Served) -> list[str]:
    """The processes that hash for it."""
    of_each_thread = Path(f"/proc/{server.process.pid}/task").glob("*/children")
    children = [child for path in of_each_thread for child in path.read_text().split()]
    commands = {each: Path(f"/proc/{each}/cmdline").read_bytes() for each in children}
    return [each for each, command in commands.items() if b"hashing.py" in command]


def test_without_any_setting_it_makes_a_database_and_a_key_where_it_is(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"SECRET_KEY": ""}) as server:
        created = httpx.post(f"{server.url}/api/create_user/", json=ADA)

    assert created.status_code == 201
    assert {"hashpost.db", "hashpost.db.key"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_with_status_0(tmp_path: Path, workers: str, number: signal.Signals) -> None:
    with serving(tmp_path, "--workers", workers) as server:
        status = server.stop(number)

    assert status == 0
    assert "Traceback" not in server.log.read_text()


def test_a_request_under_way_is_finished_before_it_stops(tmp_path: Path) -> None:
    body = json.dumps(ADA).encode()
    head = (
        "POST /api/create_user/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with serving(tmp_path) as server:
        address = (urlsplit(server.url).hostname, urlsplit(server.url).port)
        with socket.create_connection(address, timeout=10) as caller:
            caller.sendall(head.encode() + body[:10])
            server.process.terminate()
            wait_until_nobody_listens(address)
            caller.sendall(body[10:])
            answer = caller.recv(65536)
        status = server.process.wait(15)

    assert answer.startswith(b"HTTP/1.1 201 ")
    assert status == 0


def wait_until_nobody_listens(address: tuple[str | None, int | None]) -> None:
    with suppress(ConnectionError):
        while True:
            socket.create_connection(address, timeout=5).close()


def test_several_workers_share_the_work_and_are_all_gone_in_the_end(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    with serving(tmp_path, "--workers", "2", settings=settings) as server:
        httpx.post(f"{server.url}/api/create_user/", json=ADA)
        token = httpx.post(f"{server.url}/api/token/", json=ADA).json()["access"]
        authorized = {"Authorization": f"Bearer {token}"}
        answers = {
            httpx.get(f"{server.url}/api/posts/", headers=authorized).status_code for _ in range(10)
        }
        status = server.stop()

    workers = re.findall(r"Started server process \[(\d+)\]", server.log.read_text())
    assert (answers, status) == ({200}, 0)
    assert len(workers) == 2
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def test_options_override_settings(tmp_path: Path) -> None:
    elsewhere = {"HOST": "192.0.2.1", "WORKERS": "7", "PORT": "1"}

    with serving(tmp_path, "--host", "::1", "--workers", "1", settings=elsewhere) as server:
        ready = httpx.get(f"{server.url}/health/ready")

    assert server.url.startswith("http://[::1]:")
    assert ready.status_code == 200


def test_logs_are_json_and_hold_no_secret(tmp_path: Path, settings: dict[str, str]) -> None:
    with serving(tmp_path, settings={**settings, "LOG_LEVEL": "debug"}) as server:
        httpx.post(f"{server.url}/api/create_user/", json=ADA)
        tokens = httpx.post(f"{server.url}/api/token/", json=ADA).json()
        headers = {"Authorization": f"Bearer {tokens['access']}", "X-Request-ID": "mine"}
        httpx.get(f"{server.url}/api/posts/", headers=headers)
        httpx.post(f"{server.url}/api/token/refresh/", json={"refresh": tokens["refresh"]})

    log = server.log.read_text()
    events = [json.loads(line) for line in log.splitlines()]
    assert "mine" in {event.get("request_id") for event in events}
    secrets = [PASSWORD, KEY, tokens["access"], tokens["refresh"]]
    assert [secret for secret in secrets if secret in log] == []


def test_where_it_listens_is_told_however_little_is_logged(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"LOG_LEVEL": "error"}) as server:
        httpx.get(f"{server.url}/health/ready")

    assert server.log.read_text() == ""


def test_a_port_that_is_taken_is_told_in_a_line(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        port = str(urlsplit(server.url).port)
        done = in_a_shell("serve", "--port", port, settings={"DATABASE_URL": "memory:"})

    assert done.status == 1
    assert "address already in use" in done.err
    assert "Traceback" not in done.err


def test_bad_settings_are_all_told_and_nothing_is_served() -> None:
    wrong = {"PORT": "http", "WORKERS": "none", "LOG_LEVEL": "loud", "PROT": "1"}

    done = in_a_shell("serve", settings=wrong)

    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines() == [
        "hashpost: HASHPOST_PROT is no setting and is ignored; did you mean HASHPOST_PORT?",
        "hashpost: HASHPOST_PORT must be a whole number from 0 to 65535",
        "hashpost: HASHPOST_WORKERS must be a whole number from 1 to 256",
        "hashpost: HASHPOST_LOG_LEVEL must be debug, info, warning or error",
    ]


def test_postgresql_without_a_key_is_refused() -> None:
    done = hashpost("serve", settings={"DATABASE_URL": "postgresql://ada@127.0.0.1:1/posts"})

    assert done.status == 2
    assert done.err.startswith("hashpost: HASHPOST_SECRET_KEY must be set with PostgreSQL")


def test_a_database_of_another_schema_is_refused_with_what_to_run(database_url: str) -> None:
    empty = {"DATABASE_URL": database_url, "SECRET_KEY": KEY}

    done = hashpost("serve", "--port", "0", settings=empty)

    assert (done.status, done.out) == (1, "")
    assert "run `hashpost migrate`" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_database_that_is_away_is_told_in_a_line() -> None:
    away = {"DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1:1/posts", "SECRET_KEY": KEY}

    done = hashpost("serve", "--port", "0", settings=away)

    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert "Connection refused" in done.err
    assert "hunter2" not in done.err


def test_processes_cannot_share_what_is_in_memory() -> None:
    done = hashpost("serve", "--workers", "2", settings={"DATABASE_URL": "memory:"})

    assert (done.status, done.err) == (
        2,
        "hashpost: HASHPOST_WORKERS must be 1 with memory:, which processes cannot share\n",
    )


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}
    hashpost("migrate", settings=settings)
    hashpost("export", settings=settings)
    (tmp_path / "posts.db.key").chmod(0o644)

    done = hashpost("serve", "--port", "0", settings=settings)

    assert done.status == 2
    assert "posts.db.key has mode 0644 and must have 0600" in done.err
