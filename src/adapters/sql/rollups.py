"""The roll-up: moves the watermark on, and folds into tallies and marks what is behind it.

One roll-up is done in two steps. First the id of the newest post is announced, up to which the
watermark will move; if it was announced before, one more than that. Whoever writes from then on
keeps what happens at or before it as a change, and with it what was announced. Some may have begun
to write before, who have not seen it: they are waited for, and nobody waits for the roll-up. (A
transaction holds a shared lock that is never refused, by which it can be seen.)
Then, in one snapshot, everything between the watermark and the announced id is counted into the
tallies, together with the changes at or before the watermark. Those after it are in that count
already, or will be in the next one, so all that are seen are forgotten. All this is kept at once
with the new watermark: whoever reads sees the state before it or the state after it. What is too
much for one transaction is done in several: changes first, some at a time, then posts.

A roll-up that dies in between leaves a higher announced id, and that is all. Of two at once, one
finds the watermark's row taken and leaves it to the other. When none happens answers stay exact;
they become slow, as more posts come after the watermark.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    ScalarSelect,
    Select,
    Subquery,
    Text,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    literal_column,
    select,
    table,
    true,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import ReturningInsert

from hashpost.adapters.sql.engines import WRITING
from hashpost.adapters.sql.statements import inline, insert_new
from hashpost.adapters.sql.tables import changes, marks, post_hashtags, posts, tallies, watermark
from hashpost.adapters.sql.tallies import (
    ALL,
    IS_ALIVE,
    LEVELS,
    LISTINGS,
    Measure,
    listed,
    of_hashtag,
    of_user,
    total,
)
from hashpost.adapters.sql.transaction import Lines, Run
from hashpost.domain.errors import Unavailable

AT_ONCE = {"postgresql": 100_000, "sqlite": 5_000}
"""How many posts one transaction folds in, and how many changes: in SQLite other writers wait for
it, and however much has come together, it must be done before its time is up."""
PATIENCE = 60.0
"""Seconds that one transaction may take, and a wait for writers: nobody waits for either."""
_LOOKS_EVERY = 0.003

_CHANGED_MEANWHILE = "40001"
"""PostgreSQL's word for it (its manual, appendix A): here, that the watermark was moved."""


def _number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger)


_FOLDED, _UPTO, _FIRST_ID = _number("folded"), _number("upto"), _number("first_id")
_LIST = bindparam("list", type_=Text)

_ONE_CHANGE = select(changes.c.list).where(IS_ALIVE).limit(inline(1))
_HAS_CHANGES = select(func.count()).select_from(_ONE_CHANGE.subquery())
_STATE = select(
    watermark.c.folded,
    watermark.c.announced,
    select(func.coalesce(func.max(posts.c.id), inline(0))).scalar_subquery(),
    _HAS_CHANGES.scalar_subquery(),
)
_ANNOUNCE = update(watermark).where(watermark.c.announced < _UPTO).values(announced=_UPTO)
_TAKE = select(watermark.c.folded, watermark.c.announced).with_for_update(skip_locked=True)
_MOVE = update(watermark).values(folded=_UPTO)

# `IS_ALIVE`, of the watermark that was read for update.
_IS_ALIVE = changes.c.announced >= _FOLDED
# Of many changes some are folded in, by list and post: up to here.
_PLACE = tuple_(changes.c.list, changes.c.post_id)
_END = tuple_(bindparam("end_list", type_=Text), _number("end_id"))
_AFTER_ALL = {"end_list": "~", "end_id": 0}
"""No list has a name that comes after that."""
_IS_LEFT = (_PLACE > _END, changes.c.post_id <= _FOLDED, _IS_ALIVE)
_FORGET_CHANGES = delete(changes).where(_PLACE <= _END, _IS_ALIVE)
_FORGET_TALLY = delete(tallies).where(tallies.c.list == _LIST, tallies.c.live == inline(0))


@cache
def _step(at_once: int) -> Select[Any]:
    """Up to where so many posts go, if there are more."""
    return (
        select(posts.c.id)
        .where(posts.c.id > _FOLDED, posts.c.id < _UPTO)
        .order_by(posts.c.id)
        .limit(inline(1))
        .offset(inline(at_once - 1))
    )


