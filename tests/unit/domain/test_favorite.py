"""Favourites of a user."""

from datetime import UTC, datetime

import pytest

from hashpost.domain.errors import TooManyFavorites
from hashpost.domain.favorite import FAVORITES_MAX, Favorite, added

AT = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)


def favorites(count: int) -> list[Favorite]:
    return [Favorite(f"t{number}", AT) for number in range(count)]


def test_a_hashtag_becomes_a_favourite() -> None:
    assert added(favorites(1), "world", at=AT) == Favorite("world", AT)


def test_a_favourite_is_not_added_twice() -> None:
    assert added(favorites(2), "t1", at=AT) is None
    assert added(favorites(FAVORITES_MAX), "t7", at=AT) is None


def test_nobody_has_more_than_two_hundred() -> None:
    assert added(favorites(199), "world", at=AT) == Favorite("world", AT)
    with pytest.raises(TooManyFavorites):
        added(favorites(200), "world", at=AT)
