"""All that the use cases need from the world.

An adapter implements a port by having its methods; `hashpost.testing.contracts` holds the suites
that prove one. Unless a method says otherwise, an adapter that cannot do its work now (overload, a
lost database) MUST raise `Unavailable`, soon, and leave nothing half done.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hashpost.domain.favorite import Favorite
from hashpost.domain.idempotency import IdempotentRequest
from hashpost.domain.mail import Mail
from hashpost.domain.message import Message, State
from hashpost.domain.popularity import HashtagCount
from hashpost.domain.post import Post
from hashpost.domain.schedule import Schedule
from hashpost.domain.session import Access, Session
from hashpost.domain.timeline import HashtagFilter, Slice, Stretch, Timeline
from hashpost.domain.trend import Trend, Usage
from hashpost.domain.user import User


class Clock(Protocol):
    """The time."""

    def __call__(self) -> datetime:
        """Now, in UTC, in whole milliseconds."""
        ...


class Ids(Protocol):
    """Mints ids. Two processes may mint the same one: whoever stores it finds out."""

    def next(self, at: datetime) -> int:
        """An id of the time `at`, above every id that this process got from here before."""
        ...

    def backdated(self, at: datetime, *, attempt: int) -> int:
        """An id of the time `at`, which may be long ago; drawn at random.

        With each further `attempt` (0, 1, …) it is drawn from a window twice as long that begins
        at `at`, so that a millisecond that is full spills into those after it.
        """
        ...


class PasswordHasher(Protocol):
    """Slow, salted password hashes, computed off the event loop, a bounded number at once."""

    async def hash(self, password: str) -> str:
        """A hash of the password that `verify` accepts.

        Raises:
            Unavailable: too many are waiting already.
        """
        ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one that was hashed.

        With None it does the same work in vain and answers False.

        Raises:
            Unavailable: too many are waiting already.
        """
        ...

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        ...


class AccessTokens(Protocol):
    """Signed access tokens."""

    def issue(self, access: Access, *, at: datetime) -> str:
        """A signed token that says `access`, issued at that moment."""
        ...

    def read(self, token: str, *, at: datetime) -> Access:
        """What a token says.

        Raises:
            Unauthenticated: malformed, not signed by us, of another kind, or expired at `at`.
        """
        ...


class RefreshTokens(Protocol):
    """Opaque refresh tokens of 256 bits, each successor derived from its predecessor by a key."""

    def first(self) -> str:
        """A new token, at random."""
        ...

    def successors(self, token: str) -> Sequence[str]:
        """What may follow on the token: with today's key first, then with each older one."""
        ...


class Cursors(Protocol):
    """Signs positions in timelines, so that only our own come back."""

    def seal(self, timeline: str, position: int) -> str:
        """A cursor for that position in the timeline of that name: URL-safe ASCII."""
        ...

    def unseal(self, timeline: str, cursor: str) -> int | None:
        """The position, or None when `seal` did not make the cursor for this timeline."""
        ...


class EmailAddresses(Protocol):
    """Knows what an e-mail address looks like."""

    def normalized(self, address: str) -> str:
        """The address in its usual form, of at most 254 characters.

        Raises:
            ValueError: it is not exactly one address; the message says what would be right.
        """
        ...


class MailTokens(Protocol):
    """Signed tokens for links in mails."""

    def reset(self, user_id: int, generation: int, *, expires_at: datetime) -> str:
        """A token that lets a user of that generation set a new password: URL-safe ASCII."""
        ...

    def read_reset(self, token: str, *, at: datetime) -> tuple[int, int] | None:
        """User id and generation of a token that `reset` made and that holds, or None."""
        ...

    def unsubscribe(self, user_id: int) -> str:
        """A token, always the same, that ends the digests of a user: URL-safe ASCII."""
        ...

    def read_unsubscribe(self, token: str) -> int | None:
        """The user id of a token that `unsubscribe` made, or None."""
        ...