@cache
def _step_of_changes(at_once: int) -> Select[Any]:
    """The same for changes; perhaps there are no more."""
    place = (changes.c.list, changes.c.post_id)
    ordered = select(*place).where(_IS_ALIVE).order_by(*place)
    return ordered.limit(inline(1)).offset(inline(at_once - 1))


def _moved() -> Subquery:
    """What came to each list or left it, and where; new posts all come after the last mark."""
    is_live = posts.c.deleted_at.is_(None)

    def came(to: ColumnElement[str], post_id: ColumnElement[int]) -> Select[Any]:
        columns: tuple[ColumnElement[Any], ...] = (
            to.label("list"),
            _UPTO.label("post_id"),
            func.count().label("delta"),
        )
        moved = select(*columns)
        return moved.where(post_id > _FOLDED, post_id <= _UPTO)

    owner, hashtag = posts.c.owner_id, post_hashtags.c.name
    return union_all(
        came(literal_column(f"'{ALL}'", Text), posts.c.id).where(is_live),
        came(of_user(owner), posts.c.id).where(is_live).group_by(owner),
        came(of_hashtag(hashtag), post_hashtags.c.post_id).group_by(hashtag),
        select(changes.c.list, changes.c.post_id, changes.c.delta).where(
            _PLACE <= _END, changes.c.post_id <= _FOLDED, _IS_ALIVE
        ),
    ).subquery("moved")


def _tally() -> ReturningInsert[Any]:
    moved = _moved()
    summed = select(moved.c.list, total(moved.c.delta)).group_by(moved.c.list)
    insert = postgresql.insert(tallies).from_select(["list", "live"], summed)
    return insert.on_conflict_do_update(
        index_elements=[tallies.c.list], set_={"live": tallies.c.live + insert.excluded.live}
    ).returning(tallies.c.list, tallies.c.live)


def _into_marks(rows: Select[Any], *, adding: bool) -> ReturningInsert[Any]:
    """Put the rows where these marks are, or add to them."""
    insert = postgresql.insert(marks).from_select([*marks.c.keys()], rows)
    live = marks.c.live + insert.excluded.live if adding else insert.excluded.live
    return insert.on_conflict_do_update(
        index_elements=[*marks.primary_key], set_={"live": live}
    ).returning(*marks.c)


def _mark() -> ReturningInsert[Any]:
    """Add to the marks of the lists that have some.

    Each change is looked up on the finest level only. Where the others begin one of those does, so
    they are found by it, once for all that changed in its stretch.
    """
    moved = _moved()
    finest = _marked(moved.c.list, inline(0), moved.c.post_id)
    placed = select(moved.c.list, finest.label("first_id"), moved.c.delta).subquery("placed")
    place = (placed.c.list, placed.c.first_id)
    stretch = (
        select(*place, total(placed.c.delta).label("delta")).group_by(*place).subquery("stretch")
    )
    levels = union_all(*(select(inline(level).label("level")) for level in range(LEVELS))).subquery(
        "levels"
    )
    on_each = select(
        stretch.c.list,
        levels.c.level,
        _marked(stretch.c.list, levels.c.level, stretch.c.first_id).label("first_id"),
        stretch.c.delta,
    ).select_from(stretch.join(levels, true()))
    each = on_each.subquery("each")
    mark = (each.c.list, each.c.level, each.c.first_id)
    # Not asked of each change: PostgreSQL would look it up once more for that.
    has_marks = each.c.first_id.is_not(None)
    summed = select(*mark, total(each.c.delta)).where(has_marks).group_by(*mark)
    return _into_marks(summed, adding=True)


def _marked(
    list_: ColumnElement[str], level: ColumnElement[int], post_id: ColumnElement[int]
) -> ScalarSelect[int]:
    """Where the stretch of that level begins in which the post is; null where the list has none."""
    mark = marks.alias("mark")
    return (
        select(func.max(mark.c.first_id))
        .where(mark.c.list == list_, mark.c.level == level, mark.c.first_id <= post_id)
        .scalar_subquery()
    )


