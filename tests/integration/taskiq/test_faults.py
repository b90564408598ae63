"""The faults of taskiq's broker over Redis streams (docs/adr/0007), shown to be none of ours."""

import asyncio
import json
import pickle
import sys
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.system import SystemClock
from hashpost.adapters.taskiq import shared
from hashpost.adapters.taskiq.brokers import WAITING_MAX
from hashpost.adapters.taskiq.shared import RedisBroker
from hashpost.domain.errors import Unavailable
from hashpost.domain.message import State
from tests.integration.taskiq.hanging import LEASE
from tests.integration.taskiq.restarting import OwnRedis
from tests.jobs import PATIENCE, Shop, until


async def test_what_a_killed_worker_had_under_way_is_done_by_another(
    redis_url: str, key: str, tmp_path: Path
) -> None:
    database_url = f"sqlite:///{tmp_path}/posts.db"
    storage = await SqlStorage.open(database_url)
    shop = Shop(RedisBroker(redis_url, key=key), storage=storage, clock=SystemClock(), lease=LEASE)
    [message] = await shop.add()
    await shop.broker.tell(message)

    arguments = ["-m", "tests.integration.taskiq.hanging", redis_url, key, database_url]
    killed = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE)
    assert killed.stdout
    assert await killed.stdout.readline() == b"begun\n"
    killed.kill()
    await killed.wait()
    assert await shop.states() == [State.RUNNING]

    async with shop.working(), shop.scheduling():
        await until(shop.all_done)
    [done] = await shop.messages()
    assert done.attempts == 2
    await shop.close()
    await storage.close()


