"""What a clock and a mint of ids must do."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hashpost.application.ports import Clock, Ids
from hashpost.domain.ids import from_unix_ms, is_id, time_of, unix_ms

_AT = datetime(2026, 11, 22, 6, 21, 0, 123000, tzinfo=UTC)


class ClockContract:
    """The port `Clock`. Method to override: `clock`."""

    def clock(self) -> Clock:
        """The clock to prove."""
        raise NotImplementedError

    def test_time_is_in_utc_and_in_whole_milliseconds(self) -> None:
        now = self.clock()()

        assert now.tzinfo is UTC
        assert from_unix_ms(unix_ms(now)) == now


class IdsContract:
    """The port `Ids`. Method to override: `ids`, a new mint each time."""

    def ids(self) -> Ids:
        """The mint to prove."""
        raise NotImplementedError

    def test_an_id_holds_its_time(self) -> None:
        assert time_of(self.ids().next(_AT)) == _AT

    @given(st.lists(st.integers(-5, 5), min_size=1, max_size=200))
    def test_ids_ascend_even_when_the_clock_stands_still_or_goes_back(
        self, steps: list[int]
    ) -> None:
        ids, at, minted = self.ids(), _AT, []
        for step in steps:
            at += timedelta(milliseconds=step)
            minted.append(ids.next(at))

        assert minted == sorted(set(minted))
        assert all(map(is_id, minted))

    def test_two_mints_seldom_give_the_same_id(self) -> None:
        minted = {self.ids().next(_AT) for _ in range(20)}

        assert len(minted) > 10

    @given(st.integers(0, 12))
    def test_a_backdated_id_lies_in_a_window_that_doubles(self, attempt: int) -> None:
        minted = time_of(self.ids().backdated(_AT, attempt=attempt))

        assert _AT <= minted < _AT + timedelta(milliseconds=2**attempt)

    def test_backdated_ids_are_spread(self) -> None:
        ids = self.ids()

        assert len({ids.backdated(_AT, attempt=0) for _ in range(100)}) > 50