class MailRefused(Exception):
    """The mail was refused for good (SMTP 5xx): another attempt would not change that."""


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, mail: Mail) -> None:
        """Return when somebody has taken on the mail, to its one recipient.

        Raises:
            MailRefused: it will never be taken on as it is.
            Unavailable: not now (4xx, a lost line, a time-out); perhaps it was taken on all the
                same.
        """
        ...


class MailTemplates(Protocol):
    """The words of mails."""

    def render(self, name: str, values: Mapping[str, object]) -> tuple[str, str, str]:
        """Subject (one line), text and HTML of the mail of that name; values escaped in HTML."""
        ...


class CronTimes(Protocol):
    """Knows what cron expressions mean, in UTC and to the minute."""

    def check(self, expression: str) -> None:
        """Return if it is an expression of five fields.

        Raises:
            ValueError: it is none; the message says what would be right.
        """
        ...

    def latest(self, expression: str, *, at: datetime) -> datetime | None:
        """The last moment, not after `at`, that the expression names; None if there never was."""
        ...

    def following(self, expression: str, *, at: datetime) -> datetime | None:
        """The first moment after `at` that the expression names; None if there never will be."""
        ...


class TaskQueue(Protocol):
    """Tells workers of messages, sooner than they would find out by themselves."""

    def wake(self, message_ids: Collection[int]) -> None:
        """Have workers told of committed messages.

        Best effort: it returns at once, never fails, and may be lost.
        """
        ...


class Users(Protocol):
    """All users."""

    async def add(self, user: User) -> bool:
        """Keep a new user; False when the id is taken, and nothing was kept.

        Raises:
            UsernameTaken: a user has the name already, in whatever case; nothing was kept, and
                the transaction is good for nothing more.
        """
        ...

    async def by_id(self, user_id: int) -> User | None:
        """The user with that id, or None."""
        ...

    async def by_username(self, username: str) -> User | None:
        """The user with that name in whatever case, or None."""
        ...

    async def with_session(
        self, user_id: int, session_id: int
    ) -> tuple[User | None, Session | None]:
        """That user and that session, each or None, as they are at one moment."""
        ...

    async def for_write(
        self, user_id: int, session_id: int | None
    ) -> tuple[User | None, Session | None]:
        """As `with_session`; and until the end nobody deletes the user."""
        ...

    async def living(self, user_ids: Collection[int]) -> Collection[int]:
        """Of these ids, those of users who are not deleted; until the end nobody deletes them."""
        ...

    async def replace_password_hash(self, user_id: int, *, old: str, new: str) -> bool:
        """Put `new` in the place of `old`; False, and no change, when it is not `old` any more."""
        ...

    async def for_change(self, user_id: int) -> User | None:
        """As `by_id`, locked until the end: nobody else changes the user or the favourites."""
        ...

    async def save(self, user: User) -> None:
        """Keep the next state of a user that `for_change` of this transaction gave.

        The posts of a user who is deleted are in no timeline from that instant on and count
        nowhere, however many there are; each is as if it had been deleted with the user.
        """
        ...

    async def by_email(self, email: str) -> Sequence[User]:
        """All users with that address, in whatever case, by id."""
        ...

    async def with_digest(self, *, after: int, limit: int) -> Sequence[User]:
        """At most `limit` users who want the weekly digest, with ids above `after`, by id."""
        ...