async def test_a_long_job_is_begun_once_though_it_outlasts_lease_and_sweeps(
    redis_url: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashpost.adapters.taskiq.sweeping.EVERY", 0.05)
    lease = timedelta(seconds=0.3)
    storage, clock = MemoryStorage(), SystemClock()
    shops = [
        Shop(RedisBroker(redis_url, key=key), storage=storage, clock=clock, lease=lease)
        for _ in range(2)
    ]
    for shop in shops:
        shop.work.may_end.clear()
    [message] = await shops[0].add()

    async with shops[0].working(), shops[1].working(), shops[0].scheduling():
        await shops[0].broker.tell(message)
        await until(lambda: bool(shops[0].work.begun or shops[1].work.begun))
        await asyncio.sleep(3 * lease.total_seconds())
        await shops[0].broker.tell(message)
        for shop in shops:
            shop.work.may_end.set()
        await until(shops[0].all_done)

    assert len(shops[0].work.begun + shops[1].work.begun) == 1
    for shop in shops:
        await shop.close()


async def test_the_queue_cannot_grow_while_workers_are_away(
    shop: Shop, redis_url: str, key: str
) -> None:
    for each in range(3 * WAITING_MAX):
        await shop.broker.tell(each)

    async with Redis.from_url(redis_url) as client:
        assert await client.zcard(key) == WAITING_MAX


async def test_nothing_is_left_in_redis_when_all_is_done(
    shop: Shop, redis_url: str, key: str
) -> None:
    messages = await shop.add(20)

    async with shop.working():
        shop.queue.wake(messages)
        await until(shop.all_done)

    async with Redis.from_url(redis_url) as client:
        assert await client.keys(f"*{key}*") == []
        assert [each async for each in client.scan_iter("*taskiq*")] == []


async def test_messages_that_were_told_of_before_any_worker_was_there_are_done(
    shop: Shop,
) -> None:
    messages = await shop.add(3)
    shop.queue.wake(messages)
    await shop.queue.close()

    async with shop.working():
        await until(shop.all_done)


async def test_two_schedulers_fire_a_slot_once(redis_url: str, key: str) -> None:
    storage = MemoryStorage()
    shops = [Shop(RedisBroker(redis_url, key=key), storage=storage) for _ in range(2)]
    await shops[0].put()

    async with shops[0].working(), shops[0].scheduling(), shops[1].scheduling():
        await until(lambda: bool(shops[0].work.ended))
        await until(shops[0].all_done)

    assert len(await shops[0].messages()) == len(shops[0].work.begun) == 1
    for shop in shops:
        await shop.close()


async def test_what_waits_is_json_and_what_is_not_does_no_harm(
    shop: Shop, redis_url: str, key: str
) -> None:
    [message] = await shop.add()
    await shop.broker.tell(message)
    async with Redis.from_url(redis_url) as client:
        [waiting] = await client.zrange(key, 0, -1)
        await client.zadd(key, {pickle.dumps(Bomb()): 0, b"\xff": 1, b'{"task_name": []}': 2})

    async with shop.working():
        await until(shop.all_done)

    assert isinstance(waiting, bytes)
    assert json.loads(waiting)["args"] == [message]
    assert Bomb.exploded == 0


class Bomb:
    """Goes off when it is unpickled."""

    exploded = 0

    @classmethod
    def explode(cls) -> None:
        cls.exploded += 1

    def __reduce__(self) -> tuple[object, ...]:
        return Bomb.explode, ()


async def test_an_idle_worker_and_scheduler_end_at_once(shop: Shop) -> None:
    async with shop.working(drain=60), shop.scheduling():
        await _listens(shop)
        began = perf_counter()

    assert perf_counter() - began < 0.5


async def _listens(shop: Shop) -> None:
    """Return when the worker has been told of a message, and waits for the next."""
    messages = await shop.add()
    shop.queue.wake(messages)
    await until(shop.all_done)


# Redis comes and goes


async def test_a_worker_outlasts_a_redis_that_is_away_and_says_so_in_few_lines(
    own: OwnRedis,
) -> None:
    own.start()
    shop = Shop(RedisBroker(own.url))

    with capture_logs() as logs:
        async with shop.working(), shop.scheduling():
            await _listens(shop)
            own.stop()
            shop.queue.wake(await shop.add(100))
            await asyncio.sleep(3)
            said_while_away = list(logs)
            own.start()
            shop.advance(seconds=3)
            await until(shop.all_done)
            await until(lambda: [log["event"] for log in logs].count("back") == 3)

    assert {log["event"] for log in said_while_away} == {"job done", "away"}
    assert len(said_while_away) == 1 + 3
    assert len(logs) == 1 + 3 + 100 + 3
    await shop.close()


async def test_workers_and_senders_may_be_there_before_redis(own: OwnRedis) -> None:
    shop = Shop(RedisBroker(own.url))

    async with shop.working(), shop.scheduling():
        shop.queue.wake(await shop.add(3))
        await asyncio.sleep(0.5)
        own.start()
        shop.advance(seconds=3)
        await until(shop.all_done)

    await shop.close()


async def test_a_redis_that_was_emptied_is_as_good_as_any(
    shop: Shop, redis_url: str, key: str
) -> None:
    async with shop.working(), shop.scheduling():
        await _listens(shop)
        lost = await shop.add(5)
        async with Redis.from_url(redis_url) as client:
            await client.delete(key)
        shop.advance(seconds=3)
        await until(shop.all_done)

    assert shop.work.ended[1:] == lost


async def test_a_redis_that_hangs_keeps_nobody_waiting(
    own: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LISTENS_FOR", 0.2)
    own.start()
    shop = Shop(RedisBroker(own.url))

    with capture_logs() as logs:
        async with shop.working(), shop.scheduling():
            await _listens(shop)
            messages = await shop.add(5)
            with own.hung():
                began = perf_counter()
                shop.queue.wake(messages)
                woken = perf_counter()
                await asyncio.wait_for(shop.broker.tell(1), PATIENCE)
                told = perf_counter()
                with pytest.raises(Unavailable):
                    await shop.broker.room()
                await until(lambda: sum(log["event"] == "away" for log in logs) == 3)
            shop.advance(seconds=3)
            await until(shop.all_done)

    assert woken - began < 0.1
    assert told - woken < 2
    assert len([log for log in logs if log["event"] == "away"]) == 3
    await shop.close()


async def test_a_worker_ends_at_once_while_redis_hangs(own: OwnRedis) -> None:
    own.start()
    shop = Shop(RedisBroker(own.url))

    async with shop.working(), shop.scheduling():
        await _listens(shop)
        with own.hung():
            shop.queue.wake([1, 2, 3])
            began = perf_counter()
            async with shop.working():
                pass
            await shop.close()
            took = perf_counter() - began

    assert took < 4
