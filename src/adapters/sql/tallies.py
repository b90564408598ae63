"""Exact counts, and places deep in a timeline, at a price that does not grow.

Counting a million posts takes a tenth of a second, and a counter that every new post changes makes
all writers wait for each other. So a new post changes no counter. There is a watermark, a post id,
and of each list (`list_of`) is kept how many live posts it has up to there: its tally. Later posts
are few, and counted from the index by whoever reads. What happens to posts at or before the
watermark afterwards (a deletion, a restoration, an edit of hashtags, a post that comes with an
older id) is kept as a change of so much, until the next roll-up (`rollups`) folds it in:

    count = tally + live posts after the watermark + changes at or before it

All of it is read by one statement, which sees one moment, so it is exact at every moment.

To find the place of a post by its number in a long list there are marks: how many live posts lie
between one id and the next, for stretches of some 512, of some 64 of these, and so on. Whoever
looks for a place adds up some numbers of a level, newest first, and goes on in the stretch in which
the sum passes what is looked for. A mark holds the number of its own stretch only: whatever happens
there changes one mark of each level.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    ScalarSelect,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)

from hashpost.adapters.sql.hiding import HIDDEN_ID, IS_HIDDEN, hidden, is_shown, is_shown_post
from hashpost.adapters.sql.statements import inline, is_one_of, least
from hashpost.adapters.sql.tables import (
    changes,
    deleted_users,
    marks,
    post_hashtags,
    posts,
    tallies,
    watermark,
)
from hashpost.domain.ids import MAX_ID
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagPosts, Timeline, UserPosts

ALL = "*"
LEVELS = 3
"""Levels of marks: 0 is the finest."""
PAST_ALL = MAX_ID + 1


@dataclass(frozen=True, slots=True)
class Measure:
    """How fine the marks are. It is the same for all who use a database, but may be changed."""

    stretch: int = 512
    """Live posts between two marks when they are made; from twice as many on, more are made."""
    fan: int = 64
    """How many stretches make one of the next level."""
    walk: int = 512
    """How many posts a reader rather passes one by one than look for marks."""

    def live(self, level: int) -> int:
        """Live posts between two marks of a level."""
        return self.stretch * int(self.fan**level)

    def levels(self, offset: int) -> int:
        """By how many levels of marks to look for a place: a level more costs as much as its fan.

        So few stretches of the coarsest are passed that one level more would not pay.
        """
        if offset < self.walk:
            return 0
        return next((level for level in range(1, LEVELS) if offset < self.live(level)), LEVELS)


def list_of(timeline: Timeline) -> str:
    """The name of the list that a timeline is."""
    match timeline:
        case AllPosts():
            return ALL
        case UserPosts(user_id):
            return f"@{user_id}"
        case HashtagPosts(hashtag):
            return f"#{hashtag}"


def timeline_of(list_: str) -> Timeline:
    """The timeline that a list is."""
    match list_[0]:
        case "@":
            return UserPosts(int(list_[1:]))
        case "#":
            return HashtagPosts(list_[1:])
        case _:
            return AllPosts()


def lists_of(post: Post) -> frozenset[str]:
    """The lists that a post is in."""
    if post.deleted_at is not None:
        return frozenset()
    return frozenset((ALL, f"@{post.owner.id}", *(f"#{name}" for name in post.tags)))


def of_user(user_id: ColumnElement[int]) -> ColumnElement[str]:
    """The name of the list of a user."""
    return literal_column("'@'", Text) + cast(user_id, Text)


def of_hashtag(name: ColumnElement[str]) -> ColumnElement[str]:
    """The name of the list of a hashtag."""
    return literal_column("'#'", Text) + name


ALL_HASHTAGS = (literal_column("'#'", Text), literal_column("'$'", Text))
"""The range of the lists of hashtags: no list is called "$", which comes right after "#"."""


def listed(list_: str) -> tuple[str, dict[str, Any]]:
    """The kind of a list, a key of `LISTINGS`, and the parameters by which it is found."""
    match timeline_of(list_):
        case AllPosts():
            return "all", {"list": list_}
        case UserPosts(user_id):
            return "user", {"list": list_, "owner": user_id}
        case HashtagPosts(hashtag):
            return "hashtag", {"list": list_, "name": hashtag}


_ZERO, _ONE = inline(0), inline(1)
LIST = bindparam("list", type_=Text)

FOLDED = select(watermark.c.folded).scalar_subquery()
"""The watermark."""
ANNOUNCED = select(watermark.c.announced).scalar_subquery()
"""Where it will be soon; what happens at or before it must be kept as a change."""


IS_ALIVE = changes.c.announced >= FOLDED
"""A condition that holds for all changes: they were announced since the watermark moved. To say so
leads past those that were folded in and are dead, but must be kept for somebody's transaction."""
PENDING = (IS_ALIVE, changes.c.post_id <= FOLDED)
"""What must be added to tallies."""


