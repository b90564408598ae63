"""Hiding the posts of users who are deleted, until a job has erased them.

A user may have a million posts; they are gone in the transaction that deletes the user all the
same. Nothing else could be bounded and exact: whoever reads passes them over, and takes them off
what is counted. There are none at nearly all times, so each statement comes in two forms. The swift
one knows nothing of hidden posts and also tells, of the same moment, whether there are any. Only if
so the other one is run, whose answer is right in any case; it costs more by what is hidden, for the
seconds that the job takes.
"""

from typing import Protocol

from sqlalchemy import ColumnElement, Executable, and_, exists, select

from hashpost.adapters.sql.statements import inline, is_one_of
from hashpost.adapters.sql.tables import deleted_users, posts
from hashpost.adapters.sql.transaction import Parameters, Rows, Run

_ARE_HIDDEN = exists(select(deleted_users.c.user_id)).label("are_hidden")
_GONE = select(deleted_users.c.user_id)

hidden = posts.alias("hidden")
IS_HIDDEN = and_(hidden.c.deleted_at.is_(None), is_one_of(hidden.c.owner_id, _GONE))
"""The condition that a post of `hidden` is live, and yet not shown."""
HIDDEN_ID = hidden.c.id + inline(0)
"""Its id, in a form that no index has: so it is found by its owner, and not in a range of ids."""


def telling(*, hiding: bool) -> tuple[ColumnElement[bool], ...]:
    """The last column of the swift form, by which it tells; the other has none."""
    return () if hiding else (_ARE_HIDDEN,)


def is_shown(owner_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that the posts of that owner are not hidden."""
    return owner_id.not_in(_GONE)


def is_shown_post(post_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that the post of that id is not hidden."""
    owner = select(posts.c.owner_id).where(posts.c.id == post_id).scalar_subquery()
    return is_shown(owner)


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
