"""Requests under idempotency keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql

from hashpost.adapters.sql.rows import REQUEST, Row, request_of, request_values
from hashpost.adapters.sql.statements import inline
from hashpost.adapters.sql.tables import idempotent_requests
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.idempotency import IdempotentRequest
from hashpost.domain.ids import unix_ms

_KEY = (idempotent_requests.c.user_id, idempotent_requests.c.key)
_IS_IT = (_KEY[0] == bindparam("user"), _KEY[1] == bindparam("named"))

# One statement takes a free key, and one whose request is forgotten. Who comes second waits for
# the transaction of the first, and then finds the key taken, or free again. SQLite understands the
# clause in the words of PostgreSQL.
_CLAIM = postgresql.insert(idempotent_requests)
_CLAIM_RETURNING = _CLAIM.on_conflict_do_update(
    index_elements=[*idempotent_requests.primary_key],
    set_={name: _CLAIM.excluded[name] for name in ("fingerprint", "made_at", "answer")},
    where=idempotent_requests.c.made_at <= bindparam("forgotten", type_=BigInteger),
).returning(idempotent_requests.c.key)
_EARLIER = select(*REQUEST).where(*_IS_IT)
_SAVE = update(idempotent_requests).where(*_IS_IT).values(answer=bindparam("told"))
_FORGET = delete(idempotent_requests).where(*_IS_IT)


@cache
def _of(limit: int) -> Select[Any]:
    return select(*_KEY).where(_KEY[0] == bindparam("user")).order_by(*_KEY).limit(inline(limit))


@cache
def _old(limit: int) -> Select[Any]:
    # One that is just claimed anew is passed over.
    return (
        select(*_KEY)
        .where(idempotent_requests.c.made_at < bindparam("before"))
        .order_by(idempotent_requests.c.made_at)
        .limit(inline(limit))
        .with_for_update(skip_locked=True)
    )


@dataclass(frozen=True, slots=True)
class SqlRequests:
    """Requests, each one row."""

    run: Run

    async def claim(
        self, request: IdempotentRequest, *, forgotten: datetime
    ) -> IdempotentRequest | None:
        """Keep a request under a key that is free, or give the one that it was used for."""
        values = request_values(request)
        if await self.run(_CLAIM_RETURNING, {**values, "forgotten": unix_ms(forgotten)}):
            return None
        # The row is locked by now, so nobody has purged it.
        (row,) = await self.run(_EARLIER, _named(request))
        return request_of(row)

    async def save(self, request: IdempotentRequest) -> None:
        """Keep the answer to a request."""
        await self.run(_SAVE, {**_named(request), "told": request.answer})

    async def forget(self, user_id: int, *, limit: int) -> int:
        """Forget requests of the user."""
        return await self._forget(await self.run(_of(limit), {"user": user_id}))

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget requests that were made before then, the oldest first."""
        return await self._forget(await self.run(_old(limit), {"before": unix_ms(before)}))

    async def _forget(self, rows: Sequence[Row]) -> int:
        if rows:
            await self.run(_FORGET, [{"user": user_id, "named": key} for user_id, key in rows])
        return len(rows)


def _named(request: IdempotentRequest) -> dict[str, Any]:
    return {"user": request.user_id, "named": request.key}
