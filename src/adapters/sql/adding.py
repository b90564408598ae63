"""New posts by one statement, where a statement can write to several tables: on PostgreSQL.

It is the one trip of a transaction that makes a post, besides its beginning and its end.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Select,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.selectable import TableValuedAlias

from hashpost.adapters.sql.rows import post_values
from hashpost.adapters.sql.statements import inline
from hashpost.adapters.sql.tables import changes, post_hashtags, posts
from hashpost.adapters.sql.tallies import ALL, ANNOUNCED, of_hashtag, of_user
from hashpost.domain.post import Post

_COLUMNS = {
    "id": BigInteger,
    "owner_id": BigInteger,
    "text": Text,
    "tags": Text,
    "edited_at": BigInteger,
    "deleted_at": BigInteger,
}


def _rows(name: str, columns: dict[str, Any]) -> TableValuedAlias:
    """The rows of as many arrays as there are columns; each is the parameter of that name."""
    arrays = (cast(bindparam(f"{name}_{each}"), ARRAY(type_)) for each, type_ in columns.items())
    typed = (column(each, type_) for each, type_ in columns.items())
    return func.unnest(*arrays).table_valued(*typed).render_derived(name)


def _add() -> Select[Any]:
    """The ids that were free, and whose posts are kept now, in all their lists."""
    new, tagged = _rows("new", _COLUMNS), _rows("tagged", {"name": Text, "post_id": BigInteger})
    added = (
        postgresql.insert(posts)
        .from_select([*_COLUMNS], select(*(new.c[each] for each in _COLUMNS)))
        .on_conflict_do_nothing(index_elements=[posts.c.id])
        .returning(posts.c.id, posts.c.owner_id, posts.c.deleted_at)
        .cte("added")
    )
    entry = select(tagged.c.name, tagged.c.post_id).join_from(
        tagged, added, added.c.id == tagged.c.post_id
    )
    entered = insert(post_hashtags).from_select(["name", "post_id"], entry).cte("entered")
    is_live = added.c.deleted_at.is_(None)
    lists = union_all(
        select(literal_column(f"'{ALL}'", Text).label("list"), added.c.id).where(is_live),
        select(of_user(added.c.owner_id), added.c.id).where(is_live),
        select(of_hashtag(tagged.c.name), added.c.id).join_from(
            tagged, added, added.c.id == tagged.c.post_id
        ),
    ).subquery("lists")
    change = select(lists.c.list, lists.c.id, inline(1), ANNOUNCED).where(lists.c.id <= ANNOUNCED)
    columns = ["list", "post_id", "delta", "announced"]
    changed = insert(changes).from_select(columns, change).cte("changed")
    return select(added.c.id).add_cte(entered, changed)


ADD = _add()


def add_values(posts: Sequence[Post]) -> dict[str, list[Any]]:
    """The parameters of `ADD` for these posts."""
    rows = [post_values(post) for post in posts]
    entries = [
        (name, post.id) for post in posts if post.deleted_at is None for name in sorted(post.tags)
    ]
    return {
        **{f"new_{each}": [row[each] for row in rows] for each in _COLUMNS},
        "tagged_name": [name for name, _ in entries],
        "tagged_post_id": [post_id for _, post_id in entries],
    }
