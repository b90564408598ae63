"""Who is let in, who waits, who is turned away: and no place is ever lost."""

import asyncio
from asyncio import Future, Task
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import booleans, data, integers

from hashpost.domain.errors import Unavailable
from hashpost.entrypoints.http.gate import CallerGone, Gate


def a_gate(**limits: Any) -> Gate:
    return Gate(**{"at_once": 1, "waiting_max": 9, "waiting_seconds": 5.0} | limits)


async def full(gate: Gate) -> Gate:
    await gate.enter(is_read=True)
    return gate


class Crowd:
    """Callers at a gate, and in which order they got in."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.got_in: list[str] = []
        self.coming: list[Task[None]] = []

    def comes(
        self, name: str, *, is_read: bool = True, gone: Future[None] | None = None
    ) -> Task[None]:
        self.coming.append(asyncio.create_task(self._enters(name, gone, is_read=is_read)))
        return self.coming[-1]

    async def _enters(self, name: str, gone: Future[None] | None, *, is_read: bool) -> None:
        await self.gate.enter(is_read=is_read, gone=gone)
        self.got_in.append(name)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whoever_comes_while_there_is_room_goes_in_at_once() -> None:
    gate = a_gate(at_once=2, waiting_seconds=0.0)

    await gate.enter(is_read=True)
    await gate.enter(is_read=False)

    assert gate.inside == 2


async def test_a_place_that_gets_free_goes_to_the_longest_waiting_read_before_any_write() -> None:
    crowd = Crowd(await full(a_gate()))
    for name in ("write 1", "read 1", "write 2", "read 2"):
        _ = crowd.comes(name, is_read=name.startswith("read"))
        await settled()

    for _ in range(4):
        crowd.gate.leave()
        await settled()

    assert crowd.got_in == ["read 1", "read 2", "write 1", "write 2"]
    assert crowd.gate.inside == 1


async def test_nobody_overtakes_those_who_wait() -> None:
    crowd = Crowd(await full(a_gate()))
    _ = crowd.comes("first")
    await settled()

    crowd.gate.leave()
    second = crowd.comes("second")  # before the first has noticed
    await settled()

    assert crowd.got_in == ["first"]
    second.cancel()


async def test_whoever_waits_too_long_is_turned_away() -> None:
    gate = await full(a_gate(waiting_seconds=0.01))

    with pytest.raises(Unavailable):
        await gate.enter(is_read=False)

    assert (gate.inside, len(gate.writes.waiting)) == (1, 0)
    assert (gate.reads.turned_away, gate.writes.turned_away) == (0, 1)


async def test_when_too_many_wait_the_last_is_turned_away_at_once() -> None:
    crowd = Crowd(await full(a_gate(waiting_max=1)))
    waiting = crowd.comes("first")
    await settled()

    async with asyncio.timeout(1):
        with pytest.raises(Unavailable):
            await crowd.gate.enter(is_read=True)

    assert crowd.gate.reads.turned_away == 1
    waiting.cancel()


async def test_a_read_takes_the_place_in_line_of_the_last_write() -> None:
    crowd = Crowd(await full(a_gate(waiting_max=2)))
    first = crowd.comes("write 1", is_read=False)
    last = crowd.comes("write 2", is_read=False)
    await settled()

    read = crowd.comes("read")
    await settled()

    assert [first.done(), last.done(), read.done()] == [False, True, False]
    assert isinstance(last.exception(), Unavailable)
    assert crowd.gate.writes.turned_away == 1
    crowd.gate.leave()
    crowd.gate.leave()
    await settled()
    assert crowd.got_in == ["read", "write 1"]


async def test_a_write_takes_nobodys_place() -> None:
    crowd = Crowd(await full(a_gate(waiting_max=1)))
    waiting = crowd.comes("write", is_read=False)
    await settled()

    with pytest.raises(Unavailable):
        await crowd.gate.enter(is_read=False)

    assert not waiting.done()
    waiting.cancel()


async def test_a_caller_that_goes_away_leaves_the_line() -> None:
    gone: Future[None] = asyncio.get_running_loop().create_future()
    crowd = Crowd(await full(a_gate()))
    waiting = crowd.comes("gone", gone=gone)
    _ = crowd.comes("next")
    await settled()

    gone.set_result(None)
    await settled()

    assert isinstance(waiting.exception(), CallerGone)
    crowd.gate.leave()
    await settled()
    assert crowd.got_in == ["next"]
    assert (crowd.gate.inside, crowd.gate.reads.turned_away) == (1, 0)


@pytest.mark.parametrize("how", ["cancelled", "gone"])
async def test_a_place_that_comes_as_its_caller_goes_is_passed_on(how: str) -> None:
    gone: Future[None] = asyncio.get_running_loop().create_future()
    crowd = Crowd(await full(a_gate()))
    leaving = crowd.comes("leaving", gone=gone)
    _ = crowd.comes("next")
    await settled()

    crowd.gate.leave()
    if how == "gone":
        gone.set_result(None)
    else:
        leaving.cancel()
    [left] = await asyncio.gather(leaving, return_exceptions=True)
    await settled()

    assert isinstance(left, CallerGone if how == "gone" else asyncio.CancelledError)
    assert crowd.got_in == ["next"]
    assert crowd.gate.inside == 1


AT_ONCE = 2
IN_LINE = 3


class Gates(RuleBasedStateMachine):
    """Callers come, go in, leave, are cancelled and go away in any order, also all in one moment.

    A moment ends only where the event loop is let run: what happens before happens at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.gate = a_gate(at_once=AT_ONCE, waiting_max=IN_LINE, waiting_seconds=3600)
        self.coming: list[tuple[Task[None], Future[None]]] = []
        self.inside = 0

    def teardown(self) -> None:
        self.runner.run(self._end())
        self.runner.close()
        assert self.gate.inside == 0

    async def _end(self) -> None:
        for task, _ in self.coming:
            task.cancel()
        await asyncio.gather(*(task for task, _ in self.coming), return_exceptions=True)
        while self.inside:
            self._leave()

    async def _enter(self, gone: Future[None], *, is_read: bool) -> None:
        await self.gate.enter(is_read=is_read, gone=gone)
        self.inside += 1

    def _leave(self) -> None:
        self.inside -= 1
        self.gate.leave()

    @rule(is_read=booleans())
    def somebody_comes(self, *, is_read: bool) -> None:
        async def come() -> None:
            gone: Future[None] = asyncio.get_running_loop().create_future()
            self.coming.append((asyncio.create_task(self._enter(gone, is_read=is_read)), gone))
            await asyncio.sleep(0)

        self.runner.run(come())

    @precondition(lambda self: self.coming)
    @rule(drawn=data(), leaving=integers(0, 2), is_cancelled=booleans())
    def somebody_goes_as_others_leave(
        self, *, drawn: Any, leaving: int, is_cancelled: bool
    ) -> None:
        index = drawn.draw(integers(0, len(self.coming) - 1))

        async def go() -> None:
            task, gone = self.coming[index]
            for _ in range(min(leaving, self.inside)):
                self._leave()
            if is_cancelled:
                task.cancel()
            elif not gone.done():
                gone.set_result(None)
            await settled()

        self.runner.run(go())

    @precondition(lambda self: self.inside)
    @rule()
    def somebody_leaves(self) -> None:
        async def leave() -> None:
            self._leave()
            await asyncio.sleep(0)

        self.runner.run(leave())

    @rule()
    def time_goes_by(self) -> None:
        self.runner.run(settled())

    @invariant()
    def no_place_is_lost_and_none_is_made(self) -> None:
        self.runner.run(settled())
        waiting = len(self.gate.reads.waiting) + len(self.gate.writes.waiting)
        assert self.gate.inside == self.inside <= AT_ONCE
        assert waiting <= IN_LINE
        assert waiting == 0 or self.gate.inside == AT_ONCE
        assert waiting == sum(not task.done() for task, _ in self.coming)


TestGates = Gates.TestCase
TestGates.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
