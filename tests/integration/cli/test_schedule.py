"""The commands that change when periodic jobs run."""

import asyncio
import json
import re
from datetime import UTC, datetime

import pytest

from hashpost.entrypoints.library import open_service
from tests.integration.cli.commands import hashpost

OLD = '{"author":"ada","text":"Hello","created_at":"2020-01-02T03:04:05.006Z"}\n'


def test_all_jobs_are_listed_with_their_next_times(settings: dict[str, str]) -> None:
    done = hashpost("schedule", "list", "--json", settings=settings)

    planned = {each["job"]: each for each in json.loads(done.out)}
    assert planned["score-trends"] == {
        "job": "score-trends",
        "cron": "*/5 * * * *",
        "enabled": True,
        "arguments": {},
        "next_at": planned["score-trends"]["next_at"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d[05]:00\.000Z", planned["score-trends"]["next_at"])
    assert planned["delete-old-posts"]["next_at"] is None
    assert planned["delete-old-posts"]["arguments"] == {"days": 365}


def test_programs_get_lines_with_tabs(settings: dict[str, str]) -> None:
    done = hashpost("schedule", "list", settings=settings)

    assert "delete-old-posts\t37 4 * * *\tno\t\tdays=365\n" in done.out


def test_a_job_is_switched_off_and_on(settings: dict[str, str]) -> None:
    off = hashpost("schedule", "disable", "send-digests", settings=settings)
    on = hashpost("schedule", "enable", "send-digests", "--json", settings=settings)

    assert off.out == "send-digests is disabled: 0 8 * * *\n"
    assert json.loads(on.out)["enabled"] is True


@pytest.mark.parametrize(("answer", "status", "enabled"), [("y\n", 0, "yes"), ("n\n", 1, "no")])
def test_it_says_how_many_posts_would_be_deleted_before_it_is_switched_on(
    settings: dict[str, str], answer: str, status: int, enabled: str
) -> None:
    hashpost("import", "-", settings=settings, stdin=OLD)

    done = hashpost("schedule", "enable", "delete-old-posts", settings=settings, stdin=answer)

    assert done.status == status
    assert "1 posts are older than 365 days and would be deleted (softly)" in done.err
    listed = hashpost("schedule", "list", settings=settings)
    assert f"delete-old-posts\t37 4 * * *\t{enabled}\t" in listed.out


def test_programs_need_not_be_asked(settings: dict[str, str]) -> None:
    done = hashpost("schedule", "enable", "delete-old-posts", "--yes", settings=settings)

    assert done.status == 0
    assert done.err.startswith("0 posts are older than 365 days")


def test_times_and_arguments_are_changed(settings: dict[str, str]) -> None:
    done = hashpost(
        "schedule", "set", "delete-old-posts", "days=30", "--cron", "5 5 * * 0", settings=settings
    )

    assert done.out == "delete-old-posts is disabled: 5 5 * * 0 days=30\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["delete-old-posts", "--cron", "x"], "cron: five fields"),
        (["delete-old-posts", "days=0"], "days: 1 to 36500"),
        (["delete-old-posts", "hours=1"], "hours: not an argument of delete-old-posts"),
        (["delete-old-posts", "days"], "days is not like days=730."),
        (["delete-old-posts", "days=x"], "days=x is not like days=730."),
        (["delete-old-posts"], "Give --cron, or an argument such as days=730."),
    ],
)
def test_what_cannot_be_is_told(settings: dict[str, str], arguments: list[str], said: str) -> None:
    done = hashpost("schedule", "set", *arguments, settings=settings)

    assert (done.status, done.out) == (2, "")
    assert said in done.err


@pytest.mark.parametrize("command", ["enable", "disable", "run"])
def test_a_job_that_is_not_there_is_named(settings: dict[str, str], command: str) -> None:
    done = hashpost("schedule", command, "nonsense", settings=settings)

    assert (done.status, done.err) == (1, "hashpost: There is no schedule called nonsense\n")


def test_a_job_is_run_when_told_to(settings: dict[str, str], url: str) -> None:
    done = hashpost("schedule", "run", "delete-old-posts", "--json", settings=settings)
    message_id = json.loads(done.out)["id"]
    hashpost("import", "-", settings=settings, stdin=OLD)

    outcome = asyncio.run(_outcome(url, message_id))

    assert outcome == "1 posts"
    shown = hashpost("schedule", "run", "self-check", settings=settings)
    assert re.fullmatch(r"self-check will be run as message \d+\n", shown.out)


async def _outcome(url: str, message_id: int) -> str | None:
    async with open_service(url, secret_key="x" * 32) as service:
        attempt = await service.run_message(message_id)
        assert attempt is not None
        assert attempt.message.created_at <= datetime.now(UTC)
        return attempt.message.outcome
