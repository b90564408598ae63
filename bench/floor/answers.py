"""The answers of the floor: the same JSON as hashpost's."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from bench.scenarios import PAGE_SIZE

Row = Sequence[Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Tag(Struct):
    name: str


class Owner(Struct):
    id: int
    username: str


class Post(Struct):
    id_post: int
    text: str
    owner: Owner
    created_at: str
    edited_at: str | None
    tags: list[Tag]


class MatchedPost(Post):
    matched_tags: list[Tag]


class Page(Struct):
    count: int | None
    page: int
    page_size: int
    has_next: bool
    has_previous: bool
    next: str | None
    previous: str | None
    next_cursor: str | None
    result: Sequence[Post]


class Count(Struct):
    name: str
    count: int


class Tokens(Struct):
    access: str
    refresh: str
    token_type: str
    expires_in: int


def paged(rows: Sequence[Row], path: str, page: int) -> Page:
    """A page of rows that begin with the count."""
    count = rows[0][0] if rows else 0
    has_next = len(rows) > PAGE_SIZE
    return Page(
        count=count,
        page=page,
        page_size=PAGE_SIZE,
        has_next=has_next,
        has_previous=page > 1,
        next=f"{path}?page={page + 1}&page_size={PAGE_SIZE}" if has_next else None,
        previous=f"{path}?page={page - 1}&page_size={PAGE_SIZE}" if page > 1 else None,
        next_cursor=f"{rows[PAGE_SIZE - 1][1]:x}" if has_next else None,
        result=[post(row[1:]) for row in rows[:PAGE_SIZE]],
    )


def merged(rows: Sequence[Row], path: str) -> Page:
    """The first page of rows that begin with all favourites."""
    page = paged(rows, path, 1)
    page.count = None
    favorites = frozenset(rows[0][0].split()) if rows else frozenset()
    page.result = [
        MatchedPost(*values, [tag for tag in values[-1] if tag.name in favorites])
        for values in (_values(row[1:]) for row in rows[:PAGE_SIZE])
    ]
    return page


def post(row: Row) -> Post:
    """The post of a row of its columns."""
    return Post(*_values(row))


_Values = tuple[int, str, Owner, str, str | None, list[Tag]]


def _values(row: Row) -> _Values:
    post_id, owner_id, username, text, tags, edited_at = row
    return (
        post_id,
        text,
        Owner(owner_id, username),
        _timestamp(post_id >> 11),
        None if edited_at is None else _timestamp(edited_at),
        [Tag(name) for name in tags.split()],
    )


def _timestamp(milliseconds: int) -> str:
    at = _EPOCH + milliseconds * _MILLISECOND
    return at.isoformat(timespec="milliseconds")[:23] + "Z"
