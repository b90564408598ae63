"""What a keeper of messages must do."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hashpost.application.ports import MessageCount, Storage
from hashpost.domain.message import Message, State
from hashpost.testing.builders import a_message, an_id
from hashpost.testing.contracts.keeping import keep_messages, stored_message

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STATES = [
    a_message(),
    a_message("a-job", arguments={"user_id": 2**53 - 1, "yes": True, "no": False, "none": None}),
    a_message("ümlaut", arguments={"'; --": "\x00 é 字 \U0001f642 \ud800 %s :name {} ?\n"}),
    a_message(slot=NOON),
    a_message().taken(at=NOON),
    a_message().taken(at=NOON).failed(at=NOON, outcome="Refused: é 字\n\U0001f642", spread=0.25),
    a_message().taken(at=NOON).done(at=NOON),
    a_message(slot=NOON + MINUTE).taken(at=NOON).done(at=NOON, outcome="12 posts"),
    a_message().dead(at=NOON, outcome="x" * 500),
]


def due_at(moment: datetime) -> Message:
    """A message that becomes due at that moment."""
    return replace(a_message(), next_at=moment)


def done_at(moment: datetime, *, job: str = "job", slot: datetime | None = None) -> Message:
    """A message that was done at that moment."""
    return a_message(job, slot=slot).done(at=moment)


async def due(storage: Storage, at: datetime, limit: int = 100) -> list[Message]:
    """What is due, each told of."""
    async with storage.transaction() as tx:
        found = list(await tx.outbox.due(at=at, limit=limit))
        await asyncio.sleep(0)
        for message in found:
            await tx.outbox.save(message.told(at=at))
    return found


async def purged(
    storage: Storage, before: datetime, *, state: State = State.DONE, limit: int = 100
) -> int:
    """How many were purged at once."""
    async with storage.transaction() as tx:
        return await tx.outbox.purge(state=state, before=before, limit=limit)


async def purged_until_none_is_left(storage: Storage, before: datetime, *, limit: int) -> int:
    """How many were purged by and by."""
    total = 0
    while batch := await purged(storage, before, limit=limit):
        total += batch
    return total


async def newest(
    storage: Storage,
    *,
    state: State | None = None,
    job: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Message]:
    """What is in the outbox."""
    async with storage.reading() as reading:
        return list(await reading.messages.newest(state=state, job=job, before=before, limit=limit))


class OutboxContract:
    """The ports `Outbox` and `Messages`. Fixture: `storage`, empty."""

    @pytest.mark.parametrize("message", STATES)
    async def test_a_message_is_found_as_it_was_kept(
        self, storage: Storage, message: Message
    ) -> None:
        async with storage.transaction() as tx:
            added = await tx.outbox.add(message)

        async with storage.transaction() as tx:
            locked = await tx.outbox.for_change(message.id)
        assert added
        assert locked == message
        assert await stored_message(storage, message.id) == message

    @pytest.mark.parametrize("state", STATES)
    async def test_the_next_state_of_a_message_is_kept(
        self, storage: Storage, state: Message
    ) -> None:
        before, other = a_message("before", arguments={"a": 1}), a_message()
        await keep_messages(storage, before, other)
        after = replace(state, id=before.id)

        async with storage.transaction() as tx:
            assert await tx.outbox.for_change(before.id) == before
            await tx.outbox.save(after)

        assert await newest(storage) == [other, after]

    async def test_a_message_that_is_not_there_is_none(self, storage: Storage) -> None:
        await keep_messages(storage, a_message())

        async with storage.transaction() as tx:
            assert await tx.outbox.for_change(an_id()) is None
        assert await stored_message(storage, an_id()) is None

    async def test_a_taken_id_keeps_nothing_and_leaves_the_transaction_usable(
        self, storage: Storage
    ) -> None:
        first = a_message("first")
        await keep_messages(storage, first)
        third = a_message("third")

        async with storage.transaction() as tx:
            added = await tx.outbox.add(a_message("second", id=first.id))
            added_again = await tx.outbox.add(third)

        assert (added, added_again) == (False, True)
        assert await newest(storage) == [third, first]

    async def test_a_taken_slot_keeps_nothing_and_leaves_the_transaction_usable(
        self, storage: Storage
    ) -> None:
        first = a_message("job", slot=NOON).done(at=NOON)
        await keep_messages(storage, first)
        others = [
            a_message("other", slot=NOON),
            a_message("job", slot=NOON + MINUTE),
            a_message("job"),
            a_message("job"),
        ]

        async with storage.transaction() as tx:
            added = await tx.outbox.add(a_message("job", slot=NOON))
            added_others = [await tx.outbox.add(message) for message in others]

        assert not added
        assert added_others == [True] * 4
        assert await newest(storage) == [*others[::-1], first]

    async def test_of_twenty_who_add_one_slot_at_once_one_does(self, storage: Storage) -> None:
        async def add(message: Message) -> bool:
            async with storage.transaction() as tx:
                added = await tx.outbox.add(message)
                await asyncio.sleep(0)
                return added

        messages = [a_message("job", slot=NOON) for _ in range(20)]
        added = await asyncio.gather(*map(add, messages))

        kept = [message for message, is_kept in zip(messages, added, strict=True) if is_kept]
        assert len(kept) == 1
        assert await newest(storage) == kept

    async def test_a_slot_whose_message_was_rolled_back_is_free(self, storage: Storage) -> None:
        with pytest.raises(LookupError):
            async with storage.transaction() as tx:
                await tx.outbox.add(a_message("job", slot=NOON))
                raise LookupError

        async with storage.transaction() as tx:
            assert await tx.outbox.add(a_message("job", slot=NOON))

    async def test_of_twenty_who_take_up_a_message_at_once_one_gets_it(
        self, storage: Storage
    ) -> None:
        message = a_message()
        await keep_messages(storage, message)

        async def take() -> bool:
            async with storage.transaction() as tx:
                present = await tx.outbox.for_change(message.id)
                assert present is not None
                if not present.is_free(at=message.created_at):
                    return False
                await asyncio.sleep(0)
                await tx.outbox.save(present.taken(at=message.created_at))
                return True

        assert sum(await asyncio.gather(*(take() for _ in range(20)))) == 1
        assert await stored_message(storage, message.id) == message.taken(at=message.created_at)

    async def test_messages_are_due_from_their_moment_on_those_due_longest_first(
        self, storage: Storage
    ) -> None:
        late, latest, exact, early = (due_at(NOON + minutes * MINUTE) for minutes in (-1, -2, 0, 1))
        ended = [a_message().done(at=NOON - MINUTE), a_message().dead(at=NOON - MINUTE, outcome="")]
        await keep_messages(storage, early, late, exact, latest, *ended)

        async with storage.transaction() as tx:
            all_due = await tx.outbox.due(at=NOON, limit=10)
            first_due = await tx.outbox.due(at=NOON, limit=2)

        assert all_due == [latest, late, exact]
        assert first_due == [latest, late]

    async def test_a_message_in_whatever_open_state_becomes_due(self, storage: Storage) -> None:
        queued = a_message()
        running = a_message().taken(at=NOON)
        waiting = a_message().taken(at=NOON).failed(at=NOON, outcome="", spread=0.5)
        revived = a_message().dead(at=NOON, outcome="").revived(at=NOON)
        await keep_messages(storage, queued, running, waiting, revived)

        found = await due(storage, NOON + 60 * MINUTE)

        assert {message.id for message in found} == {
            message.id for message in (queued, running, waiting, revived)
        }
        assert await due(storage, NOON + 60 * MINUTE) == []

    async def test_twenty_sweeps_at_once_share_what_is_due(self, storage: Storage) -> None:
        messages = [due_at(NOON - number * MINUTE) for number in range(100)]
        await keep_messages(storage, *messages)

        sweeps = await asyncio.gather(*(due(storage, NOON, limit=5) for _ in range(20)))

        found = [message.id for sweep in sweeps for message in sweep]
        assert sorted(found) == [message.id for message in messages]

    async def test_what_ended_long_ago_in_a_state_is_purged(self, storage: Storage) -> None:
        old, older = done_at(NOON - MINUTE), done_at(NOON - 2 * MINUTE)
        left = [
            due_at(NOON - MINUTE),
            done_at(NOON),
            a_message().dead(at=NOON - MINUTE, outcome=""),
            done_at(NOON + MINUTE),
        ]
        await keep_messages(storage, old, older, *left)

        assert await purged(storage, NOON) == 2
        assert await purged(storage, NOON) == 0
        assert await newest(storage) == left[::-1]

    async def test_dead_messages_are_purged_by_themselves(self, storage: Storage) -> None:
        done, dead = done_at(NOON), a_message().dead(at=NOON, outcome="")
        await keep_messages(storage, done, dead)

        assert await purged(storage, NOON + MINUTE, state=State.DEAD) == 1
        assert await newest(storage) == [done]

    async def test_a_purge_stops_at_its_limit(self, storage: Storage) -> None:
        await keep_messages(storage, *(done_at(NOON) for _ in range(5)))

        assert await purged(storage, NOON + MINUTE, limit=3) == 3
        assert await purged(storage, NOON + MINUTE, limit=3) == 2
        assert await newest(storage) == []

    async def test_a_purge_keeps_the_latest_slot_of_each_job(self, storage: Storage) -> None:
        first, second, third, fourth = (NOON + number * MINUTE for number in range(4))
        messages = [
            done_at(first, job="a", slot=first),
            done_at(second, job="a", slot=second),
            done_at(fourth, job="a", slot=fourth),
            done_at(first, job="b", slot=first),
            done_at(first, job="a"),
        ]
        await keep_messages(storage, *messages)

        assert await purged(storage, third) == 2
        assert await newest(storage) == [messages[3], messages[2], messages[1]]
        assert await purged(storage, fourth + MINUTE) == 1
        assert await newest(storage) == [messages[3], messages[2]]

    async def test_the_latest_slot_is_the_latest_whatever_became_of_it(
        self, storage: Storage
    ) -> None:
        done, dead = (
            done_at(NOON, slot=NOON),
            a_message(slot=NOON + MINUTE).dead(at=NOON + MINUTE, outcome=""),
        )
        await keep_messages(storage, done, dead)
        later = NOON + 2 * MINUTE

        assert await purged(storage, later, state=State.DEAD) == 0
        assert await purged(storage, later, state=State.DONE) == 1
        assert await newest(storage) == [dead]

    async def test_purges_at_once_forget_each_message_once(self, storage: Storage) -> None:
        await keep_messages(storage, *(done_at(NOON) for _ in range(60)))

        counts = await asyncio.gather(
            *(purged_until_none_is_left(storage, NOON + MINUTE, limit=7) for _ in range(4))
        )

        assert sum(counts) == 60
        assert await newest(storage) == []

    async def test_messages_are_listed_newest_first_by_state_and_job(
        self, storage: Storage
    ) -> None:
        messages = [
            a_message("a"),
            done_at(NOON, job="a"),
            a_message("b"),
            done_at(NOON, job="b"),
            a_message("a"),
        ]
        await keep_messages(storage, *messages)

        listed = [
            await newest(storage),
            await newest(storage, state=State.QUEUED),
            await newest(storage, job="a"),
            await newest(storage, state=State.DONE, job="b"),
            await newest(storage, state=State.DEAD),
            await newest(storage, job="a", before=messages[4].id),
            await newest(storage, before=messages[3].id, limit=2),
        ]

        numbers = [[4, 3, 2, 1, 0], [4, 2, 0], [4, 1, 0], [3], [], [1, 0], [2, 1]]
        assert listed == [[messages[number] for number in each] for each in numbers]

    async def test_a_slot_has_a_message_from_the_commit_on(self, storage: Storage) -> None:
        async with storage.transaction() as tx:
            await tx.outbox.add(a_message("job", slot=NOON))
            async with storage.reading() as reading:
                before = await reading.messages.has_slot("job", NOON)

        async with storage.reading() as reading:
            after = await reading.messages.has_slot("job", NOON)
            others = [
                await reading.messages.has_slot("job", NOON + MINUTE),
                await reading.messages.has_slot("other", NOON),
            ]
        assert (before, after) == (False, True)
        assert others == [False, False]

    async def test_messages_are_counted_by_job_and_state(self, storage: Storage) -> None:
        first, second, third = a_message("z"), a_message("Z"), a_message("z")
        fourth = done_at(NOON, job="z")
        await keep_messages(storage, fourth, third, second, first)

        async with storage.reading() as reading:
            counts = await reading.messages.counts()

        assert counts == [
            MessageCount("Z", State.QUEUED, count=1, oldest=second.created_at),
            MessageCount("z", State.DONE, count=1, oldest=fourth.created_at),
            MessageCount("z", State.QUEUED, count=2, oldest=first.created_at),
        ]
