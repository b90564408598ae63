"""Losing Redis neither stops nor slows down what is limited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import pytest
from redis import Redis
from structlog.testing import capture_logs

from hashpost.adapters.limits import shared
from hashpost.adapters.limits.shared import ANSWERS_WITHIN, RedisCounts
from tests.integration.taskiq.restarting import OwnRedis

AT_ONCE = 20
SOON = ANSWERS_WITHIN * 3
"""Seconds; a loaded machine is seldom later."""


@pytest.fixture
async def counts(own: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisCounts]:
    monkeypatch.setattr(shared, "LEFT_ALONE_FOR", 0.5)
    counts = RedisCounts(own.url)
    yield counts
    await counts.close()


async def take(counts: RedisCounts) -> Any:
    return await counts.take("x", limit=10_000, seconds=600)


async def timed(counts: RedisCounts) -> tuple[Any, float]:
    begun = perf_counter()
    return await take(counts), perf_counter() - begun


@contextmanager
def killed(own: OwnRedis) -> Iterator[None]:
    own.stop()
    yield
    own.start()


@contextmanager
def hung(own: OwnRedis) -> Iterator[None]:
    with own.hung():
        yield


@pytest.mark.parametrize("lost", [killed, hung])
async def test_while_redis_is_away_the_process_counts_by_itself_and_then_no_more(
    own: OwnRedis, counts: RedisCounts, lost: Callable[[OwnRedis], Any]
) -> None:
    await take(counts)
    await take(counts)
    with capture_logs() as lines:
        with lost(own):
            first = await asyncio.gather(*(timed(counts) for _ in range(AT_ONCE)))
            then = [await timed(counts) for _ in range(100)]
        await asyncio.sleep(0.6)
        back = await take(counts)
        again = await take(counts)

    assert max(seconds for _, seconds in first) < SOON
    assert sorted(seconds for _, seconds in then)[95] < 0.005
    assert [count.used for count, _ in then] == list(range(AT_ONCE + 1, AT_ONCE + 101))
    # One that hung does in the end what it was asked for; one that was killed begins anew.
    kept = 0 if lost is killed else 2
    assert kept < back.used <= kept + AT_ONCE + 1
    assert again.used == back.used + 1
    assert [(line["event"], line["what"]) for line in lines] == [
        ("away", "Redis, for rate limits"),
        ("back", "Redis, for rate limits"),
    ]


async def test_while_it_is_away_one_request_at_a_time_tries_again(
    own: OwnRedis, counts: RedisCounts
) -> None:
    await take(counts)
    with own.hung():
        await take(counts)
        await asyncio.sleep(0.6)

        times = [seconds for _, seconds in await asyncio.gather(*(timed(counts) for _ in range(9)))]

    assert sum(seconds > ANSWERS_WITHIN / 2 for seconds in times) == 1


async def test_one_that_forgets_everything_begins_anew(own: OwnRedis, counts: RedisCounts) -> None:
    await take(counts)
    with Redis.from_url(own.url) as client:
        client.flushall()
        client.script_flush()

    assert (await take(counts)).used == 1


async def test_one_that_was_never_there_is_no_obstacle(tmp_path: Any) -> None:
    counts = RedisCounts(f"unix://{tmp_path}/none.sock")

    with capture_logs() as lines:
        taken = [await counts.take("x", limit=2, seconds=60) for _ in range(3)]
        looked = await counts.look("x", limit=2, seconds=60)
    await counts.close()

    assert [count.was_counted for count in taken] == [True, True, False]
    assert looked.used == 2
    assert [line["event"] for line in lines] == ["away"]


async def test_one_that_refuses_commands_is_no_obstacle_either(
    own: OwnRedis, counts: RedisCounts
) -> None:
    with Redis.from_url(own.url) as client:
        client.config_set("maxmemory", "1")

        with capture_logs() as lines:
            taken = [await take(counts) for _ in range(3)]

    assert [count.used for count in taken] == [1, 2, 3]
    assert [line["event"] for line in lines] == ["away"]
