"""The outbox, and the schedules that fill it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from hashpost.adapters.memory.state import Committed, DraftState
from hashpost.application.ports import MessageCount
from hashpost.domain.message import Message, State
from hashpost.domain.schedule import Schedule


@dataclass(frozen=True, slots=True)
class MemoryOutbox:
    """Messages, by id and by slot."""

    state: DraftState

    async def add(self, message: Message) -> bool:
        """Keep a new message."""
        slot = None if message.slot is None else (message.job, message.slot)
        if self.state.messages.get(message.id) is not None:
            return False
        if slot is not None and self.state.slots.get(slot) is not None:
            return False
        self.state.put_message(message)
        return True

    async def for_change(self, message_id: int) -> Message | None:
        """The message; there is one transaction at a time, so nobody else changes it."""
        return self.state.messages.get(message_id)

    async def save(self, message: Message) -> None:
        """Keep the next state of a message."""
        self.state.put_message(message)

    async def due(self, *, at: datetime, limit: int) -> Sequence[Message]:
        """Messages that are due, those due longest first."""
        due = [message for message in self.state.messages.values() if message.is_due(at=at)]
        return sorted(due, key=lambda message: (message.next_at or at, message.id))[:limit]

    async def purge(self, *, state: State, before: datetime, limit: int) -> int:
        """Forget messages that ended, but for the latest slots."""
        latest = self._latest_slots(before)
        ended = [
            message
            for message in self.state.messages.values()
            if message.state is state
            and message.finished_at is not None
            and message.finished_at < before
            and (message.slot is None or message.slot < latest.get(message.job, message.slot))
        ]
        for message in ended[:limit]:
            self.state.drop_message(message)
        return len(ended[:limit])

    def _latest_slots(self, before: datetime) -> dict[str, datetime]:
        latest: dict[str, datetime] = {}
        for message in self.state.messages.values():
            if message.slot is not None and message.slot <= before:
                latest[message.job] = max(latest.get(message.job, message.slot), message.slot)
        return latest


@dataclass(frozen=True, slots=True)
class MemoryMessages:
    """Shows messages."""

    state: Committed

    async def by_id(self, message_id: int) -> Message | None:
        """The message."""
        return self.state.messages.get(message_id)

    async def newest(
        self, *, state: State | None, job: str | None, before: int | None, limit: int
    ) -> Sequence[Message]:
        """Messages of that state and job, newest first."""
        found = [
            message
            for message in self.state.messages.values()
            if state in (None, message.state)
            and job in (None, message.job)
            and (before is None or message.id < before)
        ]
        return sorted(found, key=lambda message: message.id, reverse=True)[:limit]

    async def has_slot(self, job: str, slot: datetime) -> bool:
        """Whether there is a message for that slot."""
        return (job, slot) in self.state.slots

    async def counts(self) -> Sequence[MessageCount]:
        """How many messages there are, by job and state."""

        def key(message: Message) -> tuple[str, State]:
            return message.job, message.state

        messages = sorted(self.state.messages.values(), key=lambda each: (*key(each), each.id))
        return [
            MessageCount(job, state, count=len(alike), oldest=alike[0].created_at)
            for (job, state), group in groupby(messages, key)
            if (alike := list(group))
        ]


@dataclass(frozen=True, slots=True)
class MemorySchedules:
    """Schedules, by job."""

    state: DraftState

    async def all(self) -> Sequence[Schedule]:
        """All schedules, by job."""
        return sorted(self.state.schedules.values(), key=lambda schedule: schedule.job)

    async def add_missing(self, schedules: Sequence[Schedule]) -> None:
        """Keep those whose jobs have none yet."""
        for schedule in schedules:
            if self.state.schedules.get(schedule.job) is None:
                self.state.schedules.put(schedule.job, schedule)

    async def for_change(self, job: str) -> Schedule | None:
        """The schedule of the job."""
        return self.state.schedules.get(job)

    async def save(self, schedule: Schedule) -> None:
        """Keep the next state of a schedule."""
        self.state.schedules.put(schedule.job, schedule)
