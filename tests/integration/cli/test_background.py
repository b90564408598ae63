"""Jobs are done behind `serve`, or by `worker` and `scheduler`, which end in time and in order."""

import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import httpx
import pytest
from redis import Redis

from hashpost.adapters.system import SystemClock
from hashpost.domain.message import LEASE, OPEN, State
from tests.integration.cli.background import (
    messages_in,
    slow_smtp,
    started,
    stopped,
    wait_for,
)
from tests.integration.cli.commands import hashpost
from tests.integration.cli.serving import KEY, serving
from tests.integration.taskiq.restarting import own_redis

ADA = {"username": "ada", "password": "correct horse battery", "email": "ada@example.org"}
QUICK = 8.0
"""Seconds within which something ends that has nothing to wait for; a loaded machine needs some."""
AT_MOST = 15.0
"""Seconds within which everything ends, whatever hangs."""


@pytest.fixture
def redis(redis_url: str) -> Iterator[str]:
    """The URL of an empty Redis database that is this process's alone."""
    number = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
    url = urlsplit(redis_url)._replace(path=f"/{int(number) % 15 + 1}").geturl()
    with Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def lite(tmp_path: Path) -> dict[str, str]:
    """The settings of a process over a file of SQLite that is there already."""
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db"}
    hashpost("migrate", settings=settings)
    return settings


@pytest.fixture
def alone(lite: dict[str, str], redis: str) -> dict[str, str]:
    """The settings of a worker or a scheduler."""
    return lite | {"REDIS_URL": redis}


def sign_up(url: str, name: str = "ada") -> None:
    created = httpx.post(f"{url}/api/create_user/", json=ADA | {"username": name})
    assert created.status_code == 201


# All in one process


def test_without_redis_the_workers_of_a_server_do_all_jobs(
    tmp_path: Path, lite: dict[str, str]
) -> None:
    with serving(tmp_path, "--workers", "2", settings=lite) as server:
        sign_up(server.url)
        [message] = messages_in(lite["DATABASE_URL"], {State.DONE})

    assert (message.job, message.attempts) == ("welcome-mail", 1)
    assert len(list(tmp_path.glob("mail/welcome-mail.*.eml"))) == 1


def test_what_is_in_memory_is_done_as_well(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"DATABASE_URL": "memory:"}) as server:
        sign_up(server.url)
        status, _ = stopped(server.process)

    assert status == 0
    assert len(list(tmp_path.glob("mail/welcome-mail.*.eml"))) == 1


def test_a_job_that_was_asked_for_by_command_is_done_by_the_server(
    tmp_path: Path, lite: dict[str, str]
) -> None:
    with serving(tmp_path, settings=lite):
        asked = hashpost("schedule", "run", "score-trends", settings=lite)
        [message] = messages_in(lite["DATABASE_URL"], {State.DONE})

    assert asked.status == 0
    assert message.job == "score-trends"


