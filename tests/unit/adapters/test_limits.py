"""The storage of limits in the process, beside the library's own."""

from random import Random
from types import SimpleNamespace

import pytest
from limits.aio.storage import MemoryStorage, memory

from hashpost.adapters.limits.process import ProcessStorage

LIMITS = {"a": 1, "b": 3, "c": 5}
SECONDS = 10


class Time:
    """Goes on by steps after which nothing is exactly as old as the window is long."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def goes_on(self, steps: int) -> None:
        self.now += steps * 2**0.5


@pytest.mark.parametrize("seed", range(20))
async def test_it_does_as_the_librarys_does(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, time = Random(seed), Time()  # noqa: S311
    monkeypatch.setattr(memory, "time", SimpleNamespace(time=time))
    ours, theirs = ProcessStorage(time), MemoryStorage()
    told: list[list[object]] = [[], []]

    for _ in range(200):
        time.goes_on(chance.choice([0, 0, 1, 3]))
        key, amount = chance.choice("abc"), chance.choice([1, 1, 1, 2])
        clears = chance.random() < 0.02
        for storage, answers in zip((ours, theirs), told, strict=True):
            if clears:
                await storage.clear(key)
            answers.append(await storage.acquire_entry(key, LIMITS[key], SECONDS, amount))
            begun, count = await storage.get_moving_window(key, LIMITS[key], SECONDS)
            answers.append((count, begun if count else None))
    assert theirs.timer
    await theirs.timer

    assert told[0] == told[1]
    assert {True, False} <= {answer for answer in told[0] if isinstance(answer, bool)}


async def test_what_is_cleared_was_never_there() -> None:
    storage = ProcessStorage(Time())
    for seconds in (60, 600):
        await storage.acquire_entry("x", 1, seconds)
        await storage.acquire_entry("y", 1, seconds)
    await storage.incr("x", 60)

    await storage.clear("x")

    assert await storage.acquire_entry("x", 1, 60)
    assert await storage.acquire_entry("x", 1, 600)
    assert not await storage.acquire_entry("y", 1, 60)
    assert await storage.get("x") == 0


async def test_a_reset_forgets_all_and_tells_how_many() -> None:
    storage = ProcessStorage(Time())
    await storage.acquire_entry("x", 1, 60)
    await storage.acquire_entry("y", 1, 600)
    await storage.incr("of another strategy", 60)

    assert await storage.reset() == 3

    assert len(storage) == 0
    assert await storage.acquire_entry("x", 1, 60)
    assert await storage.get("of another strategy") == 0


async def test_many_who_came_once_are_forgotten_as_soon_as_they_matter_no_more() -> None:
    time = Time()
    storage = ProcessStorage(time)
    for number in range(100):
        time.now += 1
        await storage.acquire_entry(f"key {number}", 9, 60)
    await storage.acquire_entry("other window", 9, 600)
    assert len(storage) == 60 + 1

    time.now += 60
    await storage.get_moving_window("key 99", 9, 60)

    assert len(storage) == 1


async def test_whoever_comes_again_and_again_keeps_nobody_elses_numbers_alive() -> None:
    time = Time()
    storage = ProcessStorage(time)
    for now in (0, 30, 60):
        time.now = now
        await storage.acquire_entry("often", 9, 60)
        await storage.acquire_entry(f"once at {now}", 9, 60)

    time.now = 91
    await storage.get_moving_window("often", 9, 60)

    assert len(storage) == 2
