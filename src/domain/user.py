"""Users, and what their names, passwords and addresses must look like."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

from hashpost.domain.characters import is_storable
from hashpost.domain.errors import FieldError
from hashpost.domain.ids import start_of_day, time_of

USERNAME_MAX_LENGTH = 30
PASSWORD_MIN_LENGTH = 8
PASSWORD_MAX_LENGTH = 256
EMAIL_MAX_LENGTH = 254
"""The longest path that fits an SMTP command, without its angle brackets (RFC 5321, 4.5.3.1.3)."""

DIGEST_EVERY = timedelta(days=7)

USERNAME_PATTERN = r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,28}[A-Za-z0-9_])?"
_USERNAME = re.compile(USERNAME_PATTERN)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in and write posts.

    `password_hash` is None for a user whom no password lets in (one made by an import).
    `generation` is carried by every access token and every session; raising it ends them all.
    `digest_at` is when the last weekly digest was due. Of a deleted user only the id and the name
    are left, which nobody else can take.
    """

    id: int
    username: str
    email: str | None
    password_hash: str | None
    generation: int = 0
    weekly_digest: bool = False
    digest_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether the user has gone, with every post and every token."""
        return self.deleted_at is not None

    @property
    def created_at(self) -> datetime:
        """When the user signed up, in UTC."""
        return time_of(self.id)

    def with_password(self, password_hash: str) -> "User":
        """The user with another password, with which every token of the old one is dead."""
        return replace(self, password_hash=password_hash, generation=self.generation + 1)

    def deleted(self, *, at: datetime) -> "User":
        """What is left of the user: no way in, no address, and the name."""
        return User(
            id=self.id,
            username=self.username,
            email=None,
            password_hash=None,
            generation=self.generation + 1,
            deleted_at=at,
        )

    def with_digest(self, *, weekly: bool) -> "User":
        """The user, who wants the weekly digest or does not."""
        return replace(self, weekly_digest=weekly)

    def awaits_digest(self, *, at: datetime) -> bool:
        """Whether a digest is due: it is wanted, and the last one is seven days of UTC ago."""
        if not self.weekly_digest or self.email is None:
            return False
        return (
            self.digest_at is None
            or start_of_day(at) - start_of_day(self.digest_at) >= DIGEST_EVERY
        )

    def digest_since(self, *, at: datetime) -> datetime:
        """From when on posts are new to this user's digest of that moment."""
        return at - DIGEST_EVERY if self.digest_at is None else self.digest_at

    def digested(self, *, at: datetime) -> "User":
        """The user after a digest was due."""
        return replace(self, digest_at=at)

    def __repr__(self) -> str:
        return f"User(id={self.id}, username={self.username!r})"


def username_key(username: str) -> str:
    """What two spellings of one username have in common: names are unique without regard to case.

    Only A–Z are folded: anything else cannot be in a username and must not match one.
    """
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in username)


def email_key(email: str) -> str:
    """What two spellings of one address have in common: A–Z are folded, nothing else."""
    return username_key(email)


def username_faults(username: str) -> Iterator[FieldError]:
    """What is wrong with a new username."""
    if _USERNAME.fullmatch(username) is None:
        yield FieldError(
            "username",
            f"1 to {USERNAME_MAX_LENGTH} of A-Z a-z 0-9 _ . -, "
            "the first and the last a letter, a digit or _",
        )


def password_faults(
    password: str,
    *,
    username: str | None,
    min_length: int = PASSWORD_MIN_LENGTH,
    field: str = "password",
) -> Iterator[FieldError]:
    """What is wrong with a new password, for a user of that name (NIST SP 800-63B, 3.1.1.2)."""
    if not is_storable(password):
        yield FieldError(field, "no NUL and no lone surrogate")
    elif not min_length <= len(password) <= PASSWORD_MAX_LENGTH:
        yield FieldError(field, f"{min_length} to {PASSWORD_MAX_LENGTH} characters")
    elif username is not None and password.casefold() == username.casefold():
        yield FieldError(field, "anything but the username")
    elif password.casefold() in common_passwords():
        yield FieldError(field, "not one of the commonest passwords")


@cache
def common_passwords() -> frozenset[str]:
    """The 3,000 commonest passwords, case-folded: each stands for all of its spellings."""
    text = files("hashpost.domain").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.casefold() for line in text.splitlines())
