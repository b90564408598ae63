"""Hiding the posts of users who are deleted, until a job has erased them.

A user may have a million posts; they are gone in the transaction that deletes the user all the
same. Nothing else could be bounded and exact: whoever reads passes them over. That is nothing at
nearly all times, so each statement comes in two forms. The swift one knows nothing of hidden posts
and also tells, of the same moment, whether there are any. Only if so the other one is run, whose
answer is right in any case; it costs more, for the seconds that the job takes.
"""

from typing import Protocol

from sqlalchemy import ColumnElement, Executable, exists, select

from hashpost.adapters.sql.tables import deleted_users, posts
from hashpost.adapters.sql.transaction import Parameters, Rows, Run

_ARE_HIDDEN = exists(select(deleted_users.c.user_id)).label("are_hidden")
_GONE = select(deleted_users.c.user_id)


def telling(*, hiding: bool) -> tuple[ColumnElement[bool], ...]:
    """The last column of the swift form, by which it tells; the other has none."""
    return () if hiding else (_ARE_HIDDEN,)


def is_shown(owner_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that the posts of that owner are not hidden."""
    return owner_id.not_in(_GONE)


def is_shown_post(post_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that the post of that id is not hidden, where few are asked about."""
    owner = select(posts.c.owner_id).where(posts.c.id == post_id).scalar_subquery()
    return is_shown(owner)


def is_shown_among_many(post_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that the live post of that id is not hidden, where many are counted.

    PostgreSQL then gathers what is hidden once, which takes a fifth of the time of looking up the
    owner of each post; to SQLite it is all the same.
    """
    hidden = (
        select(posts.c.id)
        .join_from(posts, deleted_users, posts.c.owner_id == deleted_users.c.user_id)
        .where(posts.c.id == post_id, posts.c.deleted_at.is_(None))
    )
    return ~hidden.exists()


class Forms(Protocol):
    """Gives a statement in either form."""

    def __call__(self, *, hiding: bool) -> Executable:
        """The statement that hides, or the swift one, which ends with `telling`."""
        ...


async def run_hiding(run: Run, forms: Forms, parameters: Parameters = None) -> Rows:
    """The rows of a statement, without what is hidden; they may end with `telling`.

    No rows of the swift form need no second look: hiding makes answers smaller, never larger.
    """
    rows = await run(forms(hiding=False), parameters)
    if rows and rows[0][-1]:
        return await run(forms(hiding=True), parameters)
    return rows
