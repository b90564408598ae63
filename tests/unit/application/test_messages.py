"""Messages are taken up once, tried again, and never lost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.system import SystemIds
from hashpost.application.messages import (
    Attempt,
    Done,
    Effect,
    Job,
    Outgoing,
    RunMessage,
    SweepOutbox,
    no_effect,
)
from hashpost.application.ports import MailRefused, Transaction
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidInput, MessageNotFound, Unavailable
from hashpost.domain.message import ATTEMPTS_MAX, Message, State
from hashpost.testing.clock import START, ManualClock
from tests.services import ListedQueue

LEASE = timedelta(seconds=30)


@dataclass
class Work:
    """A job that does what it is told to, and counts how often."""

    raises: Exception | None = None
    effect: Effect = no_effect
    before: Callable[[], object] = lambda: None
    times: int = 0
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_end.set()

    async def __call__(self, message: Message) -> Done:
        self.times += 1
        self.begun.set()
        self.before()
        await self.may_end.wait()
        if self.raises is not None:
            raise self.raises
        return Done("worked", self.effect)


@dataclass
class Bench:
    """An outbox with one message, and who works on it."""

    storage: MemoryStorage
    clock: ManualClock
    queue: ListedQueue
    work: Work
    outgoing: Outgoing
    message_id: int = 0

    def run(self, *, lease: timedelta = LEASE) -> RunMessage:
        jobs: dict[str, Job] = {"work": self.work}
        return RunMessage(self.storage, self.clock, lambda: 0.5, self.queue, jobs, lease)

    async def attempt(self) -> Attempt:
        attempt = await self.run()(self.message_id)
        assert attempt is not None
        return attempt

    async def stored(self) -> Message:
        async with self.storage.reading() as reading:
            message = await reading.messages.by_id(self.message_id)
        assert message is not None
        return message

    async def sweep(self) -> int:
        return await SweepOutbox(self.storage, self.clock, self.queue)()


@pytest.fixture
async def bench(storage: MemoryStorage, clock: ManualClock, queue: ListedQueue) -> Bench:
    bench = Bench(storage, clock, queue, Work(), Outgoing(clock, SystemIds()))
    async with storage.transaction() as tx:
        bench.message_id = await bench.outgoing.add(tx, "work", user_id=7)
    return bench


async def test_a_message_is_worked_on_once(bench: Bench) -> None:
    attempt = await bench.attempt()
    again = await bench.run()(bench.message_id)

    assert (attempt.message.state, attempt.message.outcome, attempt.error) == (
        State.DONE,
        "worked",
        None,
    )
    assert again is None
    assert bench.work.times == 1
    assert await bench.stored() == attempt.message


async def test_nothing_happens_for_a_message_that_is_not_there(bench: Bench) -> None:
    assert await bench.run()(1) is None


async def test_of_many_workers_one_takes_a_message_up(bench: Bench) -> None:
    bench.work.may_end.clear()
    workers = [asyncio.create_task(bench.run()(bench.message_id)) for _ in range(20)]
    await bench.work.begun.wait()
    bench.work.may_end.set()

    attempts = await asyncio.gather(*workers)

    assert bench.work.times == 1
    assert [attempt is None for attempt in attempts].count(False) == 1


async def test_what_the_job_does_at_its_end_is_kept_with_the_mark(bench: Bench) -> None:
    async def effect(tx: Transaction) -> list[int]:
        return [await bench.outgoing.add(tx, "work")]

    bench.work.effect = effect

    await bench.attempt()

    assert len(bench.queue.told) == 1
    assert await bench.run()(bench.queue.told[0]) is not None


async def test_a_failed_job_is_tried_again_after_a_pause(bench: Bench) -> None:
    bench.work.raises = Unavailable("the server is away")

    attempt = await bench.attempt()

    assert attempt.error is bench.work.raises
    assert (await bench.stored()).state is State.WAITING
    assert (await bench.stored()).outcome == "Unavailable: the server is away"
    assert await bench.run()(bench.message_id) is None
    bench.clock.advance(seconds=5)
    bench.work.raises = None
    assert (await bench.attempt()).message.attempts == 2


async def test_a_job_that_always_fails_is_dead_in_the_end(bench: Bench) -> None:
    bench.work.raises = ValueError("never")

    for _ in range(ATTEMPTS_MAX):
        await bench.attempt()
        bench.clock.advance(days=1)

    assert (await bench.stored()).state is State.DEAD
    assert await bench.sweep() == 0


async def test_a_mail_that_is_refused_is_dead_at_once(bench: Bench) -> None:
    bench.work.raises = MailRefused("550 no such user")

    attempt = await bench.attempt()

    assert (attempt.message.state, attempt.message.outcome) == (
        State.DEAD,
        "refused: 550 no such user",
    )


async def test_a_message_for_a_job_that_is_not_known_is_dead(bench: Bench) -> None:
    async with bench.storage.transaction() as tx:
        bench.message_id = await bench.outgoing.add(tx, "unheard-of")

    attempt = await bench.attempt()

    assert (attempt.message.state, attempt.message.outcome) == (
        State.DEAD,
        "there is no such job",
    )


async def test_a_key_that_a_job_does_not_find_is_a_failure_like_any_other(bench: Bench) -> None:
    bench.work.raises = KeyError("user_id")

    assert (await bench.attempt()).message.state is State.WAITING


async def test_a_worker_that_has_lost_its_lease_changes_nothing(bench: Bench) -> None:
    bench.work.may_end.clear()
    slow = asyncio.create_task(bench.run()(bench.message_id))
    await bench.work.begun.wait()
    bench.clock.advance(seconds=30)
    quick = Bench(bench.storage, bench.clock, bench.queue, Work(), bench.outgoing, bench.message_id)

    taken_over = await quick.attempt()
    bench.work.may_end.set()

    assert await slow is None
    assert taken_over.message.attempts == 2
    assert await bench.stored() == taken_over.message


async def test_a_message_purged_meanwhile_is_let_go(bench: Bench) -> None:
    def purge() -> None:
        bench.storage.__init__()  # type: ignore[misc]

    bench.work.before = purge

    assert await bench.run()(bench.message_id) is None


async def test_a_lease_is_renewed_as_long_as_the_work_goes_on(bench: Bench) -> None:
    bench.work.may_end.clear()
    run = bench.run(lease=timedelta(milliseconds=30))
    working = asyncio.create_task(run(bench.message_id))
    await bench.work.begun.wait()
    first = (await bench.stored()).next_at

    bench.clock.advance(days=1)
    while (await bench.stored()).next_at == first:  # noqa: ASYNC110 - of another task
        await asyncio.sleep(0.005)
    bench.work.may_end.set()

    assert (await working) is not None


async def test_a_keeper_whose_lease_is_lost_gives_up(bench: Bench) -> None:
    bench.work.may_end.clear()
    run = bench.run(lease=timedelta(milliseconds=9))
    working = asyncio.create_task(run(bench.message_id))
    await bench.work.begun.wait()
    async with bench.storage.transaction() as tx:
        message = await tx.outbox.for_change(bench.message_id)
        assert message is not None
        await tx.outbox.save(message.done(at=START))
    await asyncio.sleep(0.02)
    bench.work.may_end.set()

    assert await working is None
    assert (await bench.stored()).finished_at == START


async def test_nobody_is_told_before_a_message_is_due(bench: Bench) -> None:
    bench.clock.advance(milliseconds=1_999)

    assert await bench.sweep() == 0
    assert bench.queue.told == []


async def test_a_message_nobody_took_up_is_told_of_every_ten_seconds(bench: Bench) -> None:
    told = []
    for _ in range(3):
        bench.clock.advance(seconds=10)
        told.append((await bench.sweep(), await bench.sweep()))

    assert told == [(1, 0)] * 3
    assert bench.queue.told == [bench.message_id] * 3


async def test_a_message_whose_worker_died_is_told_of_when_its_lease_has_run_out(
    bench: Bench,
) -> None:
    async with bench.storage.transaction() as tx:
        message = await tx.outbox.for_change(bench.message_id)
        assert message is not None
        await tx.outbox.save(message.taken(at=bench.clock()))
    bench.clock.advance(seconds=29)
    assert await bench.sweep() == 0

    bench.clock.advance(seconds=1)

    assert await bench.sweep() == 1
    assert (await bench.attempt()).message.attempts == 2


async def test_a_sweep_tells_of_so_many_at_once(bench: Bench) -> None:
    async with bench.storage.transaction() as tx:
        for _ in range(4):
            await bench.outgoing.add(tx, "work")
    bench.clock.advance(seconds=10)
    sweep = SweepOutbox(bench.storage, bench.clock, bench.queue)

    assert [await sweep(limit=3), await sweep(limit=3), await sweep(limit=3)] == [3, 2, 0]


async def test_an_id_that_is_taken_is_drawn_again(storage: MemoryStorage) -> None:
    @dataclass
    class Stuck:
        ids: list[int]

        def next(self, at: object) -> int:
            return self.ids.pop(0)

        def backdated(self, at: object, *, attempt: int) -> int:
            raise NotImplementedError

    outgoing = Outgoing(ManualClock(), Stuck([5, 5, 6]))
    async with storage.transaction() as tx:
        added = [await outgoing.add(tx, "work"), await outgoing.add(tx, "work")]

    assert added == [5, 6]


# What commands do


async def test_messages_are_listed_newest_first_and_by_state_and_job(
    bench: Bench, service: Service
) -> None:
    async with bench.storage.transaction() as tx:
        other = await bench.outgoing.add(tx, "other")
    await bench.attempt()

    assert [each.id for each in await service.list_messages()] == [other, bench.message_id]
    assert [each.id for each in await service.list_messages(before=other)] == [bench.message_id]
    assert [each.id for each in await service.list_messages(limit=1)] == [other]
    assert [each.id for each in await service.list_messages(job="other")] == [other]
    done = await service.list_messages(state=State.DONE)
    assert [each.id for each in done] == [bench.message_id]
    counts = await service.list_messages.counts()
    assert [(each.job, each.state, each.count, each.oldest) for each in counts] == [
        ("other", State.QUEUED, 1, START),
        ("work", State.DONE, 1, START),
    ]


@pytest.mark.parametrize("limit", [0, 1001])
async def test_a_list_has_a_length(service: Service, limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit: 1 to 1000"):
        await service.list_messages(limit=limit)


async def test_a_message_is_shown(bench: Bench, service: Service) -> None:
    assert await service.read_message(bench.message_id) == await bench.stored()
    with pytest.raises(MessageNotFound):
        await service.read_message(1)


async def test_a_dead_message_is_tried_again_by_command(bench: Bench, service: Service) -> None:
    bench.work.raises = MailRefused("no")
    await bench.attempt()

    revived = await service.retry_message(bench.message_id)

    assert (revived.state, revived.attempts) == (State.QUEUED, 0)
    assert bench.queue.told == [bench.message_id]
    bench.work.raises = None
    assert (await bench.attempt()).message.state is State.DONE


async def test_a_message_that_is_done_is_not_tried_again(bench: Bench, service: Service) -> None:
    await bench.attempt()

    assert (await service.retry_message(bench.message_id)).state is State.DONE
    assert bench.queue.told == []
    with pytest.raises(MessageNotFound):
        await service.retry_message(1)


async def test_messages_that_have_ended_are_purged(bench: Bench, service: Service) -> None:
    await bench.attempt()
    bench.clock.advance(days=1)

    kept = await service.purge_messages(state=State.DONE, older_than=timedelta(days=1))
    dead = await service.purge_messages(state=State.DEAD, older_than=timedelta(0))
    bench.clock.advance(milliseconds=1)
    purged = await service.purge_messages(state=State.DONE, older_than=timedelta(days=1))

    assert (kept, dead, purged) == (0, 0, 1)
    with pytest.raises(InvalidInput, match="state: done or dead"):
        await service.purge_messages(state=State.WAITING, older_than=timedelta(0))


async def test_many_messages_are_purged_in_batches(bench: Bench, service: Service) -> None:
    async with bench.storage.transaction() as tx:
        for number in range(1, 1001):
            await tx.outbox.add(Message.new(id=number, job="work").done(at=START))
    bench.clock.advance(seconds=1)

    assert await service.purge_messages(state=State.DONE, older_than=timedelta(0)) == 1000
