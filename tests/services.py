"""Services for tests: the real adapters, with passwords that are cheap to hash."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field

from hashpost.adapters.addresses import EmailSyntax
from hashpost.adapters.cron import CronTimetable
from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.mail.templates import JinjaTemplates
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.system import SystemIds
from hashpost.adapters.tokens import (
    Blake2Cursors,
    HmacMailTokens,
    HmacRefreshTokens,
    JwtAccessTokens,
)
from hashpost.application.ports import Clock, Mailer, Storage, TaskQueue
from hashpost.application.service import Policy, Service, World, build_service
from hashpost.testing.clock import ManualClock
from hashpost.testing.model import TRENDING
from hashpost.testing.subjects import InProcess

MODELLED = Policy(trending_threshold=TRENDING)
"""What the reference model goes by."""
KEYS = [b"a key that is only for tests, 32+"]


def a_hasher() -> Argon2Hasher:
    """The real thing, a thousand times cheaper."""
    return Argon2Hasher(time_cost=1, memory_kib=8)


@dataclass(slots=True)
class ListedQueue:
    """Keeps a list of all messages that it was told of."""

    told: list[int] = field(default_factory=list)

    def wake(self, message_ids: Collection[int]) -> None:
        """Add them to the list."""
        self.told += message_ids


def a_service(
    storage: Storage,
    clock: Clock,
    hasher: Argon2Hasher,
    *,
    mailer: Mailer | None = None,
    queue: TaskQueue | None = None,
    policy: Policy | None = None,
) -> Service:
    """A service over that storage, in which nothing is left to chance."""
    return build_service(
        World(
            storage=storage,
            clock=clock,
            ids=SystemIds(),
            chance=lambda: 0.5,
            hasher=hasher,
            access_tokens=JwtAccessTokens(KEYS),
            refresh_tokens=HmacRefreshTokens(KEYS),
            mail_tokens=HmacMailTokens(KEYS),
            cursors=Blake2Cursors(KEYS),
            emails=EmailSyntax(),
            mailer=mailer or MemoryMailer(),
            templates=JinjaTemplates(),
            cron=CronTimetable(),
            queue=queue or ListedQueue(),
        ),
        policy or Policy(),
    )


async def run_told(service: Service, queue: ListedQueue) -> None:
    """Do the jobs of all messages that the queue was told of, and of those that these add."""
    while queue.told:
        await service.run_message(queue.told.pop(0))


def in_process(storage: Storage, runner: asyncio.Runner, hasher: Argon2Hasher) -> InProcess:
    """A service over that storage, for the state machine."""
    clock, mailer = ManualClock(), MemoryMailer()
    service = a_service(storage, clock, hasher, mailer=mailer, policy=MODELLED)
    return InProcess(service, clock, runner, mailer)