_TALLY, _MARK, _BEGIN_MARKS = _tally(), _mark(), insert_new(marks).returning(*marks.c)


def _next_first_id(level: int) -> ColumnElement[int]:
    """Where the stretch that begins at `first_id` ends."""
    mark = marks.alias("following")
    following = select(func.min(mark.c.first_id)).where(
        mark.c.list == _LIST, mark.c.level == inline(level), mark.c.first_id > _FIRST_ID
    )
    return func.coalesce(following.scalar_subquery(), _UPTO + inline(1))


@cache
def _cut(kind: str, level: int, stretch: int) -> ReturningInsert[Any]:
    """Cut a stretch into pieces of so many live posts, more or less.

    Not one in which changes are left, of which its number does not know: they come next.
    """
    upto = _next_first_id(level)
    if level == 0:
        listing = LISTINGS[kind]
        left = select(changes.c.delta).where(
            *_IS_LEFT,
            changes.c.list == _LIST,
            changes.c.post_id >= _FIRST_ID,
            changes.c.post_id < upto,
        )
        key, conditions = listing.key, (*listing.conditions, ~left.exists())
        live, before = inline(1), func.row_number().over(order_by=key) - inline(1)
    else:
        key, live = marks.c.first_id, marks.c.live
        conditions = (marks.c.list == _LIST, marks.c.level == inline(level - 1))
        before = cast(func.sum(live).over(order_by=key, rows=(None, 0)), BigInteger) - live
    within = (*conditions, key >= _FIRST_ID, key < upto)
    pieces = (
        select(key.label("id"), live.label("live"), (before // inline(stretch)).label("piece"))
        .where(*within)
        .subquery("pieces")
    )
    first = case((func.min(pieces.c.piece) == inline(0), _FIRST_ID), else_=func.min(pieces.c.id))
    rows = select(_LIST, inline(level), first, total(pieces.c.live)).group_by(pieces.c.piece)
    return _into_marks(rows, adding=False)


def _forget_mark() -> Any:
    """Forget a stretch in which nothing is left: it becomes part of the older one before it.

    Not where a stretch of the level above begins.
    """
    above = marks.alias("above")
    begins_above = select(above.c.live).where(
        above.c.list == _LIST,
        above.c.level == _number("level") + inline(1),
        above.c.first_id == _FIRST_ID,
    )
    return delete(marks).where(
        marks.c.list == _LIST,
        marks.c.level == _number("level"),
        marks.c.first_id == _FIRST_ID,
        inline(0) < _FIRST_ID,
        marks.c.live == inline(0),
        ~begins_above.exists(),
    )


_FORGET_MARK = _forget_mark()

# Who writes, by the lock that every transaction holds: PostgreSQL shows one of a BIGINT as its two
# halves. Each transaction has a number of its own, so one that is gone does not come back.
_locks = table(
    "pg_locks",
    column("locktype", Text),
    column("database"),
    column("classid", BigInteger),
    column("objid", BigInteger),
    column("virtualtransaction", Text),
)
_databases = table("pg_database", column("oid"), column("datname", Text))
_WRITERS = select(_locks.c.virtualtransaction).where(
    _locks.c.locktype == "advisory",
    _locks.c.database
    == select(_databases.c.oid)
    .where(_databases.c.datname == func.current_database())
    .scalar_subquery(),
    _locks.c.classid == literal_column(str((WRITING >> 32) & 0xFFFFFFFF), BigInteger),
    _locks.c.objid == literal_column(str(WRITING & 0xFFFFFFFF), BigInteger),
)


@dataclass(frozen=True, slots=True)
class RollUp:
    """Rolls up."""

    lines: Lines
    measure: Measure = field(default_factory=Measure)
    at_once: int | None = None

    async def __call__(self) -> bool:
        """Fold in what is there by now; False if somebody else is about it.

        Raises:
            Unavailable: the database is away; nothing is lost.
        """
        is_done = None
        while is_done is None:
            is_done = await self._fold_in()
        return is_done

    async def _fold_in(self) -> bool | None:
        """Fold in some; True when that is all, False if somebody else is about it."""
        ((folded, announced, newest, has_changes),) = await self.lines(_STATE)
        if folded >= max(newest, announced) and not has_changes:
            return True
        upto = max(newest, announced + 1)
        async with self.lines.transaction() as run:
            if not await run(_TAKE):
                return False
            await run(_ANNOUNCE, {"upto": upto})
        await self._let_writers_end()
        try:
            async with self.lines.transaction(
                isolation="repeatable read", patience=PATIENCE
            ) as run:
                return await self._fold(run, upto)
        except Unavailable as error:
            if getattr(error.__cause__, "sqlstate", None) == _CHANGED_MEANWHILE:
                return False
            raise

    async def _let_writers_end(self) -> None:
        """Return when all have ended who began to write before now.

        Raises:
            Unavailable: somebody does not end.
        """
        if self.lines.dialect == "sqlite":
            return  # there is one writer, and it is us, next
        writers = await self._writers()
        try:
            async with asyncio.timeout(PATIENCE):
                while writers:
                    await asyncio.sleep(_LOOKS_EVERY)
                    writers &= await self._writers()
        except TimeoutError as error:
            raise Unavailable from error

    async def _writers(self) -> set[str]:
        return {transaction for (transaction,) in await self.lines(_WRITERS)}

    async def _fold(self, run: Run, upto: int) -> bool | None:
        """Fold in some; True when that is all, False if somebody else is about it."""
        state = await run(_TAKE)
        if not state:
            return False
        ((folded, announced),) = state
        last = max(folded, min(upto, announced))
        bounds: dict[str, Any] = {"folded": folded, "upto": last, **_AFTER_ALL}
        at_once = self.at_once or AT_ONCE[self.lines.dialect]
        if more := await run(_step_of_changes(at_once), bounds):
            bounds["upto"] = folded  # posts come after all changes
            bounds["end_list"], bounds["end_id"] = more[0]
        elif more := await run(_step(at_once), bounds):
            bounds["upto"] = more[0][0]
        changed = [_Mark(*row) for row in await run(_MARK, bounds)]
        lists = dict(map(tuple, await run(_TALLY, bounds)))
        changed += await self._begun(run, lists, {mark.list for mark in changed})
        await self._cut(run, changed, bounds)
        await self._clear(run, changed, lists)
        await run(_FORGET_CHANGES, bounds)
        await run(_MOVE, {"upto": bounds["upto"]})
        return None if more else True

    async def _begun(self, run: Run, lists: Mapping[str, int], marked: set[str]) -> "list[_Mark]":
        """The first marks of lists that are long now."""
        new = [
            {"list": list_, "level": level, "first_id": 0, "live": live}
            for list_, live in sorted(lists.items())
            if live >= 2 * self.measure.stretch and list_ not in marked
            for level in range(LEVELS)
        ]
        return [_Mark(*row) for row in await run(_BEGIN_MARKS, new)] if new else []

    async def _cut(self, run: Run, changed: "Sequence[_Mark]", bounds: Mapping[str, Any]) -> None:
        """Cut what became too long; the finest first, of which the others are made."""
        for level in range(LEVELS):
            stretch = self.measure.live(level)
            for mark in changed:
                if mark.level == level and mark.live >= 2 * stretch:
                    kind, parameters = listed(mark.list)
                    place = {**bounds, "first_id": mark.first_id}
                    await run(_cut(kind, level, stretch), {**parameters, **place})

    async def _clear(self, run: Run, changed: "Sequence[_Mark]", lists: Mapping[str, int]) -> None:
        """Forget what has become nothing; the coarsest first, which the others lean on."""
        for level in reversed(range(LEVELS)):
            empty = [
                {"list": mark.list, "level": level, "first_id": mark.first_id}
                for mark in changed
                if mark.level == level and mark.live == 0
            ]
            if empty:
                await run(_FORGET_MARK, empty)
        if none := [{"list": list_} for list_, live in sorted(lists.items()) if live == 0]:
            await run(_FORGET_TALLY, none)


@dataclass(frozen=True, slots=True)
class _Mark:
    list: str
    level: int
    first_id: int
    live: int
