"""The argon2 adapter against the contract, and its bounds."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2.exceptions import InvalidHashError

from hashpost.adapters.passwords import NICER_BY, Argon2Hasher, Calculator
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


@pytest.mark.skipif(sys.platform != "linux", reason="hashing is in our process")
class TestArgon2HasherWithProcesses(contracts.PasswordHasherContract):
    @pytest.fixture
    def hasher(self) -> Iterator[Argon2Hasher]:
        hasher = Argon2Hasher(time_cost=1, memory_kib=64, threads=1, processes=True)
        yield hasher
        hasher.close()

    async def test_a_process_makes_the_hashes_that_we_make(self, hasher: Argon2Hasher) -> None:
        ours = Argon2Hasher(time_cost=1, memory_kib=64)

        assert await ours.verify("pässwörd 🙂", await hasher.hash("pässwörd 🙂"))
        assert await hasher.verify("pässwörd 🙂", await ours.hash("pässwörd 🙂"))
        ours.close()

    async def test_a_broken_hash_is_no_wrong_password(self, hasher: Argon2Hasher) -> None:
        with pytest.raises(InvalidHashError):
            await hasher.verify("x", "no hash at all")

        assert await hasher.hash("x")

    async def test_no_process_is_begun_before_it_is_needed(self, hasher: Argon2Hasher) -> None:
        assert hasher._calculators[0]._process is None

    async def test_a_process_is_used_again_and_lets_all_others_go_first(
        self, hasher: Argon2Hasher
    ) -> None:
        await hasher.hash("x")
        first = _process(hasher)

        await hasher.hash("x")

        assert _process(hasher) == first
        nice = min(os.getpriority(os.PRIO_PROCESS, 0) + NICER_BY, 19)
        assert os.getpriority(os.PRIO_PROCESS, first) == nice

    async def test_another_process_takes_over_from_one_that_died(
        self, hasher: Argon2Hasher
    ) -> None:
        await hasher.hash("x")
        first = _process(hasher)
        os.kill(first, signal.SIGKILL)
        _wait_until_gone(first)

        assert await hasher.hash("x")
        assert _process(hasher) != first
        assert not _runs(first)

    async def test_what_a_process_dies_over_is_done_by_another(self) -> None:
        hasher = _slow()
        await hasher.hash("x")
        call = asyncio.create_task(hasher.hash("x"))
        await asyncio.sleep(0.1)
        assert not call.done()

        os.kill(_process(hasher), signal.SIGKILL)

        assert (await call).startswith("$argon2id$")
        hasher.close()

    def test_another_process_takes_over_from_one_that_hangs(self) -> None:
        calculator = Calculator(time_cost=1, memory_kib=64, patience=3)
        calculator("x", None)
        assert calculator._process is not None
        first = calculator._process.pid
        os.kill(first, signal.SIGSTOP)

        assert calculator("x", None)

        assert not _runs(first)
        calculator.close()

    async def test_what_two_processes_die_over_is_refused(
        self, hasher: Argon2Hasher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/bin/false")

        with pytest.raises(Unavailable):
            await hasher.hash("x")

        monkeypatch.undo()
        assert await hasher.hash("x")

    async def test_without_room_for_a_process_it_is_refused(
        self, hasher: Argon2Hasher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")

        with pytest.raises(Unavailable):
            await hasher.hash("x")

    async def test_closing_ends_the_process_and_refuses_who_waits_for_it(self) -> None:
        hasher = _slow()
        await hasher.hash("x")
        process = _process(hasher)
        call = asyncio.create_task(hasher.hash("x"))
        await asyncio.sleep(0.1)
        assert not call.done()

        hasher.close()

        assert not _runs(process)
        with pytest.raises(Unavailable):
            await call

    async def test_who_gives_up_leaves_the_answer_to_nobody_else(
        self, hasher: Argon2Hasher
    ) -> None:
        right = await hasher.hash("x")
        for _ in range(20):
            given_up = asyncio.create_task(hasher.verify("x", right))
            await asyncio.sleep(0)
            given_up.cancel()
            assert not await hasher.verify("y", right)

    def test_it_is_interrupted_in_the_middle_of_a_hash(self) -> None:
        told = subprocess.run(
            [sys.executable, "-c", _TELLS_OF_ALARMS],
            input='["x", null]\n',
            capture_output=True,
            text=True,
        )

        assert told.stdout.startswith('["done", "$argon2id$')
        assert "alarm" in told.stderr

    async def test_what_interrupts_it_is_caught_outside_of_python(
        self, hasher: Argon2Hasher
    ) -> None:
        await hasher.hash("x")
        process = _process(hasher)

        os.kill(process, signal.SIGALRM)  # Python has no handler of it: it would be deadly

        assert await hasher.hash("x")
        assert _process(hasher) == process

    async def test_a_process_is_not_stopped_with_its_server_in_the_middle(
        self, hasher: Argon2Hasher
    ) -> None:
        await hasher.hash("x")
        first = _process(hasher)

        os.kill(first, signal.SIGTERM)
        os.kill(first, signal.SIGINT)

        assert await hasher.hash("x")
        assert _process(hasher) == first
        assert os.getpgid(first) != os.getpgid(0)

    def test_a_process_ends_with_the_one_that_was_killed_over_it(self) -> None:
        ours = subprocess.Popen([sys.executable, "-c", _HASHES_FOR_EVER], stdout=subprocess.PIPE)
        assert ours.stdout is not None
        process = int(ours.stdout.readline())
        assert _runs(process)

        ours.kill()
        ours.communicate()

        _wait_until_gone(process)


_HASHES_FOR_EVER = """
import asyncio
from hashpost.adapters.passwords import Argon2Hasher

async def main():
    hasher = Argon2Hasher(time_cost=1, memory_kib=64, threads=1, processes=True)
    await hasher.hash("x")
    print(hasher._calculators[0]._process.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""

_TELLS_OF_ALARMS = """
import signal, sys
from hashpost.adapters import hashing

def tell(*_):
    print("alarm", file=sys.stderr)

hashing._yield_often = lambda: signal.signal(signal.SIGALRM, tell)
hashing.main(10, 19456, 0)
"""


def _slow() -> Argon2Hasher:
    """Needs about a second for a hash."""
    return Argon2Hasher(time_cost=60, threads=1, processes=True)


def _process(hasher: Argon2Hasher) -> int:
    (calculator,) = hasher._calculators
    assert calculator._process is not None
    return calculator._process.pid


def _runs(process: int) -> bool:
    """Whether there is such a process, which has not ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def _wait_until_gone(process: int) -> None:
    until = time.monotonic() + 10
    while _runs(process):
        assert time.monotonic() < until, "it is still there"
        time.sleep(0.01)
