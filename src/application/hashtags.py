"""What hashtags are used."""

from collections.abc import Sequence
from dataclasses import dataclass

from hashpost.application.admission import Admission
from hashpost.application.ports import Clock, Storage
from hashpost.domain.errors import require
from hashpost.domain.popularity import POPULAR_LIMIT, HashtagCount, limit_faults
from hashpost.domain.session import Actor
from hashpost.domain.trend import TRENDING_LIMIT, TrendingHashtag, ranked


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
