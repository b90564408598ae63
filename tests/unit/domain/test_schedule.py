"""Schedules and their changes."""

from datetime import UTC, datetime, timedelta

import pytest

from hashpost.domain.errors import FieldError
from hashpost.domain.schedule import Schedule

AT = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
OFF = Schedule("delete-old-posts", "0 3 * * *", is_enabled=False, since=AT, arguments={"days": 5})


def test_what_is_switched_on_has_missed_nothing_before() -> None:
    on = OFF.switched(on=True, at=LATER)

    assert (on.is_enabled, on.since) == (True, LATER)
    assert on.switched(on=False, at=LATER).is_enabled is False


def test_switching_on_what_is_on_changes_nothing() -> None:
    on = OFF.switched(on=True, at=AT)

    assert on.switched(on=True, at=LATER) == on


def test_what_is_moved_has_missed_nothing_before() -> None:
    moved = OFF.moved("5 * * * *", at=LATER)

    assert (moved.cron, moved.since, moved.is_enabled) == ("5 * * * *", LATER, False)


def test_arguments_are_changed_one_by_one() -> None:
    assert OFF.told({"days": 7}).arguments == {"days": 7}
    assert OFF.told({}).arguments == {"days": 5}
    assert OFF.told({"days": 7}).since == AT


@pytest.mark.parametrize("days", [0, -1, 36_501, True, "7", None])
def test_days_are_whole_and_within_a_century(days: object) -> None:
    faults = list(OFF.argument_faults({"days": days}))  # type: ignore[dict-item]

    assert faults == [FieldError("days", "1 to 36500")]


@pytest.mark.parametrize("days", [1, 36_500])
def test_these_days_are_right(days: int) -> None:
    assert list(OFF.argument_faults({"days": days})) == []


def test_an_argument_that_the_job_does_not_have_is_named() -> None:
    none = Schedule("self-check", "0 3 * * *", is_enabled=True, since=AT, arguments={})

    assert list(OFF.argument_faults({"day": 1})) == [
        FieldError("day", "not an argument of delete-old-posts, which has: days")
    ]
    assert list(none.argument_faults({"day": 1})) == [
        FieldError("day", "not an argument of self-check, which has: none")
    ]
