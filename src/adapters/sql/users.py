"""Users, by id and by name."""

from dataclasses import dataclass

from sqlalchemy import bindparam, literal_column, select, update

from hashpost.adapters.sql.rows import (
    SESSION,
    USER,
    session_of,
    user_of,
    user_values,
)
from hashpost.adapters.sql.statements import insert_new_returning
from hashpost.adapters.sql.tables import sessions, users
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.session import Session
from hashpost.domain.user import User, username_key

_ADD = insert_new_returning(users)
_BY_ID = select(*USER).where(users.c.id == bindparam("id"))
_BY_USERNAME = select(*USER).where(users.c.username_key == bindparam("key"))

# Outer joins to one row that is always there: either may be missing without the other.
_ONE = select(literal_column("1").label("one")).subquery()
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
        user, session = row[: len(USER)], row[len(USER) :]
        return (
            None if user[0] is None else user_of(user),
            None if session[0] is None else session_of(session),
        )

    async def replace_password_hash(self, user_id: int, *, old: str, new: str) -> bool:
        """Put one hash in the place of another, if that is still there."""
        return bool(
            await self.run(_REPLACE_PASSWORD_HASH, {"user": user_id, "old": old, "new": new})
        )
