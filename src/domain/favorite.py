"""Favourite hashtags of a user."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hashpost.domain.errors import TooManyFavorites

FAVORITES_MAX = 200


@dataclass(frozen=True, slots=True)
class Favorite:
    """A hashtag, by its key, and since when somebody has had it among the favourites."""

    name: str
    since: datetime


def added(favorites: Sequence[Favorite], name: str, *, at: datetime) -> Favorite | None:
    """The new favourite, or None when it is one already.

    Raises:
        TooManyFavorites: there are 200 others.
    """
    if any(favorite.name == name for favorite in favorites):
        return None
    if len(favorites) >= FAVORITES_MAX:
        raise TooManyFavorites
    return Favorite(name, at)
