"""Periodic jobs: each does its work in bounded transactions, and may be run again at any time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from hashpost.application.housekeeping import CheckStorage
from hashpost.application.messages import Done, in_batches
from hashpost.application.ports import Clock, Storage
from hashpost.domain.idempotency import KEPT
from hashpost.domain.ids import first_id_at
from hashpost.domain.message import Argument, Message, State
from hashpost.domain.trend import DAY, day_of, scored

PURGE_DELETED_POSTS: Final = "purge-deleted-posts"
PURGE_EXPIRED: Final = "purge-expired"
SCORE_TRENDS: Final = "score-trends"
SEND_DIGESTS: Final = "send-digests"
SELF_CHECK: Final = "self-check"
DELETE_OLD_POSTS: Final = "delete-old-posts"

BATCH = 500
DONE_KEPT = timedelta(days=7)
DEAD_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Default:
    """What the schedule of a periodic job is before anybody changes it."""

    job: str
    cron: str
    is_enabled: bool = True
    arguments: Mapping[str, Argument] = field(default_factory=dict)


DEFAULTS: Final = (
    Default(PURGE_DELETED_POSTS, "17 3 * * *"),
    Default(PURGE_EXPIRED, "47 3 * * *"),
    Default(SCORE_TRENDS, "*/5 * * * *"),
    Default(SEND_DIGESTS, "0 8 * * *"),
    Default(SELF_CHECK, "23 2 * * *"),
    # Off until an operator has seen how many posts it would delete.
    Default(DELETE_OLD_POSTS, "37 4 * * *", is_enabled=False, arguments={"days": 365}),
)


@dataclass(frozen=True, slots=True)
class PurgeDeletedPosts:
    """Forget posts that were deleted longer ago than they are kept."""

    storage: Storage
    clock: Clock
    kept_for: timedelta

    async def __call__(self, _message: Message) -> Done:
        """Forget them."""
        before = self.clock() - self.kept_for
        purged = await in_batches(
            self.storage, lambda tx: tx.posts.purge(before=before, limit=BATCH)
        )
        return Done(f"{purged} posts")


@dataclass(frozen=True, slots=True)
class PurgeExpired:
    """Forget sessions that have ended, and requests and messages of some time ago.

    A session is kept for as long as an access token of it may hold. Messages that are done are kept
    for a week, dead ones for ninety days, requests under idempotency keys for a day.
    """

    storage: Storage
    clock: Clock
    access_ttl: timedelta

    async def __call__(self, _message: Message) -> Done:
        """Forget them."""
        now = self.clock()
        sessions = await in_batches(
            self.storage, lambda tx: tx.sessions.purge(before=now - self.access_ttl, limit=BATCH)
        )
        done = await in_batches(
            self.storage,
            lambda tx: tx.outbox.purge(state=State.DONE, before=now - DONE_KEPT, limit=BATCH),
        )
        dead = await in_batches(
            self.storage,
            lambda tx: tx.outbox.purge(state=State.DEAD, before=now - DEAD_KEPT, limit=BATCH),
        )
        requests = await in_batches(
            self.storage, lambda tx: tx.requests.purge(before=now - KEPT, limit=BATCH)
        )
        return Done(f"{sessions} sessions, {done + dead} messages, {requests} requests")


@dataclass(frozen=True, slots=True)
class DeleteOldPosts:
    """Delete softly the live posts that are older than so many days."""

    storage: Storage
    clock: Clock

    async def __call__(self, message: Message) -> Done:
        """Delete them; until they are purged, their owners may restore them."""
        days = int(message.arguments["days"] or 0)
        now = self.clock()
        if days < 1:
            raise ValueError("days must be 1 or more")
        below = first_id_at(now - timedelta(days=days))
        deleted = await in_batches(
            self.storage, lambda tx: tx.posts.delete_old(below=below, at=now, limit=BATCH)
        )
        return Done(f"{deleted} posts")


@dataclass(frozen=True, slots=True)
class ScoreTrends:
    """Score the hashtags of today against yesterday's, and keep those that are trending."""

    storage: Storage
    clock: Clock
    threshold: int

    async def __call__(self, _message: Message) -> Done:
        """Score them."""
        now = self.clock()
        async with self.storage.reading() as reading:
            before = await reading.trends.all()
            usages = await reading.hashtags.usage(
                today=day_of(now),
                yesterday=day_of(now - DAY),
                names=[trend.name for trend in before],
                least=self.threshold,
            )
        trends = scored(before, usages, threshold=self.threshold, at=now)
        async with self.storage.transaction() as tx:
            await tx.trends.replace(trends)
        return Done(f"{len(trends)} trends")


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """Recount what is stored, as `hashpost check` does."""

    check: CheckStorage

    async def __call__(self, _message: Message) -> Done:
        """Tell how many differences there are, and name the first."""
        differences = [each async for each in self.check()]
        told = f"{len(differences)} differences"
        if differences:
            told += f"; first: {differences[0].subject}"
        return Done(told)
