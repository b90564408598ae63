"""What counting promises, in the process and in Redis."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from hashpost.adapters.limits import shared
from hashpost.adapters.limits.process import ProcessCounts
from hashpost.adapters.limits.shared import RedisCounts

AnyCounts = ProcessCounts | RedisCounts


@pytest.fixture(autouse=True)
def _a_patient_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of here is counting; how long it takes is told of elsewhere."""
    monkeypatch.setattr(shared, "ANSWERS_WITHIN", 10)


@pytest.fixture(params=["process", "redis"])
async def counts(request: pytest.FixtureRequest) -> AsyncIterator[AnyCounts]:
    if request.param == "process":
        yield ProcessCounts()
        return
    counts = RedisCounts(request.getfixturevalue("redis_url"), prefix=f"test:{uuid4().hex}")
    yield counts
    await counts.close()


async def test_what_is_taken_is_counted_up_to_the_limit(counts: AnyCounts) -> None:
    taken = [await counts.take("x", limit=3, seconds=60) for _ in range(5)]

    assert [count.was_counted for count in taken] == [True, True, True, False, False]
    assert [count.used for count in taken] == [1, 2, 3, 3, 3]
    assert all(59 < count.frees_in <= 60 for count in taken)


async def test_looking_counts_nothing(counts: AnyCounts) -> None:
    before = await counts.look("x", limit=3, seconds=60)
    await counts.take("x", limit=3, seconds=60)

    after = [await counts.look("x", limit=3, seconds=60) for _ in range(2)]

    assert (before.used, before.frees_in) == (0, 0)
    assert [count.used for count in after] == [1, 1]
    assert not any(count.was_counted for count in after)
    assert 59 < after[0].frees_in <= 60


async def test_keys_are_counted_apart(counts: AnyCounts) -> None:
    await counts.take("x", limit=1, seconds=60)

    assert (await counts.take("y", limit=1, seconds=60)).was_counted
    assert (await counts.look("z", limit=1, seconds=60)).used == 0


async def test_each_leaves_the_window_by_itself(counts: AnyCounts) -> None:
    await counts.take("x", limit=2, seconds=1)
    await asyncio.sleep(0.6)
    second = await counts.take("x", limit=2, seconds=1)
    full = await counts.take("x", limit=2, seconds=1)
    assert (second.was_counted, full.was_counted) == (True, False)

    await asyncio.sleep(full.frees_in + 0.01)

    assert (await counts.look("x", limit=2, seconds=1)).used == 1
    again = await counts.take("x", limit=2, seconds=1)
    assert (again.was_counted, again.used) == (True, 2)
    assert again.frees_in < 0.7


async def test_at_once_no_more_is_taken_than_one_after_the_other(counts: AnyCounts) -> None:
    taken = await asyncio.gather(*(counts.take("x", limit=7, seconds=60) for _ in range(50)))

    assert sum(count.was_counted for count in taken) == 7


async def test_redis_counts_for_all_processes_and_forgets_in_time(redis_url: str) -> None:
    prefix = f"test:{uuid4().hex}"
    one, other = RedisCounts(redis_url, prefix=prefix), RedisCounts(redis_url, prefix=prefix)

    taken = [await each.take("x", limit=3, seconds=1) for each in (one, other) * 2]

    assert [count.was_counted for count in taken] == [True, True, True, False]
    async with Redis.from_url(redis_url) as client:
        assert await client.keys(f"{prefix}*") == [f"{prefix}:limits/x/3/1/second".encode()]
        await asyncio.sleep(1.1)
        assert await client.keys(f"{prefix}*") == []
    await one.close()
    await other.close()


async def test_a_take_is_two_round_trips(redis_url: str) -> None:
    counts = RedisCounts(redis_url, prefix=f"test:{uuid4().hex}")
    await counts.take("x", limit=99, seconds=60)

    async with Redis.from_url(redis_url) as client:
        before = await _commands(client)
        for _ in range(10):
            await counts.take("x", limit=99, seconds=60)
        after = await _commands(client)

    assert after - before == 20
    await counts.close()


async def _commands(client: Redis) -> int:
    """How many commands came over the network to count or to look, scripts' own apart."""
    stats = await client.info("commandstats")
    names = ("evalsha", "eval", "script|exists", "script|load", "ttl", "pttl", "get", "incr")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in names)
