"""Transactions and readings over one state."""

from asyncio import Lock
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hashpost.adapters.memory.messages import MemoryMessages, MemoryOutbox, MemorySchedules
from hashpost.adapters.memory.repositories import (
    MemoryAudit,
    MemoryFavorites,
    MemoryHashtags,
    MemoryImports,
    MemoryPosts,
    MemoryRequests,
    MemorySessions,
    MemoryTimelines,
    MemoryTrends,
    MemoryUsers,
)
from hashpost.adapters.memory.state import Committed, DraftState


@dataclass(frozen=True, slots=True)
class MemoryTransaction:
    """The repositories of one transaction."""

    users: MemoryUsers
    sessions: MemorySessions
    posts: MemoryPosts
    favorites: MemoryFavorites
    trends: MemoryTrends
    outbox: MemoryOutbox
    schedules: MemorySchedules
    requests: MemoryRequests
    imports: MemoryImports


@dataclass(frozen=True, slots=True)
class MemoryReading:
    """The repositories of one reading."""

    users: MemoryUsers
    posts: MemoryPosts
    timelines: MemoryTimelines
    hashtags: MemoryHashtags
    trends: MemoryTrends
    favorites: MemoryFavorites
    messages: MemoryMessages
    schedules: MemorySchedules
    audit: MemoryAudit


class MemoryStorage:
    """A storage in memory: one transaction at a time, drafted and then committed in one step."""

    def __init__(self) -> None:
        self._state = Committed()
        self._writing = Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction; others wait for it."""
        async with self._writing:
            draft = DraftState(self._state)
            yield MemoryTransaction(
                users=MemoryUsers(draft),
                sessions=MemorySessions(draft),
                posts=MemoryPosts(draft),
                favorites=MemoryFavorites(draft),
                trends=MemoryTrends(draft),
                outbox=MemoryOutbox(draft),
                schedules=MemorySchedules(draft),
                requests=MemoryRequests(draft),
                imports=MemoryImports(draft),
            )
            draft.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryReading]:
        """A reading; it waits for nobody."""
        committed = DraftState(self._state)
        yield MemoryReading(
            users=MemoryUsers(committed),
            posts=MemoryPosts(committed),
            timelines=MemoryTimelines(self._state),
            hashtags=MemoryHashtags(self._state),
            trends=MemoryTrends(committed),
            favorites=MemoryFavorites(committed),
            messages=MemoryMessages(self._state),
            schedules=MemorySchedules(committed),
            audit=MemoryAudit(self._state, committed),
        )

    async def ping(self) -> None:
        """Return: memory is always there."""
