"""Signing up, logging in, and staying logged in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from hashpost.application.mails import WELCOME
from hashpost.application.messages import Outgoing
from hashpost.application.ports import (
    AccessTokens,
    Clock,
    EmailAddresses,
    Ids,
    PasswordHasher,
    RefreshTokens,
    Storage,
    TaskQueue,
)
from hashpost.domain.characters import is_storable
from hashpost.domain.errors import FieldError, InvalidCredentials, InvalidRefreshToken, require
from hashpost.domain.session import Access, Session, token_hash
from hashpost.domain.user import EMAIL_MAX_LENGTH, User, password_faults, username_faults


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a log-in gives: an access token, good for `expires_in` seconds, and a refresh token."""

    access: str
    refresh: str
    expires_in: int

    def __repr__(self) -> str:
        return f"Tokens(access=***, refresh=***, expires_in={self.expires_in})"


@dataclass(frozen=True, slots=True)
class SignUp:
    """Make a user, and welcome whoever has an address by mail.

    Usernames are kept as typed and unique without regard to case. A retry whose first answer was
    lost finds the name taken, and its own password logs in.
    """

    storage: Storage
    hasher: PasswordHasher
    emails: EmailAddresses
    clock: Clock
    ids: Ids
    outgoing: Outgoing
    queue: TaskQueue
    password_min_length: int

    async def __call__(self, *, username: str, password: str, email: str | None = None) -> User:
        """The new user.

        Raises:
            InvalidInput: names every wrong field.
            UsernameTaken: in whatever case.
            Unavailable: too many passwords are being hashed already.
        """
        require(self.faults(username=username, password=password, email=email))
        address = None if email is None else self.emails.normalized(email)
        password_hash = await self.hasher.hash(password)
        messages = []
        async with self.storage.transaction() as tx:
            while True:
                user = User(
                    id=self.ids.next(self.clock()),
                    username=username,
                    email=address,
                    password_hash=password_hash,
                )
                if await tx.users.add(user):
                    break
            if address is not None:
                messages.append(await self.outgoing.add(tx, WELCOME, user_id=user.id))
        self.queue.wake(messages)
        return user

    def faults(
        self, *, username: str | None, password: str | None, email: str | None
    ) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None."""
        if username is not None:
            yield from username_faults(username)
        if password is not None:
            yield from password_faults(
                password, username=username, min_length=self.password_min_length
            )
        if email is not None:
            yield from self._email_faults(email)

    def _email_faults(self, email: str) -> Iterator[FieldError]:
        if len(email) > EMAIL_MAX_LENGTH:
            yield FieldError("email", f"at most {EMAIL_MAX_LENGTH} characters")
            return
        try:
            self.emails.normalized(email)
        except ValueError as error:
            yield FieldError("email", f"one e-mail address: {error}")


@dataclass(frozen=True, slots=True)
class LogIn:
    """Begin a session with a username, in whatever case, and its password.

    An unknown name and a wrong password cost the same work and give the same error. Each log-in is
    a session of its own, so a repeated one does no harm.
    """

    storage: Storage
    hasher: PasswordHasher
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    clock: Clock
    ids: Ids
    access_ttl: timedelta
    refresh_ttl: timedelta

    async def __call__(self, *, username: str, password: str) -> Tokens:
        """An access token and the first refresh token of a new session.

        Raises:
            InvalidInput: a string that nobody can have, with NUL or a lone surrogate.
            InvalidCredentials: unknown name or wrong password.
            Unavailable: too many passwords are being hashed already.
        """
        require(self.faults(username=username, password=password))
        async with self.storage.reading() as reading:
            user = await reading.users.by_username(username)
        known = None if user is None else user.password_hash
        if not await self.hasher.verify(password, known) or user is None or known is None:
            raise InvalidCredentials
        fresh = await self.hasher.hash(password) if self.hasher.is_outdated(known) else None
        refresh = self.refresh_tokens.first()
        async with self.storage.transaction() as tx:
            present = await tx.users.by_id(user.id)
            if present is None or present.password_hash != known:
                raise InvalidCredentials
            if fresh is not None:
                await tx.users.replace_password_hash(user.id, old=known, new=fresh)
            while True:
                now = self.clock()
                session = Session(
                    id=self.ids.next(now),
                    user_id=user.id,
                    current=token_hash(refresh),
                    expires_at=now + self.refresh_ttl,
                    generation=present.generation,
                )
                if await tx.sessions.add(session):
                    break
        access = Access(
            user_id=user.id,
            generation=present.generation,
            session_id=session.id,
            expires_at=now + self.access_ttl,
        )
        return Tokens(
            access=self.access_tokens.issue(access, at=now),
            refresh=refresh,
            expires_in=int(self.access_ttl.total_seconds()),
        )

    def faults(self, *, username: str | None, password: str | None) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None."""
        for field, value in (("username", username), ("password", password)):
            if value is not None and not is_storable(value):
                yield FieldError(field, "no NUL and no lone surrogate")


@dataclass(frozen=True, slots=True)
class Revoke:
    """End the session that a refresh token, current or spent, belongs to, with all its tokens.

    The answer is the same whether or not there is such a session, and so it may be repeated.
    """

    storage: Storage
    clock: Clock

    async def __call__(self, refresh: str) -> None:
        """End it."""
        async with self.storage.transaction() as tx:
            session = await tx.sessions.by_token(token_hash(refresh))
            if session is not None:
                await tx.sessions.save(session.revoked(at=self.clock()))


@dataclass(frozen=True, slots=True)
class Refresh:
    """Spend a refresh token for a new access token and a new refresh token.

    The token just spent, shown again within ten seconds, gives the same successor: a lost answer
    can be retried, and parallel refreshes agree. Any other spent token ends its whole session.
    """

    storage: Storage
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    clock: Clock
    access_ttl: timedelta
    refresh_ttl: timedelta

    async def __call__(self, refresh: str) -> Tokens:
        """The next tokens of the session.

        Raises:
            InvalidRefreshToken: spent, revoked, expired, unknown, or of an older password.
        """
        now = self.clock()
        presented = token_hash(refresh)
        successors = self.refresh_tokens.successors(refresh)
        async with self.storage.transaction() as tx:
            session = await tx.sessions.by_token(presented)
            user = None if session is None else await tx.users.by_id(session.user_id)
            successor = None
            if session is not None and user is not None and session.generation == user.generation:
                if session.accepts(presented, at=now):
                    successor = successors[0]
                    session = session.rotated(
                        token_hash(successor), at=now, expires_at=now + self.refresh_ttl
                    )
                    await tx.sessions.save(session)
                elif session.repeats(presented, at=now):
                    successor = next(
                        (token for token in successors if token_hash(token) == session.current),
                        None,
                    )
                elif presented != session.current:
                    await tx.sessions.save(session.revoked(at=now))
        if session is None or user is None or successor is None:
            raise InvalidRefreshToken
        access = Access(
            user_id=user.id,
            generation=user.generation,
            session_id=session.id,
            expires_at=now + self.access_ttl,
        )
        return Tokens(
            access=self.access_tokens.issue(access, at=now),
            refresh=successor,
            expires_in=int(self.access_ttl.total_seconds()),
        )
