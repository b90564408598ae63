"""What hashtags are used."""

from collections.abc import Sequence
from dataclasses import dataclass

from hashpost.application.admission import Admission
from hashpost.application.ports import Storage
from hashpost.domain.errors import require
from hashpost.domain.popularity import POPULAR_LIMIT, HashtagCount, limit_faults
from hashpost.domain.session import Actor


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
