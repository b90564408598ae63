"""Posts, and their entries in the timelines of hashtags."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from hashpost.adapters.sql.rows import POST, post_of, post_values
from hashpost.adapters.sql.statements import insert_new, insert_new_returning
from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.transaction import Run
from hashpost.domain.post import Post

_ADD = insert_new_returning(posts)
_ENTER = insert_new(post_hashtags)
_TAKEN = select(posts.c.id).where(posts.c.id.in_(bindparam("ids", expanding=True)))
_BY_ID = select(*POST).where(posts.c.id == bindparam("id"))
_FOR_CHANGE = _BY_ID.with_for_update(of=posts)
_SAVE = (
    update(posts)
    .where(posts.c.id == bindparam("post"))
    .values({name: bindparam(name) for name in ("text", "tags", "edited_at", "deleted_at")})
)
_LEAVE = delete(post_hashtags).where(
    post_hashtags.c.post_id == bindparam("post"),
    post_hashtags.c.name.in_(bindparam("names", expanding=True)),
)
_LEAVE_ALL = delete(post_hashtags).where(post_hashtags.c.post_id == bindparam("post"))


@dataclass(frozen=True, slots=True)
class SqlPosts:
    """Posts, each one row, and one row for every hashtag of a live one."""

    run: Run

    async def add(self, posts: Sequence[Post]) -> Collection[int]:
        """Keep new posts; the database says which ids were free."""
        if not posts:
            return ()
        ordered = sorted(posts, key=lambda post: post.id)
        kept = {id_ for (id_,) in await self.run(_ADD, [post_values(post) for post in ordered])}
        await self._enter(
            (name, post.id)
            for post in ordered
            if post.id in kept and post.deleted_at is None
            for name in post.tags
        )
        return {post.id for post in ordered} - kept

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

    async def _enter(self, entries: Iterable[tuple[str, int]]) -> None:
        rows = [{"name": name, "post_id": post_id} for name, post_id in sorted(entries)]
        if rows:
            await self.run(_ENTER, rows)