def is_after_watermark(post_id: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition that a post came after the watermark.

    With a bound that is none: of what is only greater than a number that it does not know
    PostgreSQL expects a third of the table, and reads it all; between two it expects few.
    """
    return and_(post_id > FOLDED, post_id < inline(PAST_ALL))


def total(value: ColumnElement[int]) -> ColumnElement[int]:
    """The sum, also of nothing, as an integer: PostgreSQL's own for BIGINT is a NUMERIC."""
    return func.coalesce(cast(func.sum(value), BigInteger), _ZERO)


def _alone(column: ColumnElement[int]) -> ScalarSelect[int]:
    """The column of the one row that there is."""
    return select(column).scalar_subquery()


# Those of deleted users, erased so far or not.
_HIDDEN_AT_MOST = (
    select(total(tallies.c.live))
    .where(is_one_of(tallies.c.list, select(of_user(deleted_users.c.user_id))))
    .scalar_subquery()
)
_TALLY = select(tallies.c.live).where(tallies.c.list == LIST).scalar_subquery()
_IS_PENDING = (changes.c.list == LIST, *PENDING)
_CHANGED = total(changes.c.delta)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as its index has it: the ids, and the conditions for being one of them.

    The parameter `list` has its name. `is_shown` says which of its posts are not hidden, and
    `has` whether a post of `hidden` is in it. One that `hides` is the list without these.
    """

    key: Column[int]
    conditions: tuple[ColumnElement[bool], ...]
    is_shown: ColumnElement[bool]
    has: ColumnElement[bool]
    hides: bool = False

    def hiding(self) -> "Listing":
        """The list without what is hidden.

        Tallies, changes and marks know nothing of that; so it is taken off, like changes of -1.
        """
        return replace(self, hides=True)

    @property
    def told(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions for being one that is told of."""
        return (*self.conditions, self.is_shown) if self.hides else self.conditions

    def counted(self) -> Select[Any]:
        """One row: the `tally`, what came `newer`, and by how much the rest has `changed`."""
        is_in_tail = (*self.told, is_after_watermark(self.key))
        changed = select(_CHANGED).where(*_IS_PENDING).scalar_subquery()
        return select(
            func.coalesce(_TALLY, _ZERO).label("tally"),
            select(func.count()).where(*is_in_tail).scalar_subquery().label("newer"),
            self._without_hidden(changed).label("changed"),
        )

    def recount(self) -> ColumnElement[int]:
        """How many live posts are in it, from the index alone: one by one."""
        return select(func.count()).where(*self.conditions).scalar_subquery()

    def newest(self) -> Select[Any]:
        """The ids, newest first."""
        return select(self.key.label("id")).where(*self.told).order_by(self.key.desc())

    def after(self, offset: ColumnElement[int], counted: CTE, *, levels: int) -> Select[Any]:
        """The ids after the `offset` newest, newest first, by so many levels of marks.

        Marks lead to a place that is at most as far: as if all that changed since they were made
        had come before it. The rest is walked, and everything where there is no such mark.
        """
        pending = select(func.count()).where(*_IS_PENDING).scalar_subquery()
        newer = _alone(counted.c.newer)
        # Beyond the end there is nothing: whoever asks is led to the last stretch.
        last = _alone(counted.c.tally) - _ONE
        wanted = select(least(offset - newer - pending, last).label("wanted")).cte("wanted")
        is_far = _alone(wanted.c.wanted) >= _ZERO
        place: FromClause = select(
            (FOLDED + _ONE).label("upto"), _ZERO.label("first_id"), _ZERO.label("newer")
        ).cte("everything")
        for level in reversed(range(levels)):
            place = _stretch(place, level, _alone(wanted.c.wanted))
        changed = select(_CHANGED).where(*_IS_PENDING, place.c.upto <= changes.c.post_id)
        passed = self._without_hidden(
            newer + place.c.newer + changed.scalar_subquery(), since=place.c.upto
        )
        end = select(case((is_far, place.c.upto), else_=inline(PAST_ALL)))
        walk = select(case((is_far, offset - passed), else_=offset)).select_from(place)
        return self.newest().where(self.key < end.scalar_subquery()).offset(walk.scalar_subquery())

    def _without_hidden(
        self, number: ColumnElement[int], *, since: ColumnElement[int] = _ZERO
    ) -> ColumnElement[int]:
        """The number, less the hidden posts from one id on to the watermark.

        Either each hidden post is looked up in the list, or each post of the list among the hidden
        ones: whichever are fewer.
        """
        if not self.hides:
            return number
        by_owner = select(func.count()).where(IS_HIDDEN, self.has, HIDDEN_ID.between(since, FOLDED))
        if self.key.table is posts:
            return number - by_owner.scalar_subquery()
        in_list = (*self.conditions, ~self.is_shown, self.key.between(since, FOLDED))
        by_list = select(func.count()).where(*in_list)
        is_short = func.coalesce(_TALLY, _ZERO) <= _HIDDEN_AT_MOST
        return number - case(
            (is_short, by_list.scalar_subquery()), else_=by_owner.scalar_subquery()
        )


def count(counted: FromClause) -> ColumnElement[int]:
    """How many live posts are in a list that was `counted`."""
    return counted.c.tally + counted.c.newer + counted.c.changed


def _stretch(place: FromClause, level: int, wanted: ScalarSelect[int]) -> FromClause:
    """The stretch of that level, within that of the level above, that `wanted` posts lead into.

    It goes from `first_id` up to, but not with, `upto`, and `newer` posts come after it. Where
    there is none, it is that of the level above.
    """
    newest_first = marks.c.first_id.desc()
    # Of integers: PostgreSQL's own sum of BIGINTs is a NUMERIC, and takes twice as long.
    so_far = func.sum(cast(marks.c.live, Integer)).over(order_by=newest_first, rows=(None, 0))
    # In one frame with the sum, so that one pass gives both.
    upto = func.lag(marks.c.first_id).over(order_by=newest_first, rows=(None, 0))
    stretches = (
        select(
            marks.c.first_id,
            func.coalesce(upto, _alone(place.c.upto)).label("upto"),
            (_alone(place.c.newer) + so_far).label("passed"),
            marks.c.live,
        )
        .where(
            marks.c.list == LIST,
            marks.c.level == inline(level),
            marks.c.first_id >= _alone(place.c.first_id),
            marks.c.first_id < _alone(place.c.upto),
        )
        .subquery(f"stretches_{level}")
    )
    # In the order in which they are summed up, so that it ends with the one that is looked for.
    found = (
        select(stretches)
        .where(stretches.c.passed > wanted)
        .order_by(stretches.c.first_id.desc())
        .limit(_ONE)
        .subquery(f"found_{level}")
    )
    return (
        select(
            func.coalesce(found.c.upto, place.c.upto).label("upto"),
            func.coalesce(found.c.first_id, place.c.first_id).label("first_id"),
            func.coalesce(found.c.passed - found.c.live, place.c.newer).label("newer"),
        )
        .select_from(place.outerjoin(found, true()))
        .cte(f"place_{level}")
    )


_IS_LIVE = posts.c.deleted_at.is_(None)
_OWNER, _NAME = bindparam("owner", type_=BigInteger), bindparam("name", type_=Text)
# A scalar sub-select can be nothing but a look-up, for each post that is hidden.
_HIDDEN_ENTRY = (
    select(post_hashtags.c.post_id)
    .where(post_hashtags.c.name == _NAME, post_hashtags.c.post_id == hidden.c.id)
    .scalar_subquery()
)

LISTINGS = {
    "all": Listing(posts.c.id, (_IS_LIVE,), is_shown(posts.c.owner_id), true()),
    "user": Listing(
        posts.c.id,
        (_IS_LIVE, posts.c.owner_id == _OWNER),
        is_shown(posts.c.owner_id),
        hidden.c.owner_id == _OWNER,
    ),
    "hashtag": Listing(
        post_hashtags.c.post_id,
        (post_hashtags.c.name == _NAME,),
        is_shown_post(post_hashtags.c.post_id),
        _HIDDEN_ENTRY.is_not(None),
    ),
}
"""All kinds of lists."""
