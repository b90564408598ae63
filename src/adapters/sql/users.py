"""Users, by id, by name and by address."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, select, true, update

from hashpost.adapters.sql.rows import (
    SESSION,
    USER,
    Row,
    session_of,
    user_of,
    user_values,
)
from hashpost.adapters.sql.statements import (
    inline,
    insert_new,
    insert_new_returning,
    is_among,
)
from hashpost.adapters.sql.tables import deleted_users, sessions, users
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.session import Session
from hashpost.domain.user import User, email_key, username_key

_ADD = insert_new_returning(users)
_BY_ID = select(*USER).where(users.c.id == bindparam("id"))
_FOR_CHANGE = _BY_ID.with_for_update(of=users)
_BY_USERNAME = select(*USER).where(users.c.username_key == bindparam("key"))

# Outer joins to one row that is always there: either may be missing without the other.
_ONE = select(literal_column("1").label("one")).subquery()
# The lock that an insert takes on what it points to by a foreign key: many hold it at once, and a
# deletion, which takes the row for itself, waits for all of them.
_FOR_WRITE = (
    select(*USER, *SESSION)
    .select_from(users.outerjoin(sessions, sessions.c.id == bindparam("session")))
    .where(users.c.id == bindparam("id"))
    .with_for_update(read=True, key_share=True, of=users)
)
_LIVING = (
    select(users.c.id)
    .where(is_among(users.c.id, "ids"), users.c.deleted_at.is_(None))
    .order_by(users.c.id)
    .with_for_update(read=True, key_share=True)
)
_HIDE = insert_new(deleted_users)
_WITH_SESSION = select(*USER, *SESSION).select_from(
    _ONE.outerjoin(users, users.c.id == bindparam("user")).outerjoin(
        sessions, sessions.c.id == bindparam("session")
    )
)
_REPLACE_PASSWORD_HASH = (
    update(users)
    .where(users.c.id == bindparam("user"), users.c.password_hash == bindparam("old"))
    .values(password_hash=bindparam("new"))
    .returning(users.c.id)
)
_SAVE = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values({column: bindparam(column.name) for column in users.c if column.name != "id"})
)
_BY_EMAIL = select(*USER).where(users.c.email_key == bindparam("key")).order_by(users.c.id)


@cache
def _with_digest(limit: int) -> Select[Any]:
    return (
        select(*USER)
        .where(users.c.weekly_digest.is_(true()), users.c.id > bindparam("after"))
        .order_by(users.c.id)
        .limit(inline(limit))
    )


@dataclass(frozen=True, slots=True)
class SqlUsers:
    """Users, each one row."""

    run: Run

    async def add(self, user: User) -> bool:
        """Keep a new user; the constraint on names says whether the name is taken."""
        return bool(await self.run(_ADD, user_values(user)))

    async def by_id(self, user_id: int) -> User | None:
        """The user with that id."""
        rows = await self.run(_BY_ID, {"id": user_id})
        return user_of(rows[0]) if rows else None

    async def by_username(self, username: str) -> User | None:
        """The user with that name in whatever case."""
        rows = await self.run(_BY_USERNAME, {"key": username_key(username)})
        return user_of(rows[0]) if rows else None

    async def with_session(
        self, user_id: int, session_id: int
    ) -> tuple[User | None, Session | None]:
        """That user and that session, by one statement."""
        (row,) = await self.run(_WITH_SESSION, {"user": user_id, "session": session_id})
        return _pair(row)

    async def for_write(
        self, user_id: int, session_id: int | None
    ) -> tuple[User | None, Session | None]:
        """That user, the row shared with other writers until the end, and that session."""
        rows = await self.run(_FOR_WRITE, {"id": user_id, "session": session_id})
        return _pair(rows[0]) if rows else (None, None)

    async def living(self, user_ids: Collection[int]) -> Collection[int]:
        """Of these ids, those of users who are not deleted, their rows shared until the end."""
        return {id_ for (id_,) in await self.run(_LIVING, {"ids": sorted(user_ids)})}

    async def replace_password_hash(self, user_id: int, *, old: str, new: str) -> bool:
        """Put one hash in the place of another, if that is still there."""
        return bool(
            await self.run(_REPLACE_PASSWORD_HASH, {"user": user_id, "old": old, "new": new})
        )

    async def for_change(self, user_id: int) -> User | None:
        """The user with that id, the row locked until the end."""
        rows = await self.run(_FOR_CHANGE, {"id": user_id})
        return user_of(rows[0]) if rows else None

    async def save(self, user: User) -> None:
        """Keep the next state of a user."""
        values = user_values(user)
        await self.run(_SAVE, {"user": values.pop("id"), **values})
        if user.is_deleted:
            await self.run(_HIDE, {"user_id": user.id})

    async def by_email(self, email: str) -> Sequence[User]:
        """All users with that address, in whatever case."""
        return [user_of(row) for row in await self.run(_BY_EMAIL, {"key": email_key(email)})]

    async def with_digest(self, *, after: int, limit: int) -> Sequence[User]:
        """At most `limit` users who want the weekly digest, with ids above `after`."""
        return [user_of(row) for row in await self.run(_with_digest(limit), {"after": after})]


def _pair(row: Row) -> tuple[User | None, Session | None]:
    user, session = row[: len(USER)], row[len(USER) :]
    return (
        None if user[0] is None else user_of(user),
        None if session[0] is None else session_of(session),
    )
