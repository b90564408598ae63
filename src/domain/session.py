"""Sessions: one family of refresh tokens each, from a log-in on.

A refresh token is good for one refresh and is then spent; its successor belongs to the same
session. A spent token that shows up again means that two hold it, one of them a thief, and ends the
session (RFC 9700, section 4.14.2). The one exception is the answer that was lost on its way: the
token just spent gives the same successor again for a few seconds.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from hashpost.domain.errors import Unauthenticated
from hashpost.domain.user import User

GRACE = timedelta(seconds=10)
"""How long a token just spent still gives its successor."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says: who calls, in which session, and how long that holds."""

    user_id: int
    generation: int
    session_id: int
    expires_at: datetime


Actor = int | Access
"""Who acts: a user's id, taken at its word (in-process), or what an access token says."""


def actor_id(actor: Actor) -> int:
    """The id of the user who acts."""
    return actor if isinstance(actor, int) else actor.user_id


@dataclass(frozen=True, slots=True)
class Session:
    """A family of refresh tokens, of which one is current and the one before it just spent.

    Tokens are known by their SHA-256 alone. `expires_at` is the end of the current token.
    `generation` is the user's at the log-in: a session of an older one is dead.
    """

    id: int
    user_id: int
    current: bytes
    expires_at: datetime
    previous: bytes | None = None
    rotated_at: datetime | None = None
    revoked_at: datetime | None = None
    generation: int = 0

    def accepts(self, token_hash: bytes, *, at: datetime) -> bool:
        """Whether the token refreshes: it is current, and neither expired nor revoked."""
        return self.revoked_at is None and token_hash == self.current and at < self.expires_at

    def repeats(self, token_hash: bytes, *, at: datetime) -> bool:
        """Whether the token is the one just spent, and its answer may have been lost."""
        return (
            self.revoked_at is None
            and token_hash == self.previous
            and self.rotated_at is not None
            and at - self.rotated_at < GRACE
            and at < self.expires_at
        )

    def rotated(self, successor: bytes, *, at: datetime, expires_at: datetime) -> "Session":
        """The session after a refresh: the current token is spent, the successor current."""
        return replace(
            self, current=successor, previous=self.current, rotated_at=at, expires_at=expires_at
        )

    def revoked(self, *, at: datetime) -> "Session":
        """The session, ended: all its tokens are dead, for good."""
        return self if self.revoked_at else replace(self, revoked_at=at)


def token_hash(token: str) -> bytes:
    """What is kept of a refresh token: 32 bytes of SHA-256; its 256 random bits need no salt."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def admitted(actor: Actor, *, user: User | None, session: Session | None) -> User:
    """The acting user, if what the actor shows still holds.

    `user` is the user of that id, `session` the one that the actor names, or None for each.

    Raises:
        Unauthenticated: there is no such user (any more), the user's tokens or the session have
            been ended.
    """
    if user is None or user.is_deleted:
        raise Unauthenticated
    if isinstance(actor, Access) and (
        actor.generation != user.generation
        or session is None
        or session.user_id != user.id
        or session.revoked_at is not None
    ):
        raise Unauthenticated
    return user