class Sessions(Protocol):
    """All sessions, each found by any refresh token it ever had."""

    async def add(self, session: Session) -> bool:
        """Keep a new session; False when the id is taken, and nothing was kept."""
        ...

    async def by_token(self, token_hash: bytes) -> Session | None:
        """The session whose current or spent token that is, locked until the end, or None."""
        ...

    async def save(self, session: Session) -> None:
        """Keep the next state of a session that `by_token` of this transaction gave."""
        ...

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget at most `limit` sessions that expired or were revoked before then; how many.

        Fewer may be forgotten though there are more; none only when there are no more.
        """
        ...


class Posts(Protocol):
    """All posts, each with its place in every timeline it belongs to."""

    async def add(self, posts: Sequence[Post]) -> Collection[int]:
        """Keep new posts of distinct ids; the ids that were taken, whose posts were not kept."""
        ...

    async def taken(self, ids: Collection[int]) -> Collection[int]:
        """Of these ids, those of posts, live or deleted.

        Somebody else may take another meanwhile: only `add` can tell for good.
        """
        ...

    async def by_id(self, post_id: int) -> Post | None:
        """The post with that id, live or deleted, or None."""
        ...

    async def for_change(self, post_id: int) -> Post | None:
        """As `by_id`, locked until the end: nobody else changes it meanwhile."""
        ...

    async def save(self, before: Post, after: Post) -> None:
        """Keep the next state of a post that `for_change` of this transaction gave as `before`.

        A post that is deleted leaves every timeline in the same instant; its text stays.
        """
        ...

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget at most `limit` posts that were deleted before then, for good; how many.

        Those that somebody has locked are passed over.
        """
        ...

    async def erase(self, *, owner_id: int, limit: int) -> int:
        """Forget at most `limit` posts of a deleted user, live or deleted ones, for good; how many.

        Fewer may be forgotten though there are more; none only when there are no more.
        """
        ...

    async def deleted_of(self, owner_id: int, *, since: datetime, offset: int, limit: int) -> Slice:
        """Of the user's posts that were deleted after that moment, the last deleted first.

        At most `limit` of them, after the first `offset`, and how many there are, all at one
        moment. Those deleted at one moment come with the newest first.
        """
        ...

    async def delete_old(self, *, below: int, at: datetime, limit: int) -> int:
        """Delete softly at most `limit` live posts with ids below that, oldest first; how many."""
        ...


class Timelines(Protocol):
    """Live posts, newest first. Each answer is the state of one moment."""

    async def at_offset(self, timeline: Timeline, *, offset: int, limit: int) -> Slice:
        """At most `limit` posts after the `offset` newest; none past the end.

        `offset` may be any number below 2^63.
        """
        ...

    async def before(self, timeline: Timeline, *, post_id: int, limit: int) -> Slice:
        """At most `limit` posts whose ids are below `post_id`."""
        ...

    async def oldest(self, *, after: int, limit: int) -> Sequence[Post]:
        """At most `limit` live posts whose ids are above `after`, oldest first."""
        ...

    async def matching(
        self,
        wanted: HashtagFilter,
        *,
        before: int | None,
        after: int,
        offset: int,
        limit: int,
        budget: int,
    ) -> Stretch:
        """Posts that the filter lets through, each once, newest first.

        At most `limit` of them, after the `offset` newest of those whose ids are above `after` and,
        if given, below `before`. Its time follows `budget` and `offset + limit`, however many posts
        there are: where the filter lets only some through, no more than `budget` are looked at. If
        these do not suffice, the stretch ends early.
        """
        ...

    async def count_below(self, post_id: int) -> int:
        """How many live posts have ids below that."""
        ...


class Hashtags(Protocol):
    """What hashtags are used."""

    async def popular(self, *, limit: int) -> Sequence[HashtagCount]:
        """The most used, by the number of live posts, ties by name in code-point order; exact."""
        ...

    async def completions(self, prefix: str, *, limit: int) -> Sequence[HashtagCount]:
        """As `popular`, of those whose names begin with the prefix, code point by code point."""
        ...

    async def counts(self, names: Collection[str]) -> Mapping[str, int]:
        """The number of live posts under each of the hashtags; an unused one may be left out."""
        ...

    async def usage(
        self,
        *,
        today: tuple[int, int],
        yesterday: tuple[int, int],
        names: Collection[str],
        least: int,
    ) -> Sequence[Usage]:
        """By how many different users hashtags were written in live posts of two days.

        Of the `names`, and of all hashtags that at least `least` users wrote today. A day is a
        range of ids, half open.
        """
        ...


