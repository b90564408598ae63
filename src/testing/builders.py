"""Entities for tests: whatever a test does not name is made up, and different each time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from hashpost.domain.favorite import Favorite
from hashpost.domain.idempotency import IdempotentRequest, fingerprint
from hashpost.domain.ids import first_id_at, time_of
from hashpost.domain.message import Argument, Message
from hashpost.domain.post import Owner, Post
from hashpost.domain.schedule import Schedule
from hashpost.domain.session import Session
from hashpost.domain.trend import Trend, Usage
from hashpost.domain.user import User

_BEGINNING = first_id_at(datetime(2026, 11, 22, 6, 21, tzinfo=UTC))
_numbers = count(1)


def an_id() -> int:
    """An id that no other call of this process gets, above all before it."""
    return _BEGINNING + next(_numbers)


def a_user(
    username: str | None = None,
    *,
    id: int | None = None,
    email: str | None = None,
    password_hash: str | None = "$hash$",
    generation: int = 0,
    weekly_digest: bool = False,
    digest_at: datetime | None = None,
) -> User:
    """A user."""
    user_id = an_id() if id is None else id
    return User(
        id=user_id,
        username=f"user_{an_id()}" if username is None else username,
        email=email,
        password_hash=password_hash,
        generation=generation,
        weekly_digest=weekly_digest,
        digest_at=digest_at,
    )


def a_post(owner: User, text: str = "Hello #World", *, id: int | None = None) -> Post:
    """A live post of that user."""
    return Post.written(
        id=an_id() if id is None else id, owner=Owner(owner.id, owner.username), text=text
    )


def a_deleted(post: Post) -> Post:
    """That post, deleted by its owner a second after it was made."""
    return post.deleted(by=post.owner.id, at=post.created_at + timedelta(seconds=1))


def a_token_hash() -> bytes:
    """The hash of some refresh token."""
    return sha256(str(an_id()).encode()).digest()


def a_session(
    user: User,
    *,
    id: int | None = None,
    current: bytes | None = None,
    expires_at: datetime | None = None,
) -> Session:
    """A session that has not been refreshed yet."""
    session_id = an_id() if id is None else id
    return Session(
        id=session_id,
        user_id=user.id,
        current=a_token_hash() if current is None else current,
        expires_at=expires_at or time_of(session_id) + timedelta(days=30),
        generation=user.generation,
    )


def a_favorite(name: str | None = None, *, since: datetime | None = None) -> Favorite:
    """A favourite."""
    number = an_id()
    return Favorite(name or f"name_{number}", since or time_of(number))


def a_request(
    *, user_id: int | None = None, key: str | None = None, answer: str = "{}"
) -> IdempotentRequest:
    """A request under a key."""
    number = an_id()
    return IdempotentRequest(
        user_id=user_id or number,
        key=key or f"key-{number}",
        fingerprint=fingerprint("words", number),
        made_at=time_of(number),
        answer=answer,
    )


def a_message(
    job: str = "job",
    *,
    id: int | None = None,
    arguments: Mapping[str, Argument] | None = None,
    slot: datetime | None = None,
) -> Message:
    """A message that was just added."""
    message_id = an_id() if id is None else id
    return Message.new(id=message_id, job=job, arguments=arguments, slot=slot)


def a_schedule(
    job: str | None = None,
    *,
    cron: str = "17 3 * * *",
    arguments: Mapping[str, Argument] | None = None,
) -> Schedule:
    """A schedule that is enabled."""
    number = an_id()
    return Schedule(
        job=job or f"job_{number}",
        cron=cron,
        is_enabled=True,
        since=time_of(number),
        arguments=arguments or {},
    )


def a_trend(
    name: str | None = None, *, peak: float = 12.5, users: tuple[int, int] = (7, 2)
) -> Trend:
    """A trend, with its users of today and yesterday."""
    number = an_id()
    return Trend(Usage(name or f"name_{number}", *users), peak, time_of(number))
