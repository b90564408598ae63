"""The commands that look into the outbox."""

import asyncio
import json
from typing import Any

import pytest

from hashpost.application.service import Service
from hashpost.domain.message import State
from hashpost.entrypoints.library import open_service
from tests.integration.cli.commands import hashpost


@pytest.fixture
def messages(url: str) -> list[int]:
    """The ids of a message that is done, one that is dead and one that is queued."""
    return asyncio.run(_filled(url))


async def _filled(url: str) -> list[int]:
    async with open_service(url, secret_key="x" * 32) as service:
        await service.ensure_schedules()
        ids = [await service.run_schedule("self-check") for _ in range(3)]
        await service.run_message(ids[0])
        await _kill(service, ids[1])
        return ids


async def _kill(service: Service, message_id: int) -> None:
    async with service.run_message.storage.transaction() as tx:
        message = await tx.outbox.for_change(message_id)
        assert message is not None
        await tx.outbox.save(message.dead(at=message.created_at, outcome="it\tbroke"))


def listed(settings: dict[str, str], *options: str) -> list[dict[str, Any]]:
    done = hashpost("jobs", "list", "--json", *options, settings=settings)
    assert (done.status, done.err) == (0, "")
    shown: list[dict[str, Any]] = json.loads(done.out)
    return shown


def test_messages_are_listed_newest_first(settings: dict[str, str], messages: list[int]) -> None:
    shown = listed(settings)

    assert [each["id"] for each in shown] == messages[::-1]
    assert [each["state"] for each in shown] == ["queued", "dead", "done"]
    assert shown[2].keys() == {
        "id",
        "job",
        "arguments",
        "state",
        "attempts",
        "created_at",
        "next_at",
        "finished_at",
        "slot",
        "outcome",
    }
    assert shown[2]["outcome"] == "0 differences"
    assert shown[2]["finished_at"].endswith("Z")
    assert shown[2]["next_at"] is None


def test_lists_are_cut_by_state_job_and_length(
    settings: dict[str, str], messages: list[int]
) -> None:
    assert [each["id"] for each in listed(settings, "--state", "dead")] == [messages[1]]
    assert [each["id"] for each in listed(settings, "--limit", "1")] == [messages[2]]
    assert listed(settings, "--job", "welcome-mail") == []
    assert len(listed(settings, "--job", "self-check")) == 3


def test_programs_get_lines_with_tabs(settings: dict[str, str], messages: list[int]) -> None:
    done = hashpost("jobs", "list", "--state", "dead", settings=settings)

    assert done.out == f"{messages[1]}\tself-check\tdead\t0\t\tit broke\n"


def test_a_message_is_shown_whole(settings: dict[str, str], messages: list[int]) -> None:
    as_json = hashpost("jobs", "show", messages[0], "--json", settings=settings)
    as_lines = hashpost("jobs", "show", messages[0], settings=settings)

    assert json.loads(as_json.out)["id"] == messages[0]
    assert f"id\t{messages[0]}\n" in as_lines.out
    assert "outcome\t0 differences\n" in as_lines.out


@pytest.mark.parametrize("command", ["show", "retry"])
def test_a_message_that_is_not_there_is_told(
    settings: dict[str, str], messages: list[int], command: str
) -> None:
    done = hashpost("jobs", command, "5", settings=settings)

    assert (done.status, done.out) == (1, "")
    assert done.err == "hashpost: There is no such message\n"


def test_a_dead_message_is_tried_again(settings: dict[str, str], messages: list[int]) -> None:
    done = hashpost("jobs", "retry", messages[1], messages[0], settings=settings)

    assert (done.status, done.out) == (0, f"{messages[1]} is queued\n{messages[0]} is done\n")
    assert [each["id"] for each in listed(settings, "--state", "queued")] == messages[:0:-1]


def test_all_dead_messages_are_tried_again(settings: dict[str, str], messages: list[int]) -> None:
    done = hashpost("jobs", "retry", "--dead", "--json", settings=settings)

    assert [each["id"] for each in json.loads(done.out)] == [messages[1]]
    assert listed(settings, "--state", State.DEAD) == []


@pytest.mark.parametrize("arguments", [(), ("5", "--dead")])
def test_retry_wants_ids_or_all_that_are_dead(
    settings: dict[str, str], arguments: tuple[str, ...]
) -> None:
    done = hashpost("jobs", "retry", *arguments, settings=settings)

    assert done.status == 2
    assert "Give the ids of messages, or --dead." in done.err


def test_what_has_ended_is_purged(settings: dict[str, str], messages: list[int]) -> None:
    early = hashpost("jobs", "purge", settings=settings)
    dead = hashpost(
        "jobs", "purge", "--state", "dead", "--older-than", "1s", "--json", settings=settings
    )

    assert early.out == "purged 0\n"
    assert json.loads(dead.out)["purged"] in (0, 1)
    assert messages[2] in [each["id"] for each in listed(settings)]


@pytest.mark.parametrize("age", ["", "0d", "7", "x", "-1d"])
def test_an_age_that_is_none_is_told(settings: dict[str, str], age: str) -> None:
    done = hashpost("jobs", "purge", "--older-than", age, settings=settings)

    assert done.status == 2
    assert "must be a duration such as 45s, 15m, 12h or 30d" in done.err
