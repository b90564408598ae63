"""Three schedulers at once: each slot has one effect."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from hashpost.domain.message import Message, State
from hashpost.entrypoints.library import open_service
from tests.integration.cli.commands import HASHPOST
from tests.integration.jobs.cells import KEY, running


async def _overdue(url: str) -> set[str]:
    """Make a slot of every enabled job overdue; the jobs."""
    async with open_service(url, secret_key=KEY) as service:
        await service.ensure_schedules()
        jobs = {each.schedule.job for each in await service.list_schedules() if each.next_at}
        async with service.run_schedule.storage.transaction() as tx:
            for job in jobs:
                schedule = await tx.schedules.for_change(job)
                assert schedule is not None
                since = schedule.since - timedelta(days=2)
                await tx.schedules.save(schedule.moved(schedule.cron, at=since))
        return jobs


async def _messages(url: str, jobs: set[str]) -> list[Message]:
    """All messages, once a slot of each job has been run."""
    async with asyncio.timeout(60), open_service(url, secret_key=KEY) as service:
        while True:
            messages = list(await service.list_messages(limit=1000))
            ended = {each.job for each in messages if each.state is State.DONE}
            if ended == jobs and len(ended) == len({each.job for each in messages}):
                return messages
            await asyncio.sleep(0.02)


def test_three_schedulers_run_an_overdue_slot_of_each_job_once(
    migrated_url: str, empty_redis_url: str, tmp_path: Path
) -> None:
    settings = {
        "DATABASE_URL": migrated_url,
        "SECRET_KEY": KEY,
        "REDIS_URL": empty_redis_url,
        "MAIL_DIR": str(tmp_path),
        "LOG_LEVEL": "warning",
    }
    jobs = asyncio.run(_overdue(migrated_url))

    with ExitStack() as stack:
        for command in ("scheduler", "scheduler", "scheduler", "worker"):
            stack.enter_context(running([*HASHPOST, command], settings, tmp_path))
        messages = asyncio.run(_messages(migrated_url, jobs))

    slots = Counter((message.job, message.slot) for message in messages)
    assert {job for job, _ in slots} == jobs
    assert set(slots.values()) == {1}
    assert {message.attempts for message in messages} == {1}
