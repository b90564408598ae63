"""What rows mean: columns in a fixed order, and the functions that read and write them.

Rows are trusted: what stands in the database was checked before it got there.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, select

from hashpost.adapters.sql.tables import posts, sessions, users
from hashpost.domain.ids import from_unix_ms, unix_ms
from hashpost.domain.post import Owner, Post
from hashpost.domain.session import Session
from hashpost.domain.user import User, username_key

Row = Sequence[Any]

USER = (
    users.c.id,
    users.c.username,
    users.c.email,
    users.c.password_hash,
    users.c.generation,
)
SESSION = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.current,
    sessions.c.expires_at,
    sessions.c.previous,
    sessions.c.rotated_at,
    sessions.c.revoked_at,
)


def post_columns(source: FromClause) -> tuple[ColumnElement[Any], ...]:
    """The columns of a post, from `posts` or a sub-select of it.

    The owner's name by a sub-select, which can be nothing but a look-up by primary key. A join the
    planner may turn into a scan of all users, when it thinks that the page has many rows.
    """
    owner = select(users.c.username).where(users.c.id == source.c.owner_id)
    return (
        source.c.id,
        source.c.owner_id,
        owner.scalar_subquery().label("username"),
        source.c.text,
        source.c.tags,
        source.c.edited_at,
        source.c.deleted_at,
    )


POST = post_columns(posts)


def user_of(row: Row) -> User:
    """The user of a row of `USER`."""
    return User(*row)


def user_values(user: User) -> dict[str, Any]:
    """The row of a user."""
    return {
        "id": user.id,
        "username": user.username,
        "username_key": username_key(user.username),
        "email": user.email,
        "password_hash": user.password_hash,
        "generation": user.generation,
    }


def session_of(row: Row) -> Session:
    """The session of a row of `SESSION`."""
    id_, user_id, current, expires_at, previous, rotated_at, revoked_at = row
    return Session(
        id=id_,
        user_id=user_id,
        current=current,
        expires_at=from_unix_ms(expires_at),
        previous=previous,
        rotated_at=_time(rotated_at),
        revoked_at=_time(revoked_at),
    )


def session_values(session: Session) -> dict[str, Any]:
    """The row of a session."""
    return {
        "id": session.id,
        "user_id": session.user_id,
        "current": session.current,
        "expires_at": unix_ms(session.expires_at),
        "previous": session.previous,
        "rotated_at": _milliseconds(session.rotated_at),
        "revoked_at": _milliseconds(session.revoked_at),
    }


def post_of(row: Row) -> Post:
    """The post of a row of `post_columns`."""
    id_, owner_id, username, text, tags, edited_at, deleted_at = row
    return Post(
        id=id_,
        owner=Owner(owner_id, username),
        text=text,
        tags=tags_of(tags),
        edited_at=_time(edited_at),
        deleted_at=_time(deleted_at),
    )


def post_values(post: Post) -> dict[str, Any]:
    """The row of a post."""
    return {
        "id": post.id,
        "owner_id": post.owner.id,
        "text": post.text,
        "tags": " ".join(post.tags),
        "edited_at": _milliseconds(post.edited_at),
        "deleted_at": _milliseconds(post.deleted_at),
    }


def tags_of(stored: str | None) -> tuple[str, ...]:
    """The names in a string of names with single spaces between."""
    return tuple(stored.split(" ")) if stored else ()


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_unix_ms(milliseconds)


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else unix_ms(at)
