"""Sessions, and the tokens that lead to them."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from hashpost.adapters.sql.rows import SESSION, session_of, session_values
from hashpost.adapters.sql.statements import insert_new, insert_new_returning
from hashpost.adapters.sql.tables import session_tokens, sessions
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.session import Session

_ADD = insert_new_returning(sessions)
_ADD_TOKENS = insert_new(session_tokens)

# The lock is on the session, not on the token: who comes with whichever token of a session waits,
# and then sees the session as the one before left it. On SQLite there is one writer anyway.
_BY_TOKEN = (
    select(*SESSION)
    .join_from(session_tokens, sessions, sessions.c.id == session_tokens.c.session_id)
    .where(session_tokens.c.token_hash == bindparam("token_hash"))
    .with_for_update(of=sessions)
)
_SAVE = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values({column: bindparam(column.name) for column in sessions.c if column.name != "id"})
)


@dataclass(frozen=True, slots=True)
class SqlSessions:
    """Sessions, each one row, and one row for every token that one ever had."""

    run: Run

    async def add(self, session: Session) -> bool:
        """Keep a new session."""
        if not await self.run(_ADD, session_values(session)):
            return False
        await self._remember_tokens(session)
        return True

    async def by_token(self, token_hash: bytes) -> Session | None:
        """The session whose current or spent token that is, locked until the end."""
        rows = await self.run(_BY_TOKEN, {"token_hash": token_hash})
        return session_of(rows[0]) if rows else None

    async def save(self, session: Session) -> None:
        """Keep the next state of a session."""
        values = session_values(session)
        await self.run(_SAVE, {"session": values.pop("id"), **values})
        await self._remember_tokens(session)

    async def _remember_tokens(self, session: Session) -> None:
        tokens = [token for token in (session.previous, session.current) if token is not None]
        await self.run(
            _ADD_TOKENS,
            [{"token_hash": token, "session_id": session.id} for token in sorted(tokens)],
        )
