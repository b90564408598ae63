"""Which hashtags are used most."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.popularity import HashtagCount, limit_faults, most_popular

countings = st.dictionaries(st.text(max_size=3), st.integers(-1, 4))
limits = st.integers(1, 50)


@given(countings, limits)
def test_the_ranking_is_the_beginning_of_the_sorted_list(
    counts: dict[str, int], limit: int
) -> None:
    ranked = sorted((-count, name) for name, count in counts.items() if count > 0)

    assert most_popular(counts, limit=limit) == tuple(
        HashtagCount(name, -count) for count, name in ranked[:limit]
    )


@given(countings, limits)
def test_a_longer_ranking_begins_with_the_shorter(counts: dict[str, int], limit: int) -> None:
    assert most_popular(counts, limit=limit + 1)[:limit] == most_popular(counts, limit=limit)


def test_ties_stand_in_the_order_of_code_points() -> None:
    ranking = most_popular({"b": 1, "\U00020000": 1, "a": 1, "\uf900": 1}, limit=9)

    assert [tag.name for tag in ranking] == ["a", "b", "\uf900", "\U00020000"]


def test_unused_hashtags_are_not_popular() -> None:
    assert most_popular({"a": 0, "b": 1}, limit=9) == (HashtagCount("b", 1),)


@pytest.mark.parametrize("limit", [1, 5, 50])
def test_rankings_may_have_these_lengths(limit: int) -> None:
    assert list(limit_faults(limit)) == []


@pytest.mark.parametrize("limit", [-1, 0, 51])
def test_rankings_may_not_have_these_lengths(limit: int) -> None:
    assert [(fault.field, fault.detail) for fault in limit_faults(limit)] == [("limit", "1 to 50")]
