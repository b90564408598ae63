"""What is known of users, what they say about themselves, how they prove who they are, and go."""

from collections.abc import Iterator
from dataclasses import dataclass

from hashpost.application.admission import Admission
from hashpost.application.housekeeping import ERASE_USER
from hashpost.application.mails import PASSWORD_CHANGED, PASSWORD_RESET
from hashpost.application.messages import Outgoing
from hashpost.application.ports import (
    Clock,
    MailTokens,
    PasswordHasher,
    Storage,
    TaskQueue,
    Transaction,
)
from hashpost.domain.characters import is_storable
from hashpost.domain.errors import (
    FieldError,
    InvalidResetToken,
    NotFound,
    Unauthenticated,
    UserNotFound,
    WrongPassword,
    require,
)
from hashpost.domain.session import Actor, actor_id
from hashpost.domain.timeline import UserPosts
from hashpost.domain.user import EMAIL_MAX_LENGTH, User, password_faults

NAME_MAX_LENGTH = 1000
"""What is longer is nobody's name, and not worth a look-up."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A user, and how many live posts the user has."""

    user: User
    post_count: int


@dataclass(frozen=True, slots=True)
class ReadMe:
    """Read what is known of oneself."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor) -> Profile:
        """Oneself.

        Raises:
            Unauthenticated: the actor is nobody (any more).
        """
        await self.admission.to_read(actor)
        async with self.storage.reading() as reading:
            user = await reading.users.by_id(actor_id(actor))
            if user is None or user.is_deleted:
                raise Unauthenticated
            posts = await reading.timelines.at_offset(UserPosts(user.id), offset=0, limit=1)
        return Profile(user, posts.count)


@dataclass(frozen=True, slots=True)
class ReadUser:
    """Read what everybody may know of a user."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor, user_id: int) -> Profile:
        """The user.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            UserNotFound: there is no such user (any more).
        """
        await self.admission.to_read(actor)
        async with self.storage.reading() as reading:
            user = await reading.users.by_id(user_id)
            if user is None or user.is_deleted:
                raise UserNotFound
            posts = await reading.timelines.at_offset(UserPosts(user.id), offset=0, limit=1)
        return Profile(user, posts.count)


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Keeps a user's new password; with the old one, every token ends.

    A mail tells the user, in case it was somebody else.
    """

    outgoing: Outgoing
    queue: TaskQueue

    async def keep(self, tx: Transaction, user: User, password_hash: str) -> list[int]:
        """Keep it for a user whom the transaction has locked; the ids of the messages added."""
        await tx.users.save(user.with_password(password_hash))
        if user.email is None:
            return []
        return [await self.outgoing.add(tx, PASSWORD_CHANGED, user_id=user.id)]


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Change one's password. Every token of the user is dead then, the caller's too.

    Of two at once that know the same old password, one wins. A user with an address gets a mail.
    """

    storage: Storage
    admission: Admission
    hasher: PasswordHasher
    set_password: SetPassword
    password_min_length: int

    async def __call__(self, actor: Actor, *, old_password: str, new_password: str) -> None:
        """Change it.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the new password breaks a rule, or the old one cannot be one.
            WrongPassword: the old password is not the user's.
            Unavailable: too many passwords are being hashed already.
        """
        await self.admission.to_read(actor)
        async with self.storage.reading() as reading:
            user = await reading.users.by_id(actor_id(actor))
        if user is None or user.is_deleted:
            raise Unauthenticated
        faults = self.faults(old_password=old_password, new_password=new_password, user=user)
        require(faults)
        if not await self.hasher.verify(old_password, user.password_hash):
            raise WrongPassword
        password_hash = await self.hasher.hash(new_password)
        async with self.storage.transaction() as tx:
            present = await self.admission.to_change(tx, actor)
            if present.password_hash != user.password_hash:
                raise WrongPassword
            messages = await self.set_password.keep(tx, present, password_hash)
        self.set_password.queue.wake(messages)

    def faults(
        self, *, old_password: str | None, new_password: str | None, user: User | None = None
    ) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None."""
        if old_password is not None and not is_storable(old_password):
            yield FieldError("old_password", "no NUL and no lone surrogate")
        if new_password is not None:
            yield from password_faults(
                new_password,
                username=None if user is None else user.username,
                min_length=self.password_min_length,
                field="new_password",
            )


@dataclass(frozen=True, slots=True)
class RequestPasswordReset:
    """Have a token that sets a new password sent to a user, known by name or by address.

    The answer is the same, after the same work, whether or not there is such a user; a job finds
    that out. An address may be several users': each gets a mail.
    """

    storage: Storage
    outgoing: Outgoing
    queue: TaskQueue

    async def __call__(self, *, username: str | None = None, email: str | None = None) -> None:
        """Ask for it.

        Raises:
            InvalidInput: both or neither of them, or a string that nobody can have.
        """
        self.check(username=username, email=email)
        arguments = {"username": username} if email is None else {"email": email}
        async with self.storage.transaction() as tx:
            message = await self.outgoing.add(tx, PASSWORD_RESET, **arguments)
        self.queue.wake([message])

    def check(self, *, username: str | None, email: str | None) -> None:
        """Return if it can be asked for so.

        Raises:
            InvalidInput: both or neither of them, or a string that nobody can have.
        """
        require(self.faults(username=username, email=email), _not_both(username, email))

    def faults(self, *, username: str | None, email: str | None) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None."""
        for field, value, limit in (
            ("username", username, NAME_MAX_LENGTH),
            ("email", email, EMAIL_MAX_LENGTH),
        ):
            if value is not None and not is_storable(value):
                yield FieldError(field, "no NUL and no lone surrogate")
            elif value is not None and len(value) > limit:
                yield FieldError(field, f"at most {limit} characters")


