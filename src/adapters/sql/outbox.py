"""Messages, as those see them who add them and work on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, or_, select, update

from hashpost.adapters.sql.rows import MESSAGE, message_of, message_values
from hashpost.adapters.sql.statements import inline, insert_free_returning
from hashpost.adapters.sql.tables import outbox
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.ids import unix_ms
from hashpost.domain.message import Message, State

_ADD = insert_free_returning(outbox)
_FOR_CHANGE = select(*MESSAGE).where(outbox.c.id == bindparam("id")).with_for_update(of=outbox)
_SAVE = (
    update(outbox)
    .where(outbox.c.id == bindparam("message"))
    .values({column: bindparam(column.name) for column in outbox.c if column.name != "id"})
)
_FORGET = delete(outbox).where(outbox.c.id == bindparam("message"))


@cache
def _due(limit: int) -> Select[Any]:
    # What somebody has locked is being told of, or worked on, this very moment.
    return (
        select(*MESSAGE)
        .where(outbox.c.next_at <= bindparam("at"))
        .order_by(outbox.c.next_at)
        .limit(inline(limit))
        .with_for_update(skip_locked=True)
    )


@cache
def _ended(limit: int) -> Select[Any]:
    later = outbox.alias("later")
    has_later_slot = exists().where(
        later.c.job == outbox.c.job,
        later.c.slot > outbox.c.slot,
        later.c.slot <= bindparam("before"),
    )
    return (
        select(outbox.c.id)
        .where(
            outbox.c.state == bindparam("state"),
            outbox.c.finished_at < bindparam("before"),
            or_(outbox.c.slot.is_(None), has_later_slot),
        )
        .order_by(outbox.c.finished_at)
        .limit(inline(limit))
        .with_for_update(of=outbox, skip_locked=True)
    )


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """Messages, each one row."""

    run: Run

    async def add(self, message: Message) -> bool:
        """Keep a new message; the database says whether its id and its job's slot are free."""
        return bool(await self.run(_ADD, message_values(message)))

    async def for_change(self, message_id: int) -> Message | None:
        """The message, its row locked until the end."""
        rows = await self.run(_FOR_CHANGE, {"id": message_id})
        return message_of(rows[0]) if rows else None

    async def save(self, message: Message) -> None:
        """Keep the next state of a message."""
        values = message_values(message)
        await self.run(_SAVE, {"message": values.pop("id"), **values})

    async def due(self, *, at: datetime, limit: int) -> Sequence[Message]:
        """At most `limit` messages due at that moment, their rows locked, longest due first."""
        return [message_of(row) for row in await self.run(_due(limit), {"at": unix_ms(at)})]

    async def purge(self, *, state: State, before: datetime, limit: int) -> int:
        """Forget messages that ended, but for the latest slot of each periodic job."""
        values = {"state": state.value, "before": unix_ms(before)}
        rows = await self.run(_ended(limit), values)
        if rows:
            await self.run(_FORGET, [{"message": id_} for (id_,) in rows])
        return len(rows)
