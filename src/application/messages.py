"""Sending messages, and doing the jobs that they name."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hashpost.application.ports import (
    Clock,
    Ids,
    MailRefused,
    MessageCount,
    Storage,
    TaskQueue,
    Transaction,
)
from hashpost.domain.errors import FieldError, MessageNotFound, Unavailable, require
from hashpost.domain.message import Argument, Message, State

SWEEP_LIMIT = 500
LIST_LIMIT_MAX = 1000
PURGE_BATCH = 500

Chance = Callable[[], float]
"""A number from 0 up to, but not with, 1, drawn at random."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Adds messages in a transaction; whoever does tells the queue of them after the commit."""

    clock: Clock
    ids: Ids

    async def add(self, tx: Transaction, job: str, **arguments: Argument) -> int:
        """The id of a new message for that job."""
        while True:
            message = Message.new(id=self.ids.next(self.clock()), job=job, arguments=arguments)
            if await tx.outbox.add(message):
                return message.id

    async def add_slot(
        self, tx: Transaction, job: str, slot: datetime, arguments: Mapping[str, Argument]
    ) -> int | None:
        """The id of a new message for that slot of a periodic job; None when it has one."""
        new_id = self.ids.next(self.clock())
        message = Message.new(id=new_id, job=job, arguments=arguments, slot=slot)
        return new_id if await tx.outbox.add(message) else None


Effect = Callable[[Transaction], Awaitable[Sequence[int]]]
"""What a job does in the transaction in which it is marked as done; the messages it added."""


async def no_effect(_tx: Transaction) -> Sequence[int]:
    """Do nothing more."""
    return ()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: some words for whoever looks, and what is yet to happen."""

    outcome: str | None = None
    effect: Effect = no_effect


class Job(Protocol):
    """Does what a message asks for, as often as it is asked."""

    async def __call__(self, message: Message, /) -> Done:
        """Do it, outside of any transaction. It may have been done before.

        Raises:
            MailRefused: another attempt would not change anything.
            Exception: any other, and there will be another attempt.
        """
        ...


Jobs = Mapping[str, Job]


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt at a message, as it stands after it, and what was raised in it."""

    message: Message
    error: Exception | None


@dataclass(frozen=True, slots=True)
class RunMessage:
    """Take up a message, do its job, and mark it.

    While the job is done the lease is renewed. Who has lost it, because the process stood still,
    can change nothing any more. A process that dies leaves a lease that runs out, and the message
    is due again.
    """

    storage: Storage
    clock: Clock
    chance: Chance
    queue: TaskQueue
    jobs: Jobs
    lease: timedelta

    async def __call__(self, message_id: int) -> Attempt | None:
        """The attempt; None when there was nothing to do, or its lease was lost.

        Raises:
            Unavailable: the storage is away; the message becomes due again.
        """
        message = await self._taken(message_id)
        if message is None:
            return None
        done, error = Done(), None
        try:
            job = self.jobs[message.job]
            async with self._held(message):
                done = await job(message)
        except Exception as raised:  # noqa: BLE001 - told to the caller, and tried again
            error = raised
        return await self._marked(message, done, error)

    async def _taken(self, message_id: int) -> Message | None:
        async with self.storage.transaction() as tx:
            message = await tx.outbox.for_change(message_id)
            now = self.clock()
            if message is None or not message.is_free(at=now):
                return None
            message = message.taken(at=now, lease=self.lease)
            await tx.outbox.save(message)
        return message

    async def _marked(self, taken: Message, done: Done, error: Exception | None) -> Attempt | None:
        added: Sequence[int] = ()
        async with self.storage.transaction() as tx:
            message = await tx.outbox.for_change(taken.id)
            if message is None or not message.is_held_by(taken.attempts):
                return None
            if error is None:
                added = await done.effect(tx)
                message = message.done(at=self.clock(), outcome=done.outcome)
            else:
                message = self._failed(message, error)
            await tx.outbox.save(message)
        self.queue.wake(added)
        return Attempt(message, error)

    def _failed(self, message: Message, error: Exception) -> Message:
        now = self.clock()
        if isinstance(error, MailRefused):
            return message.dead(at=now, outcome=f"refused: {error}")
        if isinstance(error, KeyError) and message.job not in self.jobs:
            return message.dead(at=now, outcome="there is no such job")
        outcome = f"{type(error).__name__}: {error}"
        return message.failed(at=now, outcome=outcome, spread=self.chance())

    @asynccontextmanager
    async def _held(self, message: Message) -> AsyncIterator[None]:
        import asyncio  # takes long, and most commands do without

        keeper = asyncio.create_task(self._keep(message))
        try:
            yield
        finally:
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep(self, taken: Message) -> None:
        from asyncio import sleep

        while True:
            await sleep(self.lease.total_seconds() / 3)
            with suppress(Unavailable):  # there is time for two more
                async with self.storage.transaction() as tx:
                    message = await tx.outbox.for_change(taken.id)
                    if message is None or not message.is_held_by(taken.attempts):
                        return
                    await tx.outbox.save(message.held(at=self.clock(), lease=self.lease))


