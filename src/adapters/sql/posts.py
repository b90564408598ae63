"""Posts, and their entries in the timelines of hashtags."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Insert,
    Select,
    SmallInteger,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    select,
    true,
    union_all,
    update,
)

from hashpost.adapters.sql.adding import ADD, add_values
from hashpost.adapters.sql.rows import SINGLE_POST, post_columns, post_of, post_values, slice_of
from hashpost.adapters.sql.statements import inline, insert_new, insert_new_returning, is_among
from hashpost.adapters.sql.tables import (
    changes,
    deleted_users,
    post_hashtags,
    posts,
)
from hashpost.adapters.sql.tallies import ALL, ANNOUNCED, lists_of, of_hashtag, of_user
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.ids import unix_ms
from hashpost.domain.post import Post
from hashpost.domain.timeline import Slice

_ADD = insert_new_returning(posts)
_ENTER = insert_new(post_hashtags)
_TAKEN = select(posts.c.id).where(is_among(posts.c.id, "ids"))
_BY_ID = select(*SINGLE_POST).where(posts.c.id == bindparam("id"))
_FOR_CHANGE = _BY_ID.with_for_update(of=posts)
_SAVE = (
    update(posts)
    .where(posts.c.id == bindparam("post"))
    .values({name: bindparam(name) for name in ("text", "tags", "edited_at", "deleted_at")})
)
_LEAVE = delete(post_hashtags).where(
    post_hashtags.c.post_id == bindparam("post"),
    is_among(post_hashtags.c.name, "names"),
)
_LEAVE_ALL = delete(post_hashtags).where(post_hashtags.c.post_id == bindparam("post"))
_FORGET = delete(posts).where(posts.c.id == bindparam("post"))
_AT = bindparam("at", type_=BigInteger)
_DELETE = (
    update(posts)
    .where(posts.c.id == bindparam("post"))
    # Not before the last edit, as when an owner deletes it.
    .values(deleted_at=case((posts.c.edited_at > _AT, posts.c.edited_at), else_=_AT))
)

_CHANGE = insert(changes).from_select(
    ["list", "post_id", "delta", "announced"],
    select(
        bindparam("list", type_=Text),
        bindparam("post", type_=BigInteger),
        bindparam("delta", type_=SmallInteger),
        ANNOUNCED,
    ).where(bindparam("post") <= ANNOUNCED),
)


def _leave_lists() -> Insert:
    is_live = (posts.c.id == bindparam("post"), posts.c.deleted_at.is_(None))
    entry = post_hashtags.c.post_id == bindparam("post")
    lists = (
        select(literal_column(f"'{ALL}'", Text).label("list")).where(*is_live),
        select(of_user(posts.c.owner_id)).where(*is_live),
        select(of_hashtag(post_hashtags.c.name)).where(entry),
    )
    left = union_all(*lists).subquery("left_lists")
    return insert(changes).from_select(
        ["list", "post_id", "delta", "announced"],
        select(left.c.list, bindparam("post", type_=BigInteger), inline(-1), ANNOUNCED).where(
            bindparam("post") <= ANNOUNCED
        ),
    )


_LEAVE_LISTS = _leave_lists()


@cache
def _deleted(limit: int) -> Select[Any]:
    # A post that somebody holds is perhaps being restored; the next purge will see.
    return (
        select(posts.c.id)
        .where(posts.c.deleted_at < bindparam("before"))
        .order_by(posts.c.deleted_at)
        .limit(inline(limit))
        .with_for_update(skip_locked=True)
    )


_REVEAL = delete(deleted_users).where(deleted_users.c.user_id == bindparam("owner"))
_IS_HIS = posts.c.owner_id == bindparam("owner")
_DELETED_SINCE = (_IS_HIS, posts.c.deleted_at > bindparam("since", type_=BigInteger))


def _some_of(limit: int) -> CompoundSelect[Any]:
    """Posts of a user, live ones and deleted ones, each half from its index."""
    halves = (
        select(posts.c.id).where(_IS_HIS, is_it).order_by(posts.c.id).limit(inline(limit))
        for is_it in (posts.c.deleted_at.is_(None), posts.c.deleted_at.is_not(None))
    )
    return union_all(*(half.subquery().select() for half in halves))


_HAS_SOME = _some_of(1)


@cache
def _of(limit: int) -> Select[Any]:
    """Posts of a user, to be erased."""
    ids = _some_of(limit).subquery()
    # All who lock several posts do so by id, so nobody waits for ever.
    return (
        select(posts.c.id)
        .where(posts.c.id.in_(select(ids.c.id)))
        .order_by(posts.c.id)
        .limit(inline(limit))
        .with_for_update()
    )


@cache
def _deleted_of(limit: int) -> Select[Any]:
    """A page of a user's deleted posts and their count, in one statement."""
    page = (
        select(posts.c.id)
        .where(*_DELETED_SINCE)
        .order_by(posts.c.deleted_at.desc(), posts.c.id.desc())
        .limit(inline(limit))
        .offset(bindparam("offset", type_=BigInteger))
        .subquery("page")
    )
    found = select(*posts.c).join_from(page, posts, posts.c.id == page.c.id).subquery("found")
    total = select(func.count().label("count")).where(*_DELETED_SINCE).subquery("total")
    return (
        select(*post_columns(found), total.c.count)
        .select_from(total.outerjoin(found, true()))
        .order_by(found.c.deleted_at.desc(), found.c.id.desc())
    )


