"""Trending hashtags."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.ids import first_id_at, time_of
from hashpost.domain.trend import (
    THRESHOLD,
    Trend,
    TrendingHashtag,
    Usage,
    day_of,
    ranked,
    scored,
)

AT = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 22, tzinfo=UTC),
        datetime(2026, 11, 22, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 11, 23, 1, 30, 30, 500000, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 11, 21, 20, 0, 1, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_a_day_is_that_of_utc_from_its_first_millisecond_to_its_last(at: datetime) -> None:
    assert day_of(at) == (
        first_id_at(datetime(2026, 11, 22, tzinfo=UTC)),
        first_id_at(datetime(2026, 11, 23, tzinfo=UTC)),
    )


@pytest.mark.parametrize(
    ("today", "yesterday", "score"),
    [
        (0, 0, 0),
        (4, 0, 0),
        (5, 0, 16),
        (5, 1, 16),
        (5, 2, 4.5),
        (5, 5, 0),
        (5, 6, 0),
        (10, 5, 5),
        (100, 10, 810),
    ],
)
def test_the_score_is_how_far_today_exceeds_yesterday(
    today: int, yesterday: int, score: float
) -> None:
    assert Usage("a", today, yesterday).score(threshold=THRESHOLD) == score


def test_the_threshold_may_be_another() -> None:
    assert Usage("a", 2, 0).score(threshold=2) == 1
    assert Usage("a", 2, 0).score(threshold=3) == 0


@pytest.mark.parametrize(
    ("age", "score"),
    [(-HOUR, 16), (0 * HOUR, 16), (4 * HOUR, 8), (8 * HOUR, 4), (48 * HOUR - MILLISECOND, 0.004)],
)
def test_a_peak_is_halved_every_four_hours(age: timedelta, score: float) -> None:
    trend = Trend(Usage("a", 5, 0), 16, AT)

    assert trend.score(at=AT + age) == pytest.approx(score, abs=1e-3)


def test_nothing_is_left_of_a_peak_after_two_days() -> None:
    assert Trend(Usage("a", 5, 0), 1e9, AT).score(at=AT + 48 * HOUR) == 0


def test_a_trend_is_over_below_one() -> None:
    trend = Trend(Usage("a", 5, 0), 16, AT)

    assert not trend.is_over(at=AT + 16 * HOUR)
    assert trend.is_over(at=AT + 16 * HOUR + MILLISECOND * 1000)


def test_a_day_is_a_range_of_ids_in_utc() -> None:
    start, end = day_of(AT.astimezone(UTC) + timedelta(hours=17, minutes=38))

    assert time_of(start) == datetime(2026, 11, 22, tzinfo=UTC)
    assert time_of(end) == datetime(2026, 11, 23, tzinfo=UTC)
    assert start == first_id_at(datetime(2026, 11, 22, tzinfo=UTC))


def test_a_new_hashtag_trends_from_its_first_score_of_one() -> None:
    usages = [Usage("a", 5, 0), Usage("b", 4, 0), Usage("c", 5, 5)]

    assert scored([], usages, threshold=5, at=AT) == (Trend(Usage("a", 5, 0), 16, AT),)


def test_a_higher_score_is_the_new_peak_and_a_lower_one_is_not() -> None:
    before = [Trend(Usage("a", 5, 0), 16, AT), Trend(Usage("b", 5, 0), 16, AT)]
    usages = [Usage("a", 6, 0), Usage("b", 5, 1)]

    assert scored(before, usages, threshold=5, at=AT + HOUR) == (
        Trend(Usage("a", 6, 0), 25, AT + HOUR),
        Trend(Usage("b", 5, 1), 16, AT),
    )


def test_a_peak_stays_when_nobody_uses_the_hashtag_any_more() -> None:
    before = [Trend(Usage("a", 5, 0), 16, AT)]

    assert scored(before, [], threshold=5, at=AT + HOUR) == (Trend(Usage("a", 0, 0), 16, AT),)


def test_what_is_over_goes() -> None:
    before = [Trend(Usage("a", 5, 0), 16, AT)]

    assert scored(before, [Usage("a", 1, 5)], threshold=5, at=AT + 17 * HOUR) == ()


def test_a_peak_of_two_days_ago_does_not_hide_a_lower_score_of_today() -> None:
    before = [Trend(Usage("a", 500, 0), 1e6, AT)]
    now = AT + 48 * HOUR

    assert scored(before, [Usage("a", 5, 0)], threshold=5, at=now) == (
        Trend(Usage("a", 5, 0), 16, now),
    )


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8),
    st.integers(1, 10),
)
def test_scoring_twice_at_one_moment_changes_nothing(
    counts: list[tuple[int, int]], threshold: int
) -> None:
    usages = [Usage(f"t{number}", *each) for number, each in enumerate(counts)]

    once = scored([], usages, threshold=threshold, at=AT)

    assert scored(once, usages, threshold=threshold, at=AT) == once


def test_the_ranking_goes_by_score_then_by_name() -> None:
    trends = [
        Trend(Usage("b", 5, 0), 16, AT),
        Trend(Usage("a", 5, 1), 16, AT),
        Trend(Usage("c", 9, 0), 64, AT),
        Trend(Usage("gone", 9, 0), 64, AT - 47 * HOUR),
    ]

    assert ranked(trends, {"a": 7, "c": 9}, limit=3, at=AT + 4 * HOUR) == (
        TrendingHashtag("c", 9, 32.0, 9, 0),
        TrendingHashtag("a", 7, 8.0, 5, 1),
        TrendingHashtag("b", 0, 8.0, 5, 0),
    )
    assert [each.name for each in ranked(trends, {}, limit=1, at=AT)] == ["c"]


def test_a_score_is_told_to_three_places() -> None:
    trend = Trend(Usage("a", 5, 3), 4 / 3, AT)

    assert ranked([trend], {}, limit=1, at=AT)[0].score == 1.333