@dataclass(frozen=True, slots=True)
class SweepOutbox:
    """Tell of every message that is due: nobody was told, or whoever was has died or forgotten."""

    storage: Storage
    clock: Clock
    queue: TaskQueue

    async def __call__(self, *, limit: int = SWEEP_LIMIT) -> int:
        """How many were due, of at most that many.

        Raises:
            Unavailable: the storage is away.
        """
        async with self.storage.transaction() as tx:
            now = self.clock()
            due = await tx.outbox.due(at=now, limit=limit)
            for message in due:
                await tx.outbox.save(message.told(at=now))
        self.queue.wake([message.id for message in due])
        return len(due)


@dataclass(frozen=True, slots=True)
class ListMessages:
    """Look into the outbox."""

    storage: Storage

    async def __call__(
        self,
        *,
        state: State | None = None,
        job: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[Message]:
        """At most `limit` (1 … 1,000) messages, newest first, with ids below `before`.

        Raises:
            InvalidInput: the limit is out of its range.
        """
        if not 1 <= limit <= LIST_LIMIT_MAX:
            require([FieldError("limit", f"1 to {LIST_LIMIT_MAX}")])
        async with self.storage.reading() as reading:
            return await reading.messages.newest(state=state, job=job, before=before, limit=limit)

    async def counts(self) -> Sequence[MessageCount]:
        """How many messages there are, by job and state."""
        async with self.storage.reading() as reading:
            return await reading.messages.counts()


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """Look at one message."""

    storage: Storage

    async def __call__(self, message_id: int) -> Message:
        """The message.

        Raises:
            MessageNotFound: it is not there.
        """
        async with self.storage.reading() as reading:
            message = await reading.messages.by_id(message_id)
        if message is None:
            raise MessageNotFound
        return message


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Try a message again at once, dead or waiting, with all its attempts before it.

    One that is done or being worked on is left alone.
    """

    storage: Storage
    clock: Clock
    queue: TaskQueue

    async def __call__(self, message_id: int) -> Message:
        """The message as it is now.

        Raises:
            MessageNotFound: it is not there.
        """
        async with self.storage.transaction() as tx:
            message = await tx.outbox.for_change(message_id)
            if message is None:
                raise MessageNotFound
            message = message.revived(at=self.clock())
            await tx.outbox.save(message)
        if message.state is State.QUEUED:
            self.queue.wake([message.id])
        return message


@dataclass(frozen=True, slots=True)
class PurgeMessages:
    """Forget messages that have ended, each batch in one transaction."""

    storage: Storage
    clock: Clock

    async def __call__(self, *, state: State, older_than: timedelta) -> int:
        """How many messages, done or dead, that ended longer ago than that were forgotten.

        Raises:
            InvalidInput: messages in that state have not ended.
        """
        if state not in (State.DONE, State.DEAD):
            require([FieldError("state", "done or dead")])
        before = self.clock() - older_than
        return await in_batches(
            self.storage,
            lambda tx: tx.outbox.purge(state=state, before=before, limit=PURGE_BATCH),
        )


async def in_batches(storage: Storage, work: Callable[[Transaction], Awaitable[int]]) -> int:
    """Do some of the work in one transaction after another, until none is left; how much it was."""
    total = 0
    while True:
        async with storage.transaction() as tx:
            some = await work(tx)
        if not some:
            return total
        total += some
