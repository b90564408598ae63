"""Which hashtags are used most."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest

from hashpost.domain.errors import FieldError

LIMIT_MAX = 50
POPULAR_LIMIT = 5
COMPLETION_LIMIT = 10


@dataclass(frozen=True, slots=True)
class HashtagCount:
    """A hashtag, by its key, and the number of live posts that carry it."""

    name: str
    count: int


def most_popular(counts: Mapping[str, int], *, limit: int) -> tuple[HashtagCount, ...]:
    """The hashtags with most live posts, ties by name in the order of code points.

    A hashtag that no live post carries is not used, and not listed.
    """
    used = (HashtagCount(name, count) for name, count in counts.items() if count > 0)
    return tuple(nsmallest(limit, used, key=lambda tag: (-tag.count, tag.name)))


def limit_faults(limit: int) -> Iterator[FieldError]:
    """What is wrong with the length of a ranking."""
    if not 1 <= limit <= LIMIT_MAX:
        yield FieldError("limit", f"1 to {LIMIT_MAX}")