def _not_both(username: str | None, email: str | None) -> Iterator[FieldError]:
    if (username is None) == (email is None):
        yield FieldError("username", "a username or an email, not both")


@dataclass(frozen=True, slots=True)
class ConfirmPasswordReset:
    """Set a new password by a token from a mail, which is good once, within an hour.

    Every token of the user is dead then, and every other reset token.
    """

    storage: Storage
    hasher: PasswordHasher
    tokens: MailTokens
    clock: Clock
    set_password: SetPassword
    password_min_length: int

    async def __call__(self, *, token: str, new_password: str) -> None:
        """Set it.

        Raises:
            InvalidResetToken: used, expired, or never given out.
            InvalidInput: the new password breaks a rule.
            Unavailable: too many passwords are being hashed already.
        """
        read = self.tokens.read_reset(token, at=self.clock())
        user_id, generation = read or (0, 0)
        async with self.storage.reading() as reading:
            user = await reading.users.by_id(user_id)
        if read is None or user is None or user.generation != generation:
            raise InvalidResetToken
        require(self.faults(new_password=new_password, user=user))
        password_hash = await self.hasher.hash(new_password)
        async with self.storage.transaction() as tx:
            present = await tx.users.for_change(user_id)
            if present is None or present.generation != generation:
                raise InvalidResetToken
            messages = await self.set_password.keep(tx, present, password_hash)
        self.set_password.queue.wake(messages)

    def faults(
        self, *, new_password: str | None, user: User | None = None, **_: object
    ) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None; the token is not among them."""
        if new_password is not None:
            yield from password_faults(
                new_password,
                username=None if user is None else user.username,
                min_length=self.password_min_length,
                field="new_password",
            )


@dataclass(frozen=True, slots=True)
class SetDigest:
    """Order or cancel the weekly digest of new posts under one's favourite hashtags."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor, *, weekly: bool) -> None:
        """Order or cancel it; it may be so already.

        Raises:
            Unauthenticated: the actor is nobody (any more).
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_change(tx, actor)
            await tx.users.save(user.with_digest(weekly=weekly))


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Cancel the weekly digest by the link in it, with one click and without logging in."""

    storage: Storage
    tokens: MailTokens

    async def __call__(self, token: str) -> None:
        """Cancel it; it may be so already.

        Raises:
            NotFound: not a token of ours, or its user is gone.
        """
        user_id = self.check(token)
        async with self.storage.transaction() as tx:
            user = await tx.users.for_change(user_id)
            if user is None or user.is_deleted:
                raise NotFound
            await tx.users.save(user.with_digest(weekly=False))

    def check(self, token: str) -> int:
        """The id of the user whose token it is.

        Raises:
            NotFound: not a token of ours.
        """
        user_id = self.tokens.read_unsubscribe(token)
        if user_id is None:
            raise NotFound
        return user_id


@dataclass(frozen=True, slots=True)
class DeleteUser:
    """Delete one's account: the user and all posts are gone at once, from every answer.

    Every token is dead, and the name stays taken. However many posts there are, none is seen from
    that moment on; a job then erases them, and whatever else is left, little by little.
    """

    storage: Storage
    admission: Admission
    hasher: PasswordHasher
    clock: Clock
    outgoing: Outgoing
    queue: TaskQueue

    async def __call__(self, actor: Actor, *, password: str) -> None:
        """Delete it. A second time there is nobody who could.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the password cannot be one.
            WrongPassword: it is not the user's.
            Unavailable: too many passwords are being hashed already.
        """
        await self.admission.to_read(actor)
        require(self.faults(password=password))
        async with self.storage.reading() as reading:
            user = await reading.users.by_id(actor_id(actor))
        if user is None or user.is_deleted:
            raise Unauthenticated
        if not await self.hasher.verify(password, user.password_hash):
            raise WrongPassword
        async with self.storage.transaction() as tx:
            present = await self.admission.to_change(tx, actor)
            if present.password_hash != user.password_hash:
                raise WrongPassword
            await tx.users.save(present.deleted(at=self.clock()))
            await tx.favorites.remove_all(present.id)
            message = await self.outgoing.add(tx, ERASE_USER, user_id=present.id)
        self.queue.wake([message])

    def faults(self, *, password: str | None) -> Iterator[FieldError]:
        """What is wrong with the input, if it is not None."""
        if password is not None and not is_storable(password):
            yield FieldError("password", "no NUL and no lone surrogate")
