"""Problem documents (RFC 9457): which status an error has, and what is told of it."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from hashpost.domain.errors import (
    Conflict,
    Forbidden,
    HashpostError,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
)
from hashpost.entrypoints.http.schemas import FieldProblem, Problem

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:hashpost:problem:"
RETRY_AFTER_SECONDS: Final = 2


class MalformedRequest(HashpostError):
    """It cannot be read at all."""

    code = "malformed-request"
    title = "The request cannot be read"


class MethodNotAllowed(HashpostError):
    """The path is known, but not with this method."""

    code = "method-not-allowed"
    title = "The path does not know this method"

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"Allowed here: {self.allowed}")


class RequestTimeout(HashpostError):
    """The request came too slowly."""

    code = "request-timeout"
    title = "The request took too long to arrive"


class TooLarge(HashpostError):
    """The body is longer than anything that is asked for."""

    code = "too-large"
    title = "The body is too large"


class UnsupportedMediaType(HashpostError):
    """The body is not said to be JSON, plain and in UTF-8."""

    code = "unsupported-media-type"
    title = "The body must be application/json, in UTF-8, without a content encoding"


class TooManyRequests(HashpostError):
    """The caller does this too often."""

    code = "too-many-requests"
    title = "This was asked too often"

    def __init__(self, *, retry_after: int = RETRY_AFTER_SECONDS) -> None:
        self.retry_after = retry_after
        super().__init__(f"Try again in {retry_after} s")


class HeadersTooLarge(HashpostError):
    """The header block is longer than any honest one."""

    code = "headers-too-large"
    title = "The header block is too large"


STATUSES: Final[Mapping[type[HashpostError], int]] = {
    MalformedRequest: 400,
    InvalidInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    RequestTimeout: 408,
    Conflict: 409,
    PreconditionFailed: 412,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    IdempotencyKeyReused: 422,
    TooManyRequests: 429,
    HeadersTooLarge: 431,
    HashpostError: 500,
    Unavailable: 503,
}
"""The status of every category of errors; a leaf has that of its category."""

_encoder = msgspec.json.Encoder()


def status_of(error: type[HashpostError]) -> int:
    """The status with which errors of this class are answered."""
    return next(STATUSES[each] for each in error.__mro__ if each in STATUSES)


def document(error: HashpostError) -> bytes:
    """The problem document that tells of the error."""
    problem = Problem(
        type=TYPE_PREFIX + error.code,
        title=error.title,
        status=status_of(type(error)),
        detail=_encodable(error.detail),
    )
    if isinstance(error, InvalidInput):
        problem.errors = [
            FieldProblem(field=_encodable(each.field), detail=_encodable(each.detail))
            for each in error.errors
        ]
    return _encoder.encode(problem)


def headers(error: HashpostError) -> list[tuple[bytes, bytes]]:
    """The headers that go with the error's document."""
    own = [(b"content-type", MEDIA_TYPE.encode())]
    match error:
        case Unauthenticated():
            own.append((b"www-authenticate", b"Bearer"))
        case MethodNotAllowed():
            own.append((b"allow", error.allowed.encode()))
        case TooManyRequests():
            own.append((b"retry-after", b"%d" % error.retry_after))
        case Unavailable():
            own.append((b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
    return own


def _encodable(text: str) -> str:
    """The text without lone surrogates, which a caller's names of members may hold."""
    return text.encode("utf-8", "backslashreplace").decode()
