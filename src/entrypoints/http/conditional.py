"""Conditional requests: what a caller has already, or means to change (RFC 9110, section 13).

A post has a strong entity tag, its version. A list has a weak one, a digest of its representation:
whoever polls it learns by a few bytes that nothing has changed.

What is no list of entity tags matches nothing: then an answer is given in full, and a change is not
made.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from hashpost.entrypoints.http.asgi import Answer, Header

_TAG: Final = re.compile(rb'(W/)?"([!#-~\x80-\xff]*)"')
_TAGS: Final = re.compile(rb"[ \t,]*(?:%b[ \t]*(?:,[ \t,]*|\Z))+" % _TAG.pattern)
_DIGEST_BYTES: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tags:
    is_any: bool = False
    strong: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()


def versions(headers: Iterable[Header]) -> frozenset[str] | None:
    """The versions that If-Match allows to be changed; None if any is."""
    tags = _tags(headers, b"if-match")
    return None if tags is None or tags.is_any else tags.strong


def etag_of(version: str) -> Header:
    """The header with the strong entity tag of a version."""
    return b"etag", b'"%b"' % version.encode()


def unless_known(
    headers: Iterable[Header], answer: Answer, *, version: str | None = None
) -> Answer:
    """The answer, or 304 where If-None-Match says that the caller has it.

    Without a `version`, which has a strong tag, it gets the weak tag of what it holds.
    """
    tag = version or _digest(answer.body)
    etag = etag_of(version) if version else (b"etag", b'W/"%b"' % tag.encode())
    tags = _tags(headers, b"if-none-match")
    if tags is not None and (tags.is_any or tag in tags.all):
        return Answer(304, headers=(etag,), content_type=None)
    return Answer(answer.status, answer.body, (*answer.headers, etag), answer.content_type)


def _digest(body: bytes) -> str:
    return urlsafe_b64encode(sha256(body).digest()[:_DIGEST_BYTES]).decode()


def _tags(headers: Iterable[Header], name: bytes) -> _Tags | None:
    """The entity tags of a header, or None without one."""
    values = [value for each, value in headers if each == name]
    if not values:
        return None
    text = b",".join(values).strip(b" \t")
    if text == b"*":
        return _Tags(is_any=True)
    found = _TAG.findall(text) if _TAGS.fullmatch(text) else []
    tags = [(weak, tag.decode("latin-1")) for weak, tag in found]
    return _Tags(
        strong=frozenset(tag for weak, tag in tags if not weak),
        all=frozenset(tag for _, tag in tags),
    )
