"""What is stored of every post, for a recount."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select

from hashpost.adapters.sql.rows import tags_of
from hashpost.adapters.sql.tables import post_hashtags, posts
from hashpost.adapters.sql.transaction import Run
from hashpost.application.ports import Audited

# The entries of a post are looked up by post, whatever its tags say: that shows those too that
# should not be there.
_SPACE: Any = literal_column("' '")
_LISTED = select(func.aggregate_strings(post_hashtags.c.name, _SPACE)).where(
    post_hashtags.c.post_id == posts.c.id
)

STEP = 10_000
"""Entries that one statement looks for strays in; each takes far less than a statement may."""


@cache
def _posts(limit: int) -> Select[Any]:
    return (
        select(
            posts.c.id, posts.c.text, posts.c.deleted_at, posts.c.tags, _LISTED.scalar_subquery()
        )
        .where(posts.c.id > bindparam("after"))
        .order_by(posts.c.id)
        .limit(literal_column(str(int(limit))))
    )


@cache
def _step_end(step: int) -> Select[Any]:
    entries = (
        select(post_hashtags.c.post_id)
        .where(post_hashtags.c.post_id > bindparam("after"))
        .order_by(post_hashtags.c.post_id)
        .limit(literal_column(str(int(step))))
        .subquery()
    )
    return select(func.max(entries.c.post_id))


# A sub-select that is a look-up, and not an anti-join: that may read all posts for each step.
_STRAYS = (
    select(post_hashtags.c.name, post_hashtags.c.post_id)
    .where(
        post_hashtags.c.post_id > bindparam("after"),
        post_hashtags.c.post_id <= bindparam("upto"),
        select(posts.c.id).where(posts.c.id == post_hashtags.c.post_id).scalar_subquery().is_(None),
    )
    .order_by(post_hashtags.c.post_id, post_hashtags.c.name)
)


@dataclass(frozen=True, slots=True)
class SqlAudit:
    """Posts with their entries, and entries without posts."""

    run: Run
    step: int = STEP

    async def posts(self, *, after: int, limit: int) -> Sequence[Audited]:
        """At most `limit` posts with ids above `after`, each as it is at one moment."""
        rows = await self.run(_posts(limit), {"after": after})
        return [
            Audited(
                post_id=post_id,
                text=text,
                is_live=deleted_at is None,
                tags=tags_of(tags),
                listed=frozenset(tags_of(listed)),
            )
            for post_id, text, deleted_at, tags, listed in rows
        ]

    async def strays(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """At most `limit` entries whose posts do not exist, found step by step."""
        strays: list[tuple[str, int]] = []
        after = 0
        while len(strays) < limit:
            ((upto,),) = await self.run(_step_end(self.step), {"after": after})
            if upto is None:
                break
            for name, post_id in await self.run(_STRAYS, {"after": after, "upto": upto}):
                strays.append((name, post_id))
            after = upto
        return strays[:limit]
