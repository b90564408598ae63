"""The pool: whoever waits gets a place in turn, and no place is lost on the way."""

import asyncio
from asyncio import Task
from typing import Any, cast

import pytest

from hashpost.adapters.sql.pool import Connection, Pool
from hashpost.domain.errors import Unavailable

LONG = 60.0


class Fake:
    """As much of a connection as a pool needs."""

    is_sound = True

    def __init__(self) -> None:
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


async def connect() -> Connection:
    return cast(Connection, Fake())


def in_(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def taking(pool: Pool, seconds: float = LONG) -> Task[Any]:
    return asyncio.create_task(pool.take(deadline=in_(seconds)))


async def turns() -> None:
    """Let everybody go on as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_the_connection_used_last_is_lent_first() -> None:
    pool = Pool(connect, size=2)
    first, second = [await pool.take(deadline=in_(LONG)) for _ in range(2)]
    pool.put(first)
    pool.put(second)
    assert await pool.take(deadline=in_(LONG)) is second
    assert await pool.take(deadline=in_(LONG)) is first


async def test_those_who_wait_are_served_in_turn() -> None:
    pool = Pool(connect, size=1)
    connection = await pool.take(deadline=in_(LONG))
    waiting = [taking(pool) for _ in range(3)]
    for each in waiting:
        await turns()
        assert not each.done()
        pool.put(connection)
        await turns()
        assert each.done()


async def test_who_waits_too_long_is_refused_and_takes_no_place_along() -> None:
    pool = Pool(connect, size=1)
    connection = await pool.take(deadline=in_(LONG))
    with pytest.raises(Unavailable):
        await pool.take(deadline=in_(0.01))
    pool.put(connection)
    assert await pool.take(deadline=in_(LONG)) is connection


async def test_who_is_cancelled_while_waiting_is_passed_over() -> None:
    pool = Pool(connect, size=1)
    connection = await pool.take(deadline=in_(LONG))
    gone, patient = taking(pool), taking(pool)
    await turns()
    gone.cancel()
    await turns()
    pool.put(connection)
    assert await patient is connection


async def test_who_is_cancelled_just_when_a_place_comes_passes_it_on() -> None:
    pool = Pool(connect, size=1)
    connection = await pool.take(deadline=in_(LONG))
    gone, patient = taking(pool), taking(pool)
    await turns()
    pool.put(connection)
    gone.cancel()
    assert await patient is connection
    assert gone.cancelled()


async def test_a_place_is_free_again_when_its_connection_is_dropped() -> None:
    pool = Pool(connect, size=1)
    connection = await pool.take(deadline=in_(LONG))
    patient = taking(pool)
    await turns()
    await pool.drop(connection)
    assert await patient is not connection
    assert cast(Fake, connection).is_closed


async def test_a_place_is_free_again_when_no_connection_can_be_made() -> None:
    async def refuse() -> Connection:
        raise Unavailable

    pool = Pool(refuse, size=1)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await pool.take(deadline=in_(LONG))
    assert not pool._idle


async def test_an_unsound_connection_is_closed_and_another_one_made() -> None:
    pool = Pool(connect, size=1)
    lost = await pool.take(deadline=in_(LONG))
    pool.put(lost)
    cast(Fake, lost).is_sound = False
    assert await pool.take(deadline=in_(LONG)) is not lost
    assert cast(Fake, lost).is_closed


async def test_a_place_is_free_again_when_the_making_of_a_connection_is_cancelled() -> None:
    makings: list[Task[Any]] = []

    async def connect_never() -> Connection:
        making = asyncio.current_task()
        assert making is not None
        makings.append(making)
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    pool = Pool(connect_never, size=1)
    with pytest.raises(Unavailable):
        await pool.take(deadline=in_(0.01))
    makings[0].cancel()
    await turns()
    patient = taking(pool)
    await turns()
    assert len(makings) == 2
    for each in (patient, makings[1]):
        each.cancel()
    await turns()
