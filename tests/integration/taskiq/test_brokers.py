"""What every broker does, within a process and over Redis."""

import json
from collections.abc import AsyncGenerator
from typing import cast

from hashpost.adapters.taskiq.brokers import WAITING_MAX, Broker


async def taken(broker: Broker, count: int) -> list[int]:
    """The next messages that a listener is told of."""
    listener = cast(AsyncGenerator[bytes, None], broker.listen())
    told = [json.loads(await anext(listener))["args"] for _ in range(count)]
    await listener.aclose()
    return [message_id for [message_id] in told]


async def test_messages_are_told_of_in_their_order(broker: Broker) -> None:
    for each in (1, 2, 3):
        await broker.tell(each)

    assert await taken(broker, 3) == [1, 2, 3]


async def test_a_message_is_told_of_once_however_often_it_was_added(broker: Broker) -> None:
    for each in (1, 1, 1, 2):
        await broker.tell(each)

    assert await taken(broker, 2) == [1, 2]
    assert await broker.room() == WAITING_MAX


async def test_one_that_was_taken_can_be_told_of_again(broker: Broker) -> None:
    await broker.tell(1)
    await taken(broker, 1)

    await broker.tell(1)

    assert await taken(broker, 1) == [1]


async def test_a_bounded_number_waits_and_the_oldest_are_among_them(broker: Broker) -> None:
    for each in range(WAITING_MAX + 50):
        await broker.tell(each)

    assert await broker.room() == 0
    assert await taken(broker, WAITING_MAX) == list(range(WAITING_MAX))


async def test_an_id_as_large_as_ids_become_comes_back_whole(broker: Broker) -> None:
    await broker.tell(2**53 - 1)

    assert await taken(broker, 1) == [2**53 - 1]
