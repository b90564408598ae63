"""The machine's clock and ids against the contracts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from hashpost.adapters.system import SystemClock, SystemIds
from hashpost.testing import contracts
from hashpost.testing.clock import START, ManualClock


class TestSystemClock(contracts.ClockContract):
    def clock(self) -> SystemClock:
        return SystemClock()

    def test_it_tells_the_time_of_now(self) -> None:
        before = datetime.now(UTC)
        now = SystemClock()()
        after = datetime.now(UTC)

        assert before.timestamp() - 0.001 <= now.timestamp() <= after.timestamp()


class TestManualClock(contracts.ClockContract):
    def clock(self) -> ManualClock:
        return ManualClock()


class TestSystemIds(contracts.IdsContract):
    def ids(self) -> SystemIds:
        return SystemIds()

    def test_threads_never_get_the_same_id(self) -> None:
        ids = SystemIds()

        with ThreadPoolExecutor(8) as threads:
            minted = list(threads.map(lambda _: ids.next(START), range(2000)))

        assert len(set(minted)) == 2000