class Trends(Protocol):
    """The hashtags that were found to be trending."""

    async def all(self) -> Sequence[Trend]:
        """All of them."""
        ...

    async def replace(self, trends: Sequence[Trend]) -> None:
        """Keep these, and these only."""
        ...


class Favorites(Protocol):
    """Favourite hashtags, of each user."""

    async def of(self, user_id: int) -> Sequence[Favorite]:
        """The user's favourites, newest first, those of one moment by name."""
        ...

    async def names(self, user_id: int) -> frozenset[str]:
        """The names of the user's favourites."""
        ...

    async def add(self, user_id: int, favorite: Favorite) -> None:
        """Keep a favourite that the user, locked by `Users.for_change`, does not have yet."""
        ...

    async def remove(self, user_id: int, name: str) -> None:
        """Forget a favourite; nothing happens if it is none."""
        ...

    async def remove_all(self, user_id: int) -> None:
        """Forget every favourite of the user."""
        ...


class IdempotentRequests(Protocol):
    """Requests that were made under keys, for as long as they are remembered."""

    async def claim(
        self, request: IdempotentRequest, *, forgotten: datetime
    ) -> IdempotentRequest | None:
        """Keep a request, still without an answer; None, unless the user has used the key.

        Then it is the earlier request with its answer, and nothing was kept. One that was made at
        `forgotten` or before counts for nothing. Whoever claims a key that somebody else's
        transaction has claimed waits for the end of that one.
        """
        ...

    async def save(self, request: IdempotentRequest) -> None:
        """Keep the answer to a request that this transaction has claimed."""
        ...

    async def forget(self, user_id: int, *, limit: int) -> int:
        """Forget at most `limit` requests of the user; how many."""
        ...

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget at most `limit` requests that were made before then; how many."""
        ...


class Outbox(Protocol):
    """All messages that were not purged yet."""

    async def add(self, message: Message) -> bool:
        """Keep a new message; False when its id, or its job's slot, is taken: nothing was kept."""
        ...

    async def for_change(self, message_id: int) -> Message | None:
        """The message, locked until the end, or None."""
        ...

    async def save(self, message: Message) -> None:
        """Keep the next state of a message that this transaction has locked."""
        ...

    async def due(self, *, at: datetime, limit: int) -> Sequence[Message]:
        """At most `limit` messages due at that moment, locked, those due longest first.

        Those that somebody else has locked are passed over.
        """
        ...

    async def purge(self, *, state: State, before: datetime, limit: int) -> int:
        """Forget at most `limit` messages that ended in that state before then; how many.

        Those that somebody has locked are passed over. Of a periodic job, the message of its latest
        slot up to `before` stays, and of any later one: they say that the slot was run.
        """
        ...


@dataclass(frozen=True, slots=True)
class MessageCount:
    """How many messages of a job are in a state, and when the oldest of them was made."""

    job: str
    state: State
    count: int
    oldest: datetime


class Messages(Protocol):
    """Shows what is in the outbox."""

    async def by_id(self, message_id: int) -> Message | None:
        """The message, or None."""
        ...

    async def newest(
        self, *, state: State | None, job: str | None, before: int | None, limit: int
    ) -> Sequence[Message]:
        """At most `limit` messages of that state and job and with ids below, newest first."""
        ...

    async def has_slot(self, job: str, slot: datetime) -> bool:
        """Whether there is a message for that slot of the periodic job."""
        ...

    async def counts(self) -> Sequence[MessageCount]:
        """How many messages there are, by job and state, in this order."""
        ...


