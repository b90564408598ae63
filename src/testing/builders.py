"""Entities for tests: whatever a test does not name is made up, and different each time."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count

from hashpost.domain.ids import first_id_at, time_of
from hashpost.domain.post import Owner, Post
from hashpost.domain.session import Session
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
) -> User:
    """A user."""
    user_id = an_id() if id is None else id
    return User(
        id=user_id,
        username=f"user_{an_id()}" if username is None else username,
        email=email,
        password_hash=password_hash,
        generation=generation,
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


def a_session(user: User, *, id: int | None = None, current: bytes | None = None) -> Session:
    """A session that has not been refreshed yet."""
    session_id = an_id() if id is None else id
    return Session(
        id=session_id,
        user_id=user.id,
        current=a_token_hash() if current is None else current,
        expires_at=time_of(session_id) + timedelta(days=30),
    )
