"""The reference model: what the service must answer, said as naively as possible.

It keeps everything in plain lists and dictionaries, counts by counting and pages by slicing. It
shares with the service only the extraction of hashtags, which is proved on its own.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hashpost.domain import hashtag
from hashpost.domain.characters import DEFAULT_IGNORABLE
from hashpost.domain.user import common_passwords

Answer = Any
"""What a call answers, in the plain form of JSON but with `datetime` for times; or a `Failure`."""

ACCESS_TTL = timedelta(minutes=15)
REFRESH_TTL = timedelta(days=30)
KEPT = timedelta(days=30)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed: the code of its error, and for wrong input the fields that it names."""

    code: str
    fields: frozenset[str] = frozenset()


NOBODY = Failure("unauthenticated")


def wrong(*fields: str) -> Failure:
    """The failure of a call whose input is wrong in these fields."""
    return Failure("invalid-input", frozenset(fields))


@dataclass(slots=True)
class ModelSession:
    """A log-in, with every refresh token that it led to, the current one last."""

    user_id: int
    chain: list[str]
    spent_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(slots=True)
class ModelAccess:
    """An access token."""

    session: ModelSession
    expires_at: datetime


@dataclass(slots=True)
class Model:
    """All that ever happened."""

    passwords: dict[int, str] = field(default_factory=dict)
    usernames: dict[int, str] = field(default_factory=dict)
    accesses: dict[str, ModelAccess] = field(default_factory=dict)
    sessions: list[ModelSession] = field(default_factory=list)
    posts: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    last_id: int = 0

    # Who

    def user_named(self, username: str) -> int | None:
        """The id of the user of that name in whatever case."""
        for user_id, name in self.usernames.items():
            if name.lower() == username.lower():
                return user_id
        return None

    def may_act(self, access: str, now: datetime) -> bool | None:
        """Whether the token is good; None when a read may and may not see that it has ended."""
        known = self.accesses.get(access)
        if known is None or now >= known.expires_at:
            return False
        if known.session.revoked_at is None:
            return True
        return None if now - known.session.revoked_at < timedelta(seconds=5) else False

    def actor(self, access: str) -> int:
        """The user of a token."""
        return self.accesses[access].session.user_id

    # What

    def live(self, keep: Any) -> list[dict[str, Any]]:
        """The live posts that `keep` accepts, newest first."""
        return [
            self.posts[post_id]
            for post_id in sorted(self.posts, reverse=True)
            if post_id not in self.deleted and keep(self.posts[post_id])
        ]

    def popular(self, limit: int) -> list[tuple[str, int]]:
        """The ranking, counted anew."""
        tags = [tag for post in self.live(lambda _: True) for tag in post["tags"]]
        ranked = sorted((-tags.count(tag), tag) for tag in set(tags))
        return [(tag, -count) for count, tag in ranked[:limit]]


def sign_up_faults(username: str, password: str, email: str | None) -> set[str]:
    """The wrong fields of a sign-up."""
    faults = set()
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
    if not (
        1 <= len(username) <= 30
        and all(character in letters + ".-" for character in username)
        and username[0] in letters
        and username[-1] in letters
    ):
        faults.add("username")
    if (
        not 8 <= len(password) <= 256
        or password.lower() == username.lower()
        or password.lower() in common_passwords()
        or "\x00" in password
    ):
        faults.add("password")
    if email is not None and email.count("@") != 1:
        faults.add("email")
    return faults


def text_is_wrong(text: str) -> bool:
    """Whether a post may not have that text."""
    categories = [unicodedata.category(character) for character in text]
    return (
        not 1 <= len(text) <= 5000
        or any(
            category == "Cs" or (category == "Cc" and character not in "\n\t")
            for character, category in zip(text, categories, strict=True)
        )
        or all(
            character.isspace() or category == "Cf" or is_ignorable(character)
            for character, category in zip(text, categories, strict=True)
        )
        or len(hashtag.names(text)) > 50
    )


def is_ignorable(character: str) -> bool:
    """Whether Unicode says that the character may be left out when it is shown."""
    if character in DEFAULT_IGNORABLE.replace("-", ""):
        return True
    parts = DEFAULT_IGNORABLE.split("-")
    return any(left[-1] <= character <= right[0] for left, right in pairwise(parts))
