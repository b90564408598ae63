"""What hashtags are used, and which there are in a text."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

from hashpost.application.admission import Admission
from hashpost.application.idempotency import Once, Wording
from hashpost.application.ports import Clock, Storage
from hashpost.domain.errors import FieldError, require
from hashpost.domain.hashtag import Hashtag, extract, parse_prefix
from hashpost.domain.idempotency import key_faults
from hashpost.domain.popularity import (
    COMPLETION_LIMIT,
    POPULAR_LIMIT,
    HashtagCount,
    limit_faults,
)
from hashpost.domain.post import text_faults
from hashpost.domain.session import Actor
from hashpost.domain.trend import TRENDING_LIMIT, TrendingHashtag, ranked
from hashpost.domain.user import User


def _hashtags_in_words(hashtags: Sequence[Hashtag]) -> str:
    return json.dumps([astuple(hashtag) for hashtag in hashtags])


def _hashtags_from_words(words: str, _user: User) -> Sequence[Hashtag]:
    return tuple(Hashtag(*each) for each in json.loads(words))


HASHTAGS = Wording(_hashtags_in_words, _hashtags_from_words)


@dataclass(frozen=True, slots=True)
class PopularHashtags:
    """Rank the hashtags by the number of live posts that carry them, ties by name."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor, *, limit: int = POPULAR_LIMIT) -> Sequence[HashtagCount]:
        """At most `limit` (1 … 50) hashtags with their counts, most used first; exact.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the limit is out of its range.
        """
        await self.admission.to_read(actor)
        require(limit_faults(limit))
        async with self.storage.reading() as reading:
            return await reading.hashtags.popular(limit=limit)


@dataclass(frozen=True, slots=True)
class TrendingHashtags:
    """Rank the hashtags that many more people use today than did yesterday.

    The score is `(observed - expected)² / expected`, of the users who wrote a live post with the
    hashtag today (UTC) and those who did yesterday, at least 1; 0 below a threshold. Its peak is
    kept for two days, halved every four hours. It is scored every five minutes.
    """

    storage: Storage
    admission: Admission
    clock: Clock

    async def __call__(
        self, actor: Actor, *, limit: int = TRENDING_LIMIT
    ) -> Sequence[TrendingHashtag]:
        """At most `limit` (1 … 50) hashtags, highest score first, ties by name.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the limit is out of its range.
        """
        await self.admission.to_read(actor)
        require(limit_faults(limit))
        now = self.clock()
        async with self.storage.reading() as reading:
            trends = await reading.trends.all()
            shown = ranked(trends, {}, limit=limit, at=now)
            counts = await reading.hashtags.counts([each.name for each in shown])
        return ranked(trends, counts, limit=limit, at=now)


@dataclass(frozen=True, slots=True)
class CompleteHashtags:
    """Find the hashtags that begin with a prefix, by the number of live posts, ties by name.

    The prefix may be in any spelling, with or without a sign. It is compared with names code point
    by code point: `e` finds no `é` and `하` no `한`. What only stands inside a name counts at its
    end: `don·` finds no `donald`.
    """

    storage: Storage
    admission: Admission

    async def __call__(
        self, actor: Actor, prefix: str, *, limit: int = COMPLETION_LIMIT
    ) -> Sequence[HashtagCount]:
        """At most `limit` (1 … 50) hashtags with their counts, most used first; exact.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: no hashtag begins like that, or the limit is out of its range.
        """
        await self.admission.to_read(actor)
        require(self.faults(prefix=prefix, limit=limit))
        async with self.storage.reading() as reading:
            return await reading.hashtags.completions(parse_prefix(prefix) or "", limit=limit)

    @staticmethod
    def faults(*, prefix: str | None, limit: int) -> Iterator[FieldError]:
        """What is wrong with a request for completions; a prefix that cannot be read is None."""
        if prefix is not None and parse_prefix(prefix) is None:
            yield FieldError("prefix", "the beginning of a hashtag, with or without its sign")
        yield from limit_faults(limit)


@dataclass(frozen=True, slots=True)
class ExtractHashtags:
    """Find every hashtag in a text: what a post of that text would carry. Nothing is written.

    Positions are in code points of the text as sent, half open, the sign included.
    """

    storage: Storage
    admission: Admission
    once: Once

    async def __call__(
        self, actor: Actor, text: str, *, idempotency_key: str | None = None
    ) -> Sequence[Hashtag]:
        """Every occurrence, in the order of the text.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the text breaks a rule of posts, or the key does.
            IdempotencyKeyReused: the key belongs to another request.
        """
        if idempotency_key is None:
            await self.admission.to_read(actor)
            require(text_faults(text))
            return extract(text)
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            require(self.faults(text=text, idempotency_key=idempotency_key))

            async def find() -> Sequence[Hashtag]:
                return extract(text)

            return await self.once(
                tx, user, idempotency_key, "extract-hashtags", text, wording=HASHTAGS, work=find
            )

    @staticmethod
    def faults(*, text: str | None, idempotency_key: str | None = None) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None."""
        if text is not None:
            yield from text_faults(text)
        yield from key_faults(idempotency_key)
