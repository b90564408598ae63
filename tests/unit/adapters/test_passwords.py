"""The argon2 adapter against the contract, and its bounds."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest
from argon2.exceptions import InvalidHashError

from hashpost.adapters.passwords import NICER_BY, Argon2Hasher
from hashpost.domain.errors import Unavailable
from hashpost.testing import contracts


@pytest.fixture
def hasher() -> Iterator[Argon2Hasher]:
    hasher = Argon2Hasher(time_cost=1, memory_kib=64)
    yield hasher
    hasher.close()


class TestArgon2Hasher(contracts.PasswordHasherContract):
    async def test_a_hash_is_argon2id_with_todays_parameters(self, hasher: Argon2Hasher) -> None:
        assert (await Argon2Hasher().hash("x")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    async def test_a_hash_of_other_parameters_is_outdated(self, hasher: Argon2Hasher) -> None:
        assert Argon2Hasher().is_outdated(await hasher.hash("x"))

    async def test_a_broken_hash_is_no_wrong_password(self, hasher: Argon2Hasher) -> None:
        with pytest.raises(InvalidHashError):
            await hasher.verify("x", "no hash at all")

    async def test_more_than_fit_in_the_queue_are_refused_and_the_others_served(self) -> None:
        hasher = Argon2Hasher(time_cost=1, memory_kib=64, threads=1, waiting_max=3)

        ended = await asyncio.gather(*(hasher.hash("x") for _ in range(10)), return_exceptions=True)

        hashed = [result for result in ended if isinstance(result, str)]
        refused = [result for result in ended if isinstance(result, Unavailable)]
        assert len(hashed) >= 4
        assert len(hashed) + len(refused) == 10
        assert refused
        assert isinstance(await hasher.hash("x"), str)
        hasher.close()

    async def test_who_gives_up_waiting_makes_room(self) -> None:
        hasher = Argon2Hasher(threads=1, waiting_max=0)
        calls = [asyncio.create_task(hasher.hash("x")) for _ in range(1)]
        await asyncio.sleep(0)

        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

        async with asyncio.timeout(10):
            while True:
                try:
                    assert await hasher.hash("y")
                    break
                except Unavailable:
                    await asyncio.sleep(0.001)
        hasher.close()

    @pytest.mark.skipif(sys.platform != "linux", reason="threads are as nice as their process")
    async def test_hashing_lets_all_others_go_first(self) -> None:
        before = os.getpriority(os.PRIO_PROCESS, 0)
        hasher = Argon2Hasher(threads=2)

        await asyncio.gather(*(hasher.hash("x") for _ in range(4)))

        ours = [each for each in threading.enumerate() if each in hasher._threads._threads]
        priorities = {os.getpriority(os.PRIO_PROCESS, each.native_id or 0) for each in ours}
        assert priorities == {min(before + NICER_BY, 19)}
        assert os.getpriority(os.PRIO_PROCESS, 0) == before
        hasher.close()
