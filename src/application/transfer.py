"""Moving posts in and out in bulk."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice

from hashpost.application.ports import Clock, Ids, Storage, Transaction
from hashpost.domain.errors import FieldError, UsernameTaken
from hashpost.domain.ids import first_id_at, is_id, unix_ms
from hashpost.domain.post import Owner, Post, text_faults
from hashpost.domain.user import User, username_faults, username_key

BATCH = 500


@dataclass(frozen=True, slots=True)
class ImportLine:
    """One post to come in: line `number` of its source; `created_at` is None for now."""

    number: int
    author: str
    text: str
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that was not imported, and why."""

    number: int
    errors: tuple[FieldError, ...]


@dataclass(frozen=True, slots=True)
class ImportedBatch:
    """What became of some lines: new posts, lines known from an earlier run, refused ones."""

    imported: int
    known: int
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class ImportPosts:
    """Import posts, each batch in one transaction.

    An unknown author is made, without a password. A line is known by its author, text, time and
    how many lines like it came before, and that knowledge is committed along with its post: after
    a crash, or run twice, the same source adds only what is missing.
    """

    storage: Storage
    clock: Clock
    ids: Ids

    async def __call__(
        self, lines: Iterable[ImportLine], *, batch: int = BATCH
    ) -> AsyncIterator[ImportedBatch]:
        """Import the lines, and tell after each batch what became of it.

        Raises:
            Unavailable: the storage is away; all batches told of are kept.
        """
        run = _Run(self.storage, self.clock, self.ids)
        remaining = iter(lines)
        while some := list(islice(remaining, batch)):
            yield await run.take(some)


@dataclass(slots=True)
class _Run:
    storage: Storage
    clock: Clock
    ids: Ids
    seen: Counter[bytes] = field(default_factory=Counter)
    owners: dict[str, Owner] = field(default_factory=dict)

    async def take(self, lines: Sequence[ImportLine]) -> ImportedBatch:
        now = self.clock()
        good: dict[bytes, ImportLine] = {}
        rejected: list[Rejected] = []
        for line in lines:
            if errors := tuple(_line_faults(line, now=now)):
                rejected.append(Rejected(line.number, errors))
            else:
                good[self._key(line)] = line
        imported = await self._keep_all(good)
        return ImportedBatch(imported, len(good) - imported, tuple(rejected))

    def _key(self, line: ImportLine) -> bytes:
        at = None if line.created_at is None else unix_ms(line.created_at)
        content = json.dumps([username_key(line.author), line.text, at]).encode()
        alike = sha256(content).digest()
        self.seen[alike] += 1
        return sha256(alike + self.seen[alike].to_bytes(8, "big")).digest()

    async def _keep_all(self, lines: dict[bytes, ImportLine]) -> int:
        while True:
            try:
                return await self._keep(lines)
            except UsernameTaken:
                """Somebody signed up as one of the authors just now: next time they are found."""

    async def _keep(self, lines: dict[bytes, ImportLine]) -> int:
        async with self.storage.transaction() as tx:
            claimed = set(await tx.imports.claim(lines))
            new = [line for key, line in lines.items() if key in claimed]
            owners = await self._owners_of(tx, new)
            attempt = 0
            while new:
                posts: dict[int, ImportLine] = {}
                for line in new:
                    posts[self._mint(line, attempt, posts)] = line
                taken = await tx.posts.add(
                    [
                        Post.written(
                            id=post_id, owner=owners[username_key(line.author)], text=line.text
                        )
                        for post_id, line in posts.items()
                    ]
                )
                new = [posts[post_id] for post_id in posts if post_id in taken]
                attempt += 1
        self.owners.update(owners)
        return len(claimed)

    def _mint(self, line: ImportLine, attempt: int, others: dict[int, ImportLine]) -> int:
        if line.created_at is None:
            return self.ids.next(self.clock())
        tries = 0
        while (
            post_id := self.ids.backdated(line.created_at, attempt=attempt + tries // 8)
        ) in others:
            tries += 1
        return post_id

    async def _owners_of(self, tx: Transaction, lines: Sequence[ImportLine]) -> dict[str, Owner]:
        authors = {username_key(line.author): line.author for line in lines}
        owners = {key: self.owners[key] for key in authors if key in self.owners}
        for key in sorted(authors.keys() - owners.keys()):
            user = await tx.users.by_username(authors[key])
            if user is None:
                user = await self._made(tx, authors[key])
            owners[key] = Owner(user.id, user.username)
        return owners

    async def _made(self, tx: Transaction, username: str) -> User:
        while True:
            user = User(
                id=self.ids.next(self.clock()), username=username, email=None, password_hash=None
            )
            if await tx.users.add(user):
                return user


def _line_faults(line: ImportLine, *, now: datetime) -> Iterator[FieldError]:
    for fault in username_faults(line.author):
        yield FieldError("author", fault.detail)
    yield from text_faults(line.text)
    if line.created_at is not None and not (
        is_id(first_id_at(line.created_at)) and line.created_at <= now
    ):
        yield FieldError("created_at", "a time after 1970-01-01T00:00:00Z, not in the future")


@dataclass(frozen=True, slots=True)
class ExportPosts:
    """Export all live posts, oldest first. Posts written meanwhile may or may not be among them."""

    storage: Storage

    async def __call__(self, *, batch: int = BATCH) -> AsyncIterator[Post]:
        """Every live post.

        Raises:
            Unavailable: the storage is away.
        """
        after = 0
        while True:
            async with self.storage.reading() as reading:
                posts = await reading.timelines.oldest(after=after, limit=batch)
            if not posts:
                return
            for post in posts:
                yield post
            after = posts[-1].id
