"""Messages, as an operator sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from hashpost.adapters.sql.rows import MESSAGE, message_of
from hashpost.adapters.sql.statements import inline
from hashpost.adapters.sql.tables import outbox
from hashpost.adapters.sql.transaction import Run
from hashpost.application.ports import MessageCount
from hashpost.domain.ids import MAX_ID, time_of, unix_ms
from hashpost.domain.message import Message, State

_BY_ID = select(*MESSAGE).where(outbox.c.id == bindparam("id"))
_SLOT = select(outbox.c.id).where(
    outbox.c.job == bindparam("job"), outbox.c.slot == bindparam("slot")
)
_COUNTS = (
    select(outbox.c.job, outbox.c.state, func.count(), func.min(outbox.c.id))
    .group_by(outbox.c.job, outbox.c.state)
    .order_by(outbox.c.job, outbox.c.state)
)


@cache
def _newest(columns: frozenset[str], limit: int) -> Select[Any]:
    return (
        select(*MESSAGE)
        .where(outbox.c.id < bindparam("before"))
        .where(*(outbox.c[name] == bindparam(name) for name in sorted(columns)))
        .order_by(outbox.c.id.desc())
        .limit(inline(limit))
    )


@dataclass(frozen=True, slots=True)
class SqlMessages:
    """Messages, read without a lock."""

    run: Run

    async def by_id(self, message_id: int) -> Message | None:
        """The message."""
        rows = await self.run(_BY_ID, {"id": message_id})
        return message_of(rows[0]) if rows else None

    async def newest(
        self, *, state: State | None, job: str | None, before: int | None, limit: int
    ) -> Sequence[Message]:
        """At most `limit` messages of that state and job and with ids below, newest first."""
        wanted: dict[str, str] = {}
        if state is not None:
            wanted["state"] = state.value
        if job is not None:
            wanted["job"] = job
        rows = await self.run(
            _newest(frozenset(wanted), limit),
            {"before": MAX_ID + 1 if before is None else before, **wanted},
        )
        return [message_of(row) for row in rows]

    async def has_slot(self, job: str, slot: datetime) -> bool:
        """Whether there is a message for that slot of the periodic job."""
        return bool(await self.run(_SLOT, {"job": job, "slot": unix_ms(slot)}))

    async def counts(self) -> Sequence[MessageCount]:
        """How many messages there are, by job and state."""
        return [
            MessageCount(job=job, state=State(state), count=count, oldest=time_of(oldest))
            for job, state, count, oldest in await self.run(_COUNTS)
        ]