@cache
def _old(limit: int) -> Select[Any]:
    # Who holds one of them is waited for; what is deleted by then is passed over, what is edited
    # is taken as it is by then. All who lock several posts do so by id, so nobody waits for ever.
    return (
        select(posts.c.id)
        .where(posts.c.deleted_at.is_(None), posts.c.id < bindparam("below"))
        .order_by(posts.c.id)
        .limit(inline(limit))
        .with_for_update()
    )


@dataclass(slots=True)
class SqlPosts:
    """Posts, each one row, and one row for every hashtag of a live one."""

    run: Run
    writes: int = 0
    """How many posts came to timelines, left them or changed."""

    async def add(self, posts: Sequence[Post]) -> Collection[int]:
        """Keep new posts; the database says which ids were free."""
        if not posts:
            return ()
        ordered = sorted(posts, key=lambda post: post.id)
        if self.run.dialect == "postgresql":
            kept = {id_ for (id_,) in await self.run(ADD, add_values(ordered))}
            self.writes += len(kept)
        else:
            kept = await self._add_by_parts(ordered)
        return {post.id for post in ordered} - kept

    async def _add_by_parts(self, posts: Sequence[Post]) -> set[int]:
        """Keep the posts whose ids are free, table by table; these ids."""
        kept = {id_ for (id_,) in await self.run(_ADD, [post_values(post) for post in posts])}
        live = [post for post in posts if post.id in kept and post.deleted_at is None]
        await self._enter((name, post.id) for post in live for name in post.tags)
        await self._change([(post.id, list_, 1) for post in live for list_ in lists_of(post)])
        return kept

    async def taken(self, ids: Collection[int]) -> Collection[int]:
        """Of these ids, those of posts."""
        return {id_ for (id_,) in await self.run(_TAKEN, {"ids": list(ids)})}

    async def by_id(self, post_id: int) -> Post | None:
        """The post with that id, live or deleted."""
        rows = await self.run(_BY_ID, {"id": post_id})
        return post_of(rows[0]) if rows else None

    async def for_change(self, post_id: int) -> Post | None:
        """The post with that id, its row locked until the end."""
        rows = await self.run(_FOR_CHANGE, {"id": post_id})
        return post_of(rows[0]) if rows else None

    async def save(self, before: Post, after: Post) -> None:
        """Keep the next state of a post, and move its entries along."""
        values = post_values(after)
        was, is_ = lists_of(before), lists_of(after)
        await self._change(
            [(after.id, list_, -1) for list_ in was - is_]
            + [(after.id, list_, 1) for list_ in is_ - was]
        )
        await self.run(
            _SAVE,
            {"post": after.id}
            | {name: values[name] for name in ("text", "tags", "edited_at", "deleted_at")},
        )
        if after.deleted_at is not None:
            await self.run(_LEAVE_ALL, {"post": after.id})
            return
        if gone := set(before.tags) - set(after.tags):
            await self.run(_LEAVE, {"post": after.id, "names": sorted(gone)})
        # All of them and not only the new ones: a deleted post that comes back has no entries.
        await self._enter((name, after.id) for name in after.tags)

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget posts that were deleted; what is deleted has no entries."""
        rows = await self.run(_deleted(limit), {"before": unix_ms(before)})
        if rows:
            await self.run(_FORGET, [{"post": id_} for (id_,) in rows])
        return len(rows)

    async def erase(self, *, owner_id: int, limit: int) -> int:
        """Forget posts of a user; once there are none there is nothing to hide any more."""
        while not (rows := await self.run(_of(limit), {"owner": owner_id})):
            # Whoever waited for another erasure finds none of what that has erased meanwhile.
            if not await self.run(_HAS_SOME, {"owner": owner_id}):
                await self.run(_REVEAL, {"owner": owner_id})
                return 0
        erased = [{"post": id_} for (id_,) in rows]
        await self._leave(erased)
        await self.run(_LEAVE_ALL, erased)
        await self.run(_FORGET, erased)
        return len(rows)

    async def deleted_of(self, owner_id: int, *, since: datetime, offset: int, limit: int) -> Slice:
        """The user's posts that were deleted after that moment, the last deleted first."""
        parameters = {"owner": owner_id, "since": unix_ms(since), "offset": offset}
        return slice_of(await self.run(_deleted_of(limit), parameters))

    async def delete_old(self, *, below: int, at: datetime, limit: int) -> int:
        """Delete softly live posts with ids below that, oldest first."""
        rows = await self.run(_old(limit), {"below": below})
        if rows:
            moment = unix_ms(at)
            await self._leave([{"post": id_} for (id_,) in rows])
            await self.run(_DELETE, [{"post": id_, "at": moment} for (id_,) in rows])
            await self.run(_LEAVE_ALL, [{"post": id_} for (id_,) in rows])
        return len(rows)

    async def _enter(self, entries: Iterable[tuple[str, int]]) -> None:
        rows = [{"name": name, "post_id": post_id} for name, post_id in sorted(entries)]
        if rows:
            await self.run(_ENTER, rows)

    async def _change(self, changes: Sequence[tuple[int, str, int]]) -> None:
        """Keep what came to lists, or left them, where the watermark was announced already."""
        if changes:
            self.writes += len({post_id for post_id, _, _ in changes})
            await self.run(
                _CHANGE,
                [
                    {"post": post_id, "list": list_, "delta": delta}
                    for post_id, list_, delta in sorted(changes)
                ],
            )

    async def _leave(self, posts: Sequence[dict[str, int]]) -> None:
        """The same, for live posts among these that are about to leave all their lists."""
        self.writes += len(posts)
        await self.run(_LEAVE_LISTS, posts)
