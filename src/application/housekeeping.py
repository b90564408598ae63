"""Looking after what is stored."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from hashpost.application.messages import Done, in_batches
from hashpost.application.ports import Audited, Storage
from hashpost.domain.hashtag import names
from hashpost.domain.message import Message
from hashpost.domain.timeline import AllPosts, HashtagPosts, Timeline, UserPosts

ERASE_USER: Final = "erase-user"
"""The job that forgets what is left of a deleted user."""

BATCH = 1000
ERASED_AT_ONCE = 500
UNCOUNTED_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Something stored that a recount does not confirm."""

    subject: str
    stored: str
    recounted: str


@dataclass(frozen=True, slots=True)
class CheckStorage:
    """Recount everything that is stored as a count or derived from a text.

    The hashtags of every post are read again from its text, and its places in timelines compared
    with them; then whatever is stored about the length of timelines is counted again. Runs beside
    writers: each post, and each number, is looked at as it is at one moment.
    """

    storage: Storage

    async def __call__(self, *, batch: int = BATCH) -> AsyncIterator[Difference]:
        """Every difference.

        Raises:
            Unavailable: the storage is away.
        """
        timelines: set[Timeline] = {AllPosts()}
        after = 0
        while True:
            async with self.storage.reading() as reading:
                posts = await reading.audit.posts(after=after, limit=batch)
            if not posts:
                break
            for post in posts:
                timelines.add(UserPosts(post.owner_id))
                timelines.update(map(HashtagPosts, post.listed))
                for difference in _differences(post):
                    yield difference
            after = posts[-1].post_id
        async with self.storage.reading() as reading:
            strays = await reading.audit.strays(limit=batch)
        for hashtag, post_id in strays:
            yield Difference(f"timeline of #{hashtag}", f"post {post_id}", "no such post")
        async for difference in self._miscounts(timelines, batch=batch):
            yield difference

    async def uncounted(self) -> int:
        """How much waits to be counted into what is stored, at most 100,000: few hundred is much.

        Until then every reader counts it.

        Raises:
            Unavailable: the storage is away.
        """
        async with self.storage.reading() as reading:
            return await reading.audit.uncounted(limit=UNCOUNTED_MAX)

    async def _miscounts(
        self, timelines: set[Timeline], *, batch: int
    ) -> AsyncIterator[Difference]:
        """Differences in these timelines, and in all others of which a number is stored."""
        last: Timeline | None = None
        while True:
            async with self.storage.reading() as reading:
                counted = await reading.audit.counted(after=last, limit=batch)
            if not counted:
                break
            timelines.update(counted)
            last = counted[-1]
        for timeline in sorted(timelines, key=lambda timeline: timeline.name):
            async with self.storage.reading() as reading:
                miscounts = await reading.audit.miscounts(timeline)
            for each in miscounts:
                yield Difference(each.of, str(each.stored), str(each.recounted))


def _differences(post: Audited) -> Iterator[Difference]:
    tags = names(post.text)
    if post.tags != tags:
        yield Difference(f"hashtags of post {post.post_id}", _shown(post.tags), _shown(tags))
    places = frozenset(tags) if post.is_live else frozenset()
    if post.listed != places:
        yield Difference(
            f"timelines of post {post.post_id}", _shown(sorted(post.listed)), _shown(sorted(places))
        )


def _shown(hashtags: tuple[str, ...] | list[str]) -> str:
    return " ".join(f"#{name}" for name in hashtags) or "none"


@dataclass(frozen=True, slots=True)
class CheckReadiness:
    """Tell whether requests can be served: the storage answers."""

    storage: Storage

    async def __call__(self) -> None:
        """Return if they can.

        Raises:
            Unavailable: they cannot.
        """
        await self.storage.ping()


@dataclass(frozen=True, slots=True)
class EraseUser:
    """Forget what is left of a deleted user: nobody can see it any more, and nobody needs it."""

    storage: Storage

    async def __call__(self, message: Message) -> Done:
        """Forget it, in bounded transactions; what an attempt before has forgotten stays so."""
        user_id = int(message.arguments["user_id"] or 0)
        erased = await in_batches(
            self.storage, lambda tx: tx.posts.erase(owner_id=user_id, limit=ERASED_AT_ONCE)
        )
        await in_batches(self.storage, lambda tx: tx.requests.forget(user_id, limit=ERASED_AT_ONCE))
        return Done(f"{erased} posts")
