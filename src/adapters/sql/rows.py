"""What rows mean: columns in a fixed order, and the functions that read and write them.

Rows are trusted: what stands in the database was checked before it got there.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, select

from hashpost.adapters.sql.tables import (
    idempotent_requests,
    outbox,
    posts,
    schedules,
    sessions,
    trends,
    users,
)
from hashpost.domain.idempotency import IdempotentRequest
from hashpost.domain.ids import from_unix_ms, unix_ms
from hashpost.domain.message import Argument, Message, State
from hashpost.domain.post import Owner, Post
from hashpost.domain.schedule import Schedule
from hashpost.domain.session import Session
from hashpost.domain.timeline import Slice
from hashpost.domain.trend import Trend, Usage
from hashpost.domain.user import User, email_key, username_key

Row = Sequence[Any]

USER = (
    users.c.id,
    users.c.username,
    users.c.email,
    users.c.password_hash,
    users.c.generation,
    users.c.weekly_digest,
    users.c.digest_at,
    users.c.deleted_at,
)
SESSION = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.current,
    sessions.c.expires_at,
    sessions.c.previous,
    sessions.c.rotated_at,
    sessions.c.revoked_at,
    sessions.c.generation,
)
MESSAGE = (
    outbox.c.id,
    outbox.c.job,
    outbox.c.arguments,
    outbox.c.state,
    outbox.c.attempts,
    outbox.c.next_at,
    outbox.c.finished_at,
    outbox.c.slot,
    outbox.c.outcome,
)
SCHEDULE = (
    schedules.c.job,
    schedules.c.cron,
    schedules.c.is_enabled,
    schedules.c.since,
    schedules.c.arguments,
)
REQUEST = (
    idempotent_requests.c.user_id,
    idempotent_requests.c.key,
    idempotent_requests.c.fingerprint,
    idempotent_requests.c.made_at,
    idempotent_requests.c.answer,
)
TREND = (
    trends.c.name,
    trends.c.users_today,
    trends.c.users_yesterday,
    trends.c.peak,
    trends.c.peaked_at,
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
_POST_WIDTH = len(POST)


def _single_post_columns() -> tuple[ColumnElement[Any], ...]:
    """The columns of a post that is looked at by itself: gone with its owner, if not before."""
    owner_deleted_at = select(users.c.deleted_at).where(users.c.id == posts.c.owner_id)
    *columns, deleted_at = POST
    return (*columns, func.coalesce(deleted_at, owner_deleted_at.scalar_subquery()))


SINGLE_POST = _single_post_columns()


def user_of(row: Row) -> User:
    """The user of a row of `USER`."""
    id_, username, email, password_hash, generation, weekly_digest, digest_at, deleted_at = row
    return User(
        id=id_,
        username=username,
        email=email,
        password_hash=password_hash,
        generation=generation,
        weekly_digest=weekly_digest,
        digest_at=_time(digest_at),
        deleted_at=_time(deleted_at),
    )


def user_values(user: User) -> dict[str, Any]:
    """The row of a user."""
    return {
        "id": user.id,
        "username": user.username,
        "username_key": username_key(user.username),
        "email": user.email,
        "password_hash": user.password_hash,
        "generation": user.generation,
        "email_key": None if user.email is None else email_key(user.email),
        "weekly_digest": user.weekly_digest,
        "digest_at": _milliseconds(user.digest_at),
        "deleted_at": _milliseconds(user.deleted_at),
    }


def session_of(row: Row) -> Session:
    """The session of a row of `SESSION`."""
    id_, user_id, current, expires_at, previous, rotated_at, revoked_at, generation = row
    return Session(
        id=id_,
        user_id=user_id,
        current=current,
        expires_at=from_unix_ms(expires_at),
        previous=previous,
        rotated_at=_time(rotated_at),
        revoked_at=_time(revoked_at),
        generation=generation,
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
        "generation": session.generation,
    }


def _setters(kind: type) -> Iterator[Callable[[Any, Any], None]]:
    """What sets the fields of a frozen dataclass with slots, in their order.

    Rows become posts by the million, and its own `__init__`, which has to pass by what freezes it,
    takes nearly three times as long.
    """
    for each in fields(kind):
        yield getattr(kind, each.name).__set__


_new = object.__new__
_set_owner_id, _set_username = _setters(Owner)
_set_id, _set_owner, _set_text, _set_tags, _set_edited_at, _set_deleted_at = _setters(Post)


def post_of(row: Row) -> Post:
    """The post of a row that begins with `post_columns`."""
    id_, owner_id, username, text, tags, edited_at, deleted_at = row[:_POST_WIDTH]
    owner = _new(Owner)
    _set_owner_id(owner, owner_id)
    _set_username(owner, username)
    post = _new(Post)
    _set_id(post, id_)
    _set_owner(post, owner)
    _set_text(post, text)
    _set_tags(post, tags_of(tags))
    _set_edited_at(post, _time(edited_at))
    _set_deleted_at(post, _time(deleted_at))
    return post


def posts_of(rows: Iterable[Row]) -> tuple[Post, ...]:
    """The posts of rows, of which one may have none."""
    return tuple([post_of(row) for row in rows if row[0] is not None])


def slice_of(rows: Sequence[Row]) -> Slice:
    """The slice of rows with a post and the count each, or one row with the count alone."""
    count: int = rows[0][_POST_WIDTH]
    return Slice(count, posts_of(rows))


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


def message_of(row: Row) -> Message:
    """The message of a row of `MESSAGE`."""
    id_, job, arguments, state, attempts, next_at, finished_at, slot, outcome = row
    return Message(
        id=id_,
        job=job,
        arguments=_arguments_of(arguments),
        state=State(state),
        attempts=attempts,
        next_at=_time(next_at),
        finished_at=_time(finished_at),
        slot=_time(slot),
        outcome=outcome,
    )


def message_values(message: Message) -> dict[str, Any]:
    """The row of a message."""
    return {
        "id": message.id,
        "job": message.job,
        "arguments": _arguments(message.arguments),
        "state": message.state.value,
        "attempts": message.attempts,
        "next_at": _milliseconds(message.next_at),
        "finished_at": _milliseconds(message.finished_at),
        "slot": _milliseconds(message.slot),
        "outcome": message.outcome,
    }


def schedule_of(row: Row) -> Schedule:
    """The schedule of a row of `SCHEDULE`."""
    job, cron, is_enabled, since, arguments = row
    return Schedule(
        job=job,
        cron=cron,
        is_enabled=is_enabled,
        since=from_unix_ms(since),
        arguments=_arguments_of(arguments),
    )


def schedule_values(schedule: Schedule) -> dict[str, Any]:
    """The row of a schedule."""
    return {
        "job": schedule.job,
        "cron": schedule.cron,
        "is_enabled": schedule.is_enabled,
        "since": unix_ms(schedule.since),
        "arguments": _arguments(schedule.arguments),
    }


def request_of(row: Row) -> IdempotentRequest:
    """The request of a row of `REQUEST`."""
    user_id, key, fingerprint, made_at, answer = row
    return IdempotentRequest(user_id, key, bytes(fingerprint), from_unix_ms(made_at), answer)


def request_values(request: IdempotentRequest) -> dict[str, Any]:
    """The row of a request under a key."""
    return {
        "user_id": request.user_id,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "made_at": unix_ms(request.made_at),
        "answer": request.answer,
    }


def trend_of(row: Row) -> Trend:
    """The trend of a row of `TREND`."""
    name, users_today, users_yesterday, peak, peaked_at = row
    return Trend(Usage(name, users_today, users_yesterday), peak, from_unix_ms(peaked_at))


def trend_values(trend: Trend) -> dict[str, Any]:
    """The row of a trend."""
    return {
        "name": trend.name,
        "users_today": trend.usage.users_today,
        "users_yesterday": trend.usage.users_yesterday,
        "peak": trend.peak,
        "peaked_at": unix_ms(trend.peaked_at),
    }


def _arguments(arguments: Mapping[str, Argument]) -> str:
    # In ASCII, so that no string is one that a database cannot hold.
    return json.dumps(dict(arguments))


def _arguments_of(stored: str) -> Mapping[str, Argument]:
    arguments: Mapping[str, Argument] = json.loads(stored)
    return arguments


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_unix_ms(milliseconds)


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else unix_ms(at)
