"""Ids hold their time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.ids import MAX_ID, first_id_at, from_unix_ms, is_id, time_of, unix_ms

moments = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2109, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments)
def test_the_time_of_an_id_is_its_millisecond(at: datetime) -> None:
    assert timedelta(0) <= at - time_of(first_id_at(at)) < timedelta(milliseconds=1)


@given(st.integers(0, MAX_ID))
def test_an_id_lies_in_its_millisecond(identifier: int) -> None:
    first = first_id_at(time_of(identifier))

    assert first <= identifier < first + 2048
    assert unix_ms(time_of(identifier)) == identifier >> 11


@given(moments, moments)
def test_ids_ascend_in_time(one: datetime, other: datetime) -> None:
    earlier, later = sorted([one, other])

    assert first_id_at(earlier) <= first_id_at(later)


@given(st.integers(0, 2**42 - 1))
def test_milliseconds_and_moments_are_the_same_thing(milliseconds: int) -> None:
    assert unix_ms(from_unix_ms(milliseconds)) == milliseconds


def test_another_time_zone_is_the_same_moment() -> None:
    at = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)

    assert unix_ms(at.astimezone(timezone(timedelta(hours=5)))) == unix_ms(at) == 1795328460000


def test_moments_are_in_utc() -> None:
    assert time_of(5 << 11).tzinfo is UTC


@pytest.mark.parametrize(
    ("number", "expected"),
    [(-1, False), (0, False), (1, True), (2**53 - 1, True), (2**53, False)],
)
def test_ids_lie_between_one_and_what_json_can_hold(number: int, *, expected: bool) -> None:
    assert is_id(number) is expected
