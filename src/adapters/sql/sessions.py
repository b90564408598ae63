"""Sessions, and the tokens that lead to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, select, update

from hashpost.adapters.sql.rows import SESSION, Row, session_of, session_values
from hashpost.adapters.sql.statements import inline, insert_new, insert_new_returning
from hashpost.adapters.sql.tables import session_tokens, sessions
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.ids import unix_ms
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
_FORGET = delete(sessions).where(sessions.c.id == bindparam("session"))
_FORGET_TOKENS = delete(session_tokens).where(session_tokens.c.session_id == bindparam("session"))
_TOKENS = select(func.count()).where(session_tokens.c.session_id == sessions.c.id)

TOKENS_AT_ONCE = 20_000
"""Tokens that one purge forgets, a fraction of a second's work: some sessions had thousands."""


@cache
def _ended(column: str, limit: int) -> Select[Any]:
    """Sessions that ended, for one reason or the other, each with the number of its tokens.

    Whom somebody is just about to refresh in vain is passed over, and met by the next purge; so
    purges wait for nobody, and two at once cannot wait for each other.
    """
    ended_at = sessions.c[column]
    return (
        select(sessions.c.id, _TOKENS.scalar_subquery())
        .where(ended_at < bindparam("before"))
        .order_by(ended_at)
        .limit(inline(limit))
        .with_for_update(of=sessions, skip_locked=True)
    )


@dataclass(frozen=True, slots=True)
class SqlSessions:
    """Sessions, each one row, and one row for every token that one ever had."""

    run: Run
    tokens_at_once: int = TOKENS_AT_ONCE

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

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget sessions that ended, with all their tokens: fewer at once if these are many."""
        ended: dict[int, int] = {}
        for column in ("expires_at", "revoked_at"):
            if len(ended) < limit:
                rows = await self.run(_ended(column, limit), {"before": unix_ms(before)})
                ended.update((id_, tokens) for id_, tokens in rows)
        purged = [{"session": id_} for id_ in self._affordable([*ended.items()][:limit])]
        if purged:
            await self.run(_FORGET_TOKENS, purged)
            await self.run(_FORGET, purged)
        return len(purged)

    async def _remember_tokens(self, session: Session) -> None:
        tokens = [token for token in (session.previous, session.current) if token is not None]
        await self.run(
            _ADD_TOKENS,
            [{"token_hash": token, "session_id": session.id} for token in sorted(tokens)],
        )

    def _affordable(self, ended: Sequence[Row]) -> Iterator[int]:
        """The first of these sessions, one at least, with no more tokens than may be forgotten."""
        total = 0
        for session_id, tokens in ended:
            total += tokens
            if tokens < total and total > self.tokens_at_once:
                return
            yield session_id
