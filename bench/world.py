"""The made-up world that the benches measure in: who writes, what about, and when.

All of it follows from a few numbers, so a database is filled alike each time, and whoever sends
requests knows the hashtags without asking.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate, product
from typing import NamedTuple

from hashpost.domain.ids import first_id_at, unix_ms

MOST_HASHTAGS = 3
"""In a post; any number from 0 up is as likely."""
DELETED = 0.05
"""The share of posts that are softly deleted."""
CALLERS = 64
"""The first of the users: those who have a session and a password."""
FAVORITES = 50
"""Of the first caller, drawn like the hashtags of posts."""
PASSWORD = "correct horse battery"

_SPAN = timedelta(days=365)
_DELETED_WITHIN_MS = 20 * 86_400_000  # no purge may meet them
_AT_ONCE = 20_000
_CONSONANTS = "bcdfghjklmnpqrstvwxz"
_VOWELS = "aeiou"
_SYLLABLES = tuple(map("".join, product(_CONSONANTS, _VOWELS)))


class PostRow(NamedTuple):
    """A post as it stands in its table."""

    id: int
    owner_id: int
    text: str
    tags: str
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class World:
    """So many posts in the year before `until`, of users who signed up in the year before that.

    More posts have more users and more hashtags: a million of them 20,000 and 50,000.
    """

    posts: int
    until: datetime
    seed: int = 1

    def user_ids(self) -> Sequence[int]:
        """All users, ascending."""
        count = users_of(self.posts)
        begin = first_id_at(self.until - 2 * _SPAN)
        step = (first_id_at(self.until - _SPAN) - begin) // count
        return range(begin, begin + count * step, step)

    def favorites(self) -> list[str]:
        """The favourite hashtags of the first caller."""
        draw = Zipf(random.Random(self.seed), hashtags_of(self.posts))
        found: dict[str, None] = {}
        while len(found) < FAVORITES:
            found.update(dict.fromkeys(draw.names(1)))
        return list(found)

    def batches(self) -> Iterator[list[PostRow]]:
        """All posts, ascending, some thousands at a time."""
        draw = random.Random(self.seed)
        writing = _Writing(draw, self.user_ids(), hashtags_of(self.posts), unix_ms(self.until))
        begin, end = first_id_at(self.until - _SPAN), first_id_at(self.until)
        for first in range(0, self.posts, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, self.posts))
            yield writing.written([begin + (end - begin) * n // self.posts for n in numbers])


class Zipf:
    """Draws from so many hashtags: the n-th 1/n times as often as the first."""

    def __init__(self, draw: random.Random, hashtags: int) -> None:
        self._draw = draw
        self._ranks = range(hashtags)
        self._weights = _zipf_weights(hashtags)

    def names(self, count: int) -> list[str]:
        """So many hashtags, some of them perhaps the same."""
        ranks = self._draw.choices(self._ranks, cum_weights=self._weights, k=count)
        return [hashtag(rank) for rank in ranks]


def users_of(posts: int) -> int:
    """How many users have written so many posts: one for 50, but all the callers."""
    return max(CALLERS, posts // 50)


def hashtags_of(posts: int) -> int:
    """How many hashtags so many posts are about: one for 20, but a few hundred."""
    return max(500, posts // 20)


def hashtag(rank: int) -> str:
    """The name of the hashtag of that rank, 0 being used most: three syllables."""
    high, low = divmod(rank, len(_SYLLABLES))
    highest, high = divmod(high, len(_SYLLABLES))
    return _SYLLABLES[highest] + _SYLLABLES[high] + _SYLLABLES[low]


def username(number: int) -> str:
    """The name of that user."""
    return f"user{number}"


def text(words: str, names: Sequence[str]) -> str:
    """A post of these words and hashtags: one in the middle, the others at the end."""
    head, _, tail = words.partition(", ")
    signed = [f"#{name}" for name in names]
    return " ".join([head, *signed[:1], tail, *signed[1:]])


@cache
def sentences() -> Sequence[str]:
    """Two thousand sentences of 8 to 20 words, with a comma in the middle."""
    draw = random.Random(0)
    words = ["".join(draw.choices(_SYLLABLES, k=draw.randint(1, 3))) for _ in range(5000)]
    return [
        ", ".join(" ".join(draw.choices(words, k=draw.randint(4, 10))) for _ in range(2))
        for _ in range(2000)
    ]


@cache
def _zipf_weights(hashtags: int) -> Sequence[float]:
    return list(accumulate(1 / (rank + 1) for rank in range(hashtags)))


class _Writing:
    """Makes the rows of posts."""

    def __init__(
        self, draw: random.Random, user_ids: Sequence[int], hashtags: int, until_ms: int
    ) -> None:
        self._draw = draw
        self._zipf = Zipf(draw, hashtags)
        self._user_ids = user_ids
        self._until_ms = until_ms

    def written(self, ids: Sequence[int]) -> list[PostRow]:
        count = len(ids)
        owners = self._draw.choices(self._user_ids, k=count)
        words = self._draw.choices(sentences(), k=count)
        sizes = self._draw.choices(range(MOST_HASHTAGS + 1), k=count)
        names = iter(self._zipf.names(sum(sizes)))
        rows = []
        for post_id, owner_id, sentence, size in zip(ids, owners, words, sizes, strict=True):
            tags = list(dict.fromkeys(next(names) for _ in range(size)))
            is_deleted = self._draw.random() < DELETED
            rows.append(
                PostRow(
                    post_id,
                    owner_id,
                    text(sentence, tags),
                    " ".join(tags),
                    self._deletion(post_id) if is_deleted else None,
                )
            )
        return rows

    def _deletion(self, post_id: int) -> int:
        """A moment in the last days, not before the post was written."""
        return max(post_id >> 11, self._until_ms - self._draw.randrange(_DELETED_WITHIN_MS))


def last_hour() -> datetime:
    """The beginning of this hour: whatever is of before then lies in the past."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