def test_a_server_finishes_the_job_under_way_before_it_ends(
    tmp_path: Path, lite: dict[str, str]
) -> None:
    with slow_smtp() as smtp, serving(tmp_path, settings=lite | {"SMTP_URL": smtp.url}) as server:
        sign_up(server.url)
        assert smtp.called.wait(20)
        server.process.terminate()
        wait_for("finishing jobs", server.log)
        smtp.may_answer.set()
        status = server.process.wait(AT_MOST)

    [message] = messages_in(lite["DATABASE_URL"], {State.DONE})
    assert (status, message.attempts) == (0, 1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_ends_in_time_with_a_job_that_hangs(
    tmp_path: Path, lite: dict[str, str], workers: str
) -> None:
    with (
        slow_smtp() as smtp,
        serving(tmp_path, "--workers", workers, settings=lite | {"SMTP_URL": smtp.url}) as server,
    ):
        sign_up(server.url)
        assert smtp.called.wait(20)
        status, seconds = stopped(server.process)

    assert (status, seconds < AT_MOST) == (0, True)
    assert "Traceback" not in server.log.read_text()
    assert_it_becomes_due_again(lite)


def assert_it_becomes_due_again(settings: Mapping[str, str]) -> None:
    [message] = messages_in(settings["DATABASE_URL"], OPEN)
    assert message.next_at is not None
    assert message.next_at <= SystemClock()() + LEASE + timedelta(seconds=1)


# Each in a process of its own


@pytest.mark.parametrize("command", ["worker", "scheduler"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_idle_listens_on_no_port_and_ends_at_once(
    tmp_path: Path, alone: dict[str, str], command: str, number: signal.Signals
) -> None:
    with started(tmp_path, command, alone) as process:
        listening = listeners(process.process.pid)
        status, seconds = process.stop(number)

    assert process.said.startswith(f"hashpost {command} is ready")
    assert (listening, status, seconds < QUICK) == (0, 0, True)
    assert process.log.read_text() == ""


def listeners(pid: int) -> int:
    """On how many TCP sockets a process listens."""
    links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return sum(fields[3] == "0A" and fields[9] in inodes for fields in lines)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_server_worker_and_scheduler_share_database_and_redis(
    request: pytest.FixtureRequest, tmp_path: Path, redis: str, database: str
) -> None:
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/posts.db", "REDIS_URL": redis}
    if database == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("database_url")
    hashpost("migrate", settings=settings)

    with (
        started(tmp_path, "worker", settings) as worker,
        started(tmp_path, "scheduler", settings),
        serving(tmp_path, settings=settings) as server,
    ):
        sign_up(server.url)
        messages_in(settings["DATABASE_URL"], {State.DONE})
        hashpost("schedule", "run", "score-trends", settings=settings)
        messages = messages_in(settings["DATABASE_URL"], {State.DONE}, count=2)

    assert [message.attempts for message in messages] == [1, 1]
    done = logged(worker.log, "job done")
    assert {event["message_id"] for event in done} >= {message.id for message in messages}
    assert logged(server.log, "job done") == []
    assert "ada@" not in worker.log.read_text()


def logged(log: Path, message: str) -> list[dict[str, object]]:
    """What was logged under that name."""
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return [event for event in events if event["message"] == message]


def test_a_scheduler_ends_at_once_and_a_worker_when_its_job_is_done(
    tmp_path: Path, alone: dict[str, str]
) -> None:
    with (
        slow_smtp() as smtp,
        started(tmp_path, "worker", alone | {"SMTP_URL": smtp.url}) as worker,
        started(tmp_path, "scheduler", alone) as scheduler,
        serving(tmp_path, settings=alone) as server,
    ):
        sign_up(server.url)
        assert smtp.called.wait(20)
        status, seconds = scheduler.stop()
        worker.process.terminate()
        wait_for("finishing jobs", worker.log)
        smtp.may_answer.set()
        worker_status = worker.process.wait(AT_MOST)

    [message] = messages_in(alone["DATABASE_URL"], {State.DONE})
    assert (status, seconds < QUICK) == (0, True)
    assert (worker_status, message.attempts) == (0, 1)


def test_a_worker_ends_in_time_with_a_job_that_hangs(tmp_path: Path, alone: dict[str, str]) -> None:
    with (
        slow_smtp() as smtp,
        started(tmp_path, "worker", alone | {"SMTP_URL": smtp.url}) as worker,
        serving(tmp_path, settings=alone) as server,
    ):
        sign_up(server.url)
        assert smtp.called.wait(20)
        status, seconds = worker.stop()

    assert (status, seconds < AT_MOST) == (0, True)
    assert "Traceback" not in worker.log.read_text()
    assert_it_becomes_due_again(alone)


def test_a_server_answers_while_redis_is_away_and_mails_go_out_when_it_comes(
    tmp_path: Path, lite: dict[str, str]
) -> None:
    with own_redis() as redis:
        settings = lite | {"REDIS_URL": redis.url}
        with (
            started(tmp_path, "worker", settings) as worker,
            started(tmp_path, "scheduler", settings) as scheduler,
            serving(tmp_path, settings=settings) as server,
        ):
            began = perf_counter()
            for name in ("ada", "bob", "eve"):
                sign_up(server.url, name)
            took = perf_counter() - began
            redis.start()
            messages_in(settings["DATABASE_URL"], {State.DONE}, count=3)
            ends = [stopped(each.process) for each in (server, scheduler, worker)]

    assert took < 3 * 2
    assert [status for status, _ in ends] == [0, 0, 0]
    assert len(logged(server.log, "away")) == 1
    assert len(logged(worker.log, "away")) == 1
    assert len(logged(scheduler.log, "away")) <= 2


# What cannot work


@pytest.mark.parametrize("command", ["worker", "scheduler"])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "hashpost: HASHPOST_REDIS_URL must be set: without it, `hashpost serve` does jobs"),
        (
            {"DATABASE_URL": "memory:", "REDIS_URL": "redis://127.0.0.1:1"},
            "hashpost: HASHPOST_DATABASE_URL is memory:",
        ),
        (
            {
                "DATABASE_URL": "postgresql://ada@127.0.0.1:1/posts",
                "REDIS_URL": "redis://127.0.0.1:1",
            },
            "hashpost: HASHPOST_SECRET_KEY must be set with PostgreSQL",
        ),
    ],
)
def test_settings_that_cannot_work_are_told_in_a_line(
    command: str, settings: dict[str, str], reason: str
) -> None:
    done = hashpost(command, settings=settings)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(reason)
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_a_database_that_is_away_is_told_in_a_line(command: str) -> None:
    away = {
        "DATABASE_URL": "postgresql://ada:hunter2@127.0.0.1:1/posts",
        "REDIS_URL": "redis://127.0.0.1:1",
        "SECRET_KEY": KEY,
    }

    done = hashpost(command, settings=away)

    assert (done.status, len(done.err.splitlines())) == (1, 1)
    assert "hunter2" not in done.err


@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_its_help_has_an_example(command: str) -> None:
    done = hashpost(command, "--help")

    assert done.status == 0
    assert f"hashpost {command}" in done.out.partition("Example")[2]