class Schedules(Protocol):
    """When periodic jobs run."""

    async def all(self) -> Sequence[Schedule]:
        """All schedules, by job."""
        ...

    async def add_missing(self, schedules: Sequence[Schedule]) -> None:
        """Keep those whose jobs have none yet."""
        ...

    async def for_change(self, job: str) -> Schedule | None:
        """The schedule of the job, locked until the end, or None."""
        ...

    async def save(self, schedule: Schedule) -> None:
        """Keep the next state of a schedule that `for_change` of this transaction gave."""
        ...


class Imports(Protocol):
    """Remembers which lines were imported, so that a second run takes none of them again."""

    async def claim(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Of these keys (32 bytes each), those never claimed before; all are claimed now."""
        ...


@dataclass(frozen=True, slots=True)
class Audited:
    """What is stored of one post, for a recount.

    `tags` are the stored hashtags of its text, `listed` those whose timelines hold the post.
    """

    post_id: int
    owner_id: int
    text: str
    is_live: bool
    tags: tuple[str, ...]
    listed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Miscount:
    """A stored number that a recount does not confirm: of what, what it says, what is right."""

    of: str
    stored: int
    recounted: int


class Audit(Protocol):
    """Shows what is stored, for `hashpost check`."""

    async def posts(self, *, after: int, limit: int) -> Sequence[Audited]:
        """At most `limit` posts with ids above `after`, deleted ones too, by id."""
        ...

    async def strays(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """At most `limit` entries (hashtag, post id) of timelines whose posts do not exist."""
        ...

    async def counted(self, *, after: Timeline | None, limit: int) -> Sequence[Timeline]:
        """At most `limit` timelines of which numbers are stored, in some order, after that one."""
        ...

    async def uncounted(self, *, limit: int) -> int:
        """How much, at most `limit`, is in no stored number yet, and is counted by readers."""
        ...

    async def miscounts(self, timeline: Timeline) -> Sequence[Miscount]:
        """The numbers of the timeline that are wrong; each is recounted at one moment."""
        ...


class Transaction(Protocol):
    """One unit of work: all of it happens, or nothing."""

    @property
    def users(self) -> Users:
        """All users."""
        ...

    @property
    def sessions(self) -> Sessions:
        """All sessions."""
        ...

    @property
    def posts(self) -> Posts:
        """All posts."""
        ...

    @property
    def favorites(self) -> Favorites:
        """Favourite hashtags, of each user."""
        ...

    @property
    def trends(self) -> Trends:
        """Trending hashtags."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Messages, to be sent once this is committed."""
        ...

    @property
    def schedules(self) -> Schedules:
        """When periodic jobs run."""
        ...

    @property
    def requests(self) -> IdempotentRequests:
        """Requests that were made under keys."""
        ...

    @property
    def imports(self) -> Imports:
        """What was imported."""
        ...


class Reading(Protocol):
    """A look at what is stored; each call sees the state of its own moment."""

    @property
    def users(self) -> Users:
        """All users."""
        ...

    @property
    def posts(self) -> Posts:
        """All posts."""
        ...

    @property
    def timelines(self) -> Timelines:
        """Live posts, newest first."""
        ...

    @property
    def hashtags(self) -> Hashtags:
        """What hashtags are used."""
        ...

    @property
    def trends(self) -> Trends:
        """Trending hashtags."""
        ...

    @property
    def favorites(self) -> Favorites:
        """Favourite hashtags, of each user."""
        ...

    @property
    def messages(self) -> Messages:
        """What is in the outbox."""
        ...

    @property
    def schedules(self) -> Schedules:
        """When periodic jobs run."""
        ...

    @property
    def audit(self) -> Audit:
        """What is stored, for a recount."""
        ...


class Storage(Protocol):
    """Where everything is kept."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction: a clean exit commits, an exception rolls back.

        Nobody sees anything of it before it is committed, and then it is kept for good.
        """
        ...

    def reading(self) -> AbstractAsyncContextManager[Reading]:
        """A reading: it writes nothing and waits for no writer."""
        ...

    async def ping(self) -> None:
        """Return if the storage answers.

        Raises:
            Unavailable: it does not.
        """
        ...
