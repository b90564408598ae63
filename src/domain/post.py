"""Posts: short texts of a user, from which the hashtags are read."""

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hashpost.domain import hashtag
from hashpost.domain.characters import DEFAULT_IGNORABLE
from hashpost.domain.errors import (
    FieldError,
    NotTheOwner,
    PostNotFound,
    PreconditionFailed,
    require,
)
from hashpost.domain.ids import time_of, unix_ms

TEXT_MAX_LENGTH = 5000
HASHTAGS_MAX = 50

_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_IGNORABLE = re.compile(f"[{DEFAULT_IGNORABLE}]")


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whose post it is, as shown with the post."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a soft delete promises: gone since `deleted_at`, restorable until `purge_at`."""

    id_post: int
    deleted_at: datetime
    purge_at: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """A text of its owner's; `tags` are the keys of its hashtags, in the order of the text.

    Written by `Post.written`; a change is a method that returns the next state. `edited_at` grows
    with every edit, by a millisecond at least, so id and `edited_at` together name a version.
    """

    id: int
    owner: Owner
    text: str
    tags: tuple[str, ...]
    edited_at: datetime | None = None
    deleted_at: datetime | None = None

    @classmethod
    def written(cls, *, id: int, owner: Owner, text: str) -> "Post":
        """A new post, its text trimmed and its hashtags read.

        Raises:
            InvalidInput: the text breaks a rule; the field is `text`.
        """
        text = checked_text(text)
        return cls(id=id, owner=owner, text=text, tags=hashtag.names(text))

    @property
    def created_at(self) -> datetime:
        """When the post was made, in UTC: the time that its id holds."""
        return time_of(self.id)

    @property
    def version(self) -> str:
        """A name for this state of the post; another state of it never had the same."""
        return f"{self.id}.{0 if self.edited_at is None else unix_ms(self.edited_at)}"

    def edited(
        self, *, by: int, text: str, at: datetime, versions: Collection[str] | None = None
    ) -> "Post":
        """The post with another text, and the hashtags of that text.

        `versions`, if given, are those of which the post must have one.

        Raises:
            PostNotFound: it is deleted.
            NotTheOwner: `by` is somebody else.
            PreconditionFailed: it has none of the versions.
            InvalidInput: the text breaks a rule; the field is `text`.
        """
        self._changeable(by=by, versions=versions)
        text = checked_text(text)
        after = (self.edited_at or self.created_at) + timedelta(milliseconds=1)
        return replace(self, text=text, tags=hashtag.names(text), edited_at=max(at, after))

    def deleted(self, *, by: int, at: datetime, versions: Collection[str] | None = None) -> "Post":
        """The post, softly deleted: its text is kept, no timeline shows it.

        `versions`, if given, are those of which the post must have one.

        Raises:
            PostNotFound: it is deleted already.
            NotTheOwner: `by` is somebody else.
            PreconditionFailed: it has none of the versions.
        """
        self._changeable(by=by, versions=versions)
        return replace(self, deleted_at=max(at, self.edited_at or self.created_at))

    def restored(self, *, by: int, at: datetime, kept_for: timedelta) -> "Post":
        """The post, live again as it was, its hashtags read anew; a live one is as it is.

        Raises:
            PostNotFound: it is somebody else's, or was deleted that long ago.
        """
        if self.owner.id != by:
            raise PostNotFound
        if self.deleted_at is None:
            return self
        if at >= self.deletion(kept_for=kept_for).purge_at:
            raise PostNotFound
        return replace(self, tags=hashtag.names(self.text), deleted_at=None)

    def deletion(self, *, kept_for: timedelta) -> Deletion:
        """What the deletion of this deleted post promises."""
        if self.deleted_at is None:
            raise ValueError("the post is live")
        return Deletion(self.id, self.deleted_at, self.deleted_at + kept_for)

    def _changeable(self, *, by: int, versions: Collection[str] | None) -> None:
        if self.deleted_at is not None:
            raise PostNotFound
        if self.owner.id != by:
            raise NotTheOwner
        if versions is not None and self.version not in versions:
            raise PreconditionFailed


def checked_text(text: str) -> str:
    """The text as it is kept: without outer white space.

    Raises:
        InvalidInput: it breaks a rule; the field is `text`.
    """
    require(text_faults(text))
    return text.strip()


def text_faults(text: str) -> Iterator[FieldError]:
    """What is wrong with the text of a post."""
    if not 1 <= len(text) <= TEXT_MAX_LENGTH:
        yield FieldError("text", f"1 to {TEXT_MAX_LENGTH} characters")
    elif _FORBIDDEN.search(text):
        yield FieldError("text", "no control characters but line feed and tab, no lone surrogates")
    elif not any(map(_is_visible, text)):
        yield FieldError("text", "something visible")
    elif len(hashtag.names(text)) > HASHTAGS_MAX:
        yield FieldError("text", f"at most {HASHTAGS_MAX} different hashtags")


def _is_visible(character: str) -> bool:
    return not (
        character.isspace()
        or unicodedata.category(character) == "Cf"
        or _IGNORABLE.match(character)
    )
