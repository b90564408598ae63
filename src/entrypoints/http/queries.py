"""Reading query strings, strictly, with every wrong parameter named at once."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from hashpost.domain.errors import FieldError, require
from hashpost.domain.ids import MAX_ID
from hashpost.domain.popularity import COMPLETION_LIMIT
from hashpost.domain.timeline import PAGE_SIZE, page_faults

_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page of a timeline is asked for."""

    page: int | None
    page_size: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class CompletionQuery:
    """Which completions are asked for."""

    prefix: str
    limit: int


def read_page(
    query_string: bytes,
    *,
    also: Iterable[FieldError] = (),
    faults: Callable[..., Iterable[FieldError]] = page_faults,
) -> PageQuery:
    """The page that is asked for.

    `faults` tells what the use case finds wrong with a page, page size and cursor. It is asked only
    if something else is wrong: the use case asks again.

    Raises:
        InvalidInput: names every wrong parameter, and the faults that were found elsewhere.
    """
    query = _Query(query_string)
    page = query.number("page")
    page_size = query.number("page_size")
    wanted = PageQuery(
        page=page,
        page_size=PAGE_SIZE if page_size is None else page_size,
        cursor=query.text("cursor"),
    )
    if unreadable := [*also, *query.faults]:
        readable = 1 if page is None and "page" in query.given else page
        beside = faults(page=readable, page_size=wanted.page_size, cursor=wanted.cursor)
        require(unreadable, beside)
    return wanted


def read_numbered_page(
    query_string: bytes, *, faults: Callable[..., Iterable[FieldError]]
) -> tuple[int, int]:
    """Number and size of the page that is asked for, of what knows no cursors.

    Raises:
        InvalidInput: names every wrong parameter; `faults` as for `read_page`.
    """
    query = _Query(query_string)
    page, page_size = query.number("page"), query.number("page_size")
    wanted = 1 if page is None else page, PAGE_SIZE if page_size is None else page_size
    if query.faults:
        require(query.faults, faults(page=wanted[0], page_size=wanted[1]))
    return wanted


@dataclass(frozen=True, slots=True)
class FilterQuery:
    """The hashtags of the posts that are asked for, as they came, and what cannot be read of them.

    A parameter that is not given, or cannot be read, has none.
    """

    any: Sequence[str] | None
    all: Sequence[str]
    none: Sequence[str]
    faults: Sequence[FieldError]

    @property
    def given(self) -> dict[str, str]:
        """The parameters that say so."""
        parts = {"any": self.any, "all": self.all, "none": self.none}
        return {name: ",".join(spellings) for name, spellings in parts.items() if spellings}


def read_filter(query_string: bytes) -> FilterQuery | None:
    """By what hashtags posts are asked for, if by any."""
    query = _Query(query_string)
    if query.given.keys().isdisjoint(("any", "all", "none")):
        return None
    return FilterQuery(
        any=query.texts("any"),
        all=query.texts("all") or (),
        none=query.texts("none") or (),
        faults=query.faults,
    )


def read_limit(query_string: bytes, *, default: int) -> int:
    """How long a ranking is asked for.

    Raises:
        InvalidInput: the limit is given twice, no plain number, or out of its range.
    """
    query = _Query(query_string)
    limit = query.number("limit")
    require(query.faults)
    return default if limit is None else limit


def read_completion(
    query_string: bytes, *, faults: Callable[..., Iterable[FieldError]]
) -> CompletionQuery:
    """What is to be completed, and how many completions are asked for.

    `faults` tells what the use case finds wrong with a prefix, None if it cannot be read, and a
    limit. It is asked only if something else is wrong: the use case asks again.

    Raises:
        InvalidInput: names every wrong parameter.
    """
    query = _Query(query_string)
    if "prefix" not in query.given:
        query.faults.append(FieldError("prefix", "this parameter is needed"))
    prefix = query.text("prefix")
    limit = query.number("limit")
    wanted = CompletionQuery(prefix or "", COMPLETION_LIMIT if limit is None else limit)
    if query.faults:
        require(query.faults, faults(prefix=prefix, limit=wanted.limit))
    return wanted


class _Query:
    """The parameters of a query (application/x-www-form-urlencoded, WHATWG URL, section 5.1)."""

    def __init__(self, query_string: bytes) -> None:
        self.faults: list[FieldError] = []
        self.given = _given(query_string)

    def text(self, name: str) -> str | None:
        """The value of a parameter, or None without one."""
        values = self.given.get(name, ())
        if len(values) > 1:
            self.faults.append(FieldError(name, "given once only"))
        elif None in values:
            self.faults.append(FieldError(name, "UTF-8, percent-encoded"))
        elif values:
            return values[0]
        return None

    def texts(self, name: str) -> Sequence[str] | None:
        """What stands between commas in a parameter, or None without one."""
        text = self.text(name)
        return None if text is None else text.split(",")

    def number(self, name: str) -> int | None:
        """The value of a parameter that is a number, or None without one."""
        text = self.text(name)
        if text is None:
            return None
        if _NUMBER.fullmatch(text) is None or int(text) > MAX_ID:
            self.faults.append(FieldError(name, f"a number in plain decimal digits, to {MAX_ID}"))
            return None
        return int(text)


@lru_cache(256)  # most callers ask for a first page
def _given(query_string: bytes) -> Mapping[str | None, Sequence[str | None]]:
    """The values of each name; None for what is not UTF-8."""
    given: dict[str | None, list[str | None]] = {}
    for part in query_string.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            given.setdefault(_decoded(name), []).append(_decoded(value))
    return given


def _decoded(part: bytes) -> str | None:
    """What a name or a value says, or None if it is not UTF-8: then it is no name of ours."""
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        return None
