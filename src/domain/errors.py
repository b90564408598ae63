"""Everything that can go wrong in the domain's own words.

A few categories under one root; the leaves carry the `code` that HTTP shows. An entrypoint maps
categories, never leaves, so a new leaf needs no change outside this module.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong input: the name of the field, and what would be right."""

    field: str
    detail: str


class HashpostError(Exception):
    """The root of all errors that hashpost raises on purpose."""

    code: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong here"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or self.title)

    @property
    def detail(self) -> str:
        """What happened, for a person, without secrets."""
        return str(self)


class InvalidInput(HashpostError):
    """Readable, but wrong: `errors` names every wrong field at once."""

    code = "invalid-input"
    title = "The input is wrong"

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.field}: {error.detail}" for error in self.errors))


class InvalidResetToken(InvalidInput):
    """Used, expired, or never given out; which of them is not told."""

    code = "invalid-reset-token"
    title = "The reset token is not valid"

    def __init__(self) -> None:
        super().__init__([FieldError("token", "one that was mailed within the last hour, unused")])


class Unauthenticated(HashpostError):
    """Nobody, or somebody whose proof does not hold (any more)."""

    code = "unauthenticated"
    title = "A valid access token is needed"


class Forbidden(HashpostError):
    """Somebody who may not do this."""

    code = "forbidden"
    title = "This is not allowed"


class NotFound(HashpostError):
    """The thing is not there, or not for the caller to see."""

    code = "not-found"
    title = "There is no such thing"


class Conflict(HashpostError):
    """Right in itself, but at odds with what is there already."""

    code = "conflict"
    title = "This conflicts with the present state"


class PreconditionFailed(HashpostError):
    """The thing is not in the state any more that the caller makes a condition."""

    code = "precondition-failed"
    title = "Somebody has changed this meanwhile"


class IdempotencyKeyReused(HashpostError):
    """The caller has used the key for another request already."""

    code = "idempotency-key-reused"
    title = "The idempotency key belongs to another request"


class Unavailable(HashpostError):
    """Not now: something this needs is overloaded or away; try again later."""

    code = "unavailable"
    title = "The service cannot do this right now"


class InvalidCredentials(Unauthenticated):
    """Unknown name or wrong password; which of the two is not told."""

    code = "invalid-credentials"
    title = "The username or the password is wrong"


class InvalidRefreshToken(Unauthenticated):
    """Spent, revoked, expired or unknown; which of them is not told."""

    code = "invalid-refresh-token"
    title = "The refresh token is not valid"


class NotTheOwner(Forbidden):
    """Only its owner may change a post."""

    code = "not-the-owner"
    title = "The post belongs to another user"


class PostNotFound(NotFound):
    """No such post, or a deleted one."""

    code = "post-not-found"
    title = "There is no such post"


class UserNotFound(NotFound):
    """No such user."""

    code = "user-not-found"
    title = "There is no such user"


class PageOutOfRange(NotFound):
    """The timeline ends before that page."""

    code = "page-out-of-range"
    title = "The timeline ends before this page"


class WrongPassword(Forbidden):
    """The password that should prove who acts is not the user's."""

    code = "wrong-password"
    title = "The password is wrong"


class MessageNotFound(NotFound):
    """No such message in the outbox, or one that was purged."""

    code = "message-not-found"
    title = "There is no such message"


class ScheduleNotFound(NotFound):
    """No periodic job of that name."""

    code = "schedule-not-found"
    title = "There is no such schedule"


class TooManyFavorites(Conflict):
    """The user has as many favourites as one may have."""

    code = "too-many-favorites"
    title = "There are too many favourites already"


class UsernameTaken(Conflict):
    """Somebody has this name already, in whatever case."""

    code = "username-taken"
    title = "The username is taken"


def require(*findings: Iterable[FieldError]) -> None:
    """Raise one `InvalidInput` with all findings, if there are any.

    Raises:
        InvalidInput: at least one finding was given.
    """
    errors = [error for finding in findings for error in finding]
    if errors:
        raise InvalidInput(errors)
