"""Moving posts in and out in bulk."""

import json
from collections import Counter, defaultdict
from collections.abc import (
    AsyncIterator,
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import takewhile

from hashpost.application.ports import Clock, Ids, Storage, Transaction
from hashpost.domain.errors import FieldError, UsernameTaken
from hashpost.domain.ids import first_id_at, is_id, unix_ms
from hashpost.domain.post import Owner, Post, text_faults
from hashpost.domain.user import User, username_faults, username_key

BATCH = 500

_DRAWS = 16
"""How many ids are drawn for a line before the window to draw from is doubled."""


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

    Posts of one millisecond keep the order of their lines, if these stand together and are no more
    than go into one batch.

    An unknown author is made, without a password; for one who was deleted nothing is imported. A
    line is known by its author, text, time and
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
        for some in _batches(lines, batch):
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
        imported = await self._keep_all(good, rejected)
        return ImportedBatch(imported, len(good) - imported, tuple(rejected))

    def _key(self, line: ImportLine) -> bytes:
        content = json.dumps([username_key(line.author), line.text, _moment(line)]).encode()
        alike = sha256(content).digest()
        self.seen[alike] += 1
        return sha256(alike + self.seen[alike].to_bytes(8, "big")).digest()

    async def _keep_all(self, lines: dict[bytes, ImportLine], rejected: list[Rejected]) -> int:
        """How many are kept; those of deleted authors go over to the rejected ones."""
        while True:
            try:
                return await self._keep(lines)
            except UsernameTaken:
                """Somebody signed up as one of the authors just now: next time they are found."""
            except _AuthorsAreGone as gone:
                for key, line in tuple(lines.items()):
                    if username_key(line.author) in gone.authors:
                        del lines[key]
                        rejected.append(Rejected(line.number, (_IS_GONE,)))

    async def _keep(self, lines: dict[bytes, ImportLine]) -> int:
        async with self.storage.transaction() as tx:
            claimed = set(await tx.imports.claim(lines))
            new = [line for key, line in lines.items() if key in claimed]
            owners = await self._owners_of(tx, new)
            await _require_living(tx, owners)
            posts = await self._numbered(tx, new)
            attempt = 0
            while posts:
                taken = await tx.posts.add(
                    [
                        Post.written(
                            id=post_id, owner=owners[username_key(line.author)], text=line.text
                        )
                        for post_id, line in posts.items()
                    ]
                )
                again = [line for post_id, line in posts.items() if post_id in taken]
                attempt += 1
                posts = {}
                for line in again:
                    posts[self._mint(line.created_at, attempt, posts)] = line
        self.owners.update(owners)
        return len(claimed)

    async def _numbered(
        self, tx: Transaction, lines: Sequence[ImportLine]
    ) -> dict[int, ImportLine]:
        """The lines by new ids, which ascend with the lines of each moment."""
        numbered: dict[int, ImportLine] = {}
        crowds: list[list[ImportLine]] = []
        for moment, group in _by_moment(lines).items():
            if moment is None or len(group) == 1:
                for line in group:
                    numbered[self._mint(line.created_at, 0, numbered)] = line
            else:
                crowds.append(group)
        for ids, group in zip(await self._free(tx, crowds, set(numbered)), crowds, strict=True):
            numbered.update(zip(sorted(ids), group, strict=True))
        return numbered

    async def _free(
        self, tx: Transaction, crowds: Sequence[Sequence[ImportLine]], others: set[int]
    ) -> Sequence[set[int]]:
        """An id for each line of each crowd that no post has, and none of the others.

        So they can be put in order before they are given out: one that turned out to be taken
        would have to be drawn again, from wherever there is room.
        """
        ids: list[set[int]] = [set() for _ in crowds]
        attempt = 0
        while True:
            drawn: dict[int, set[int]] = {}
            for own, group in zip(ids, crowds, strict=True):
                for line in group[len(own) :]:
                    post_id = self._mint(line.created_at, attempt, others)
                    others.add(post_id)
                    drawn[post_id] = own
            if not drawn:
                return ids
            taken = await tx.posts.taken(drawn)
            for post_id in drawn.keys() - set(taken):
                drawn[post_id].add(post_id)
            attempt += 1

    def _mint(self, at: datetime | None, attempt: int, others: Container[int]) -> int:
        if at is None:
            return self.ids.next(self.clock())
        draws = attempt * (_DRAWS // 4)
        while (post_id := self.ids.backdated(at, attempt=draws // _DRAWS)) in others:
            draws += 1
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


class _AuthorsAreGone(Exception):
    """Some authors were deleted; the transaction is to be rolled back."""

    def __init__(self, authors: Collection[str]) -> None:
        super().__init__()
        self.authors = authors


_IS_GONE = FieldError("author", "somebody who was not deleted")


async def _require_living(tx: Transaction, owners: Mapping[str, Owner]) -> None:
    living = await tx.users.living([owner.id for owner in owners.values()])
    gone = [author for author, owner in owners.items() if owner.id not in living]
    if gone:
        raise _AuthorsAreGone(gone)


def _batches(lines: Iterable[ImportLine], size: int) -> Iterator[list[ImportLine]]:
    """The lines, at most `size` at once; a row of one millisecond is kept together if it fits."""
    some: list[ImportLine] = []
    for line in lines:
        if len(some) == size:
            cut = (size - _alike_at_the_end(some, line)) or size
            yield some[:cut]
            some = some[cut:]
        some.append(line)
    if some:
        yield some


def _alike_at_the_end(lines: Sequence[ImportLine], following: ImportLine) -> int:
    """How many of the last lines are of one millisecond with the line that follows them."""
    moment = _moment(following)
    if moment is None:
        return 0
    return sum(1 for _ in takewhile(lambda line: _moment(line) == moment, reversed(lines)))


def _moment(line: ImportLine) -> int | None:
    """The millisecond of a line, or None for now."""
    return None if line.created_at is None else unix_ms(line.created_at)


def _by_moment(lines: Iterable[ImportLine]) -> dict[int | None, list[ImportLine]]:
    moments: dict[int | None, list[ImportLine]] = defaultdict(list)
    for line in lines:
        moments[_moment(line)].append(line)
    return moments


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
