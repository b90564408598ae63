"""The mails that go out: each a job, which looks up what it says when it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hashpost.application.messages import Done, Outgoing
from hashpost.application.ports import (
    Clock,
    Mailer,
    MailTemplates,
    MailTokens,
    Reading,
    Storage,
    Transaction,
)
from hashpost.domain.ids import first_id_at, from_unix_ms, unix_ms
from hashpost.domain.mail import Mail
from hashpost.domain.message import Message
from hashpost.domain.post import Post
from hashpost.domain.timeline import HashtagFilter, look
from hashpost.domain.user import User

WELCOME: Final = "welcome-mail"
PASSWORD_RESET: Final = "password-reset"  # noqa: S105 - names of jobs
PASSWORD_RESET_MAIL: Final = "password-reset-mail"  # noqa: S105
PASSWORD_CHANGED: Final = "password-changed-mail"  # noqa: S105
DIGEST: Final = "digest-mail"

RESET_TTL = timedelta(hours=1)
DIGEST_POSTS = 20


@dataclass(frozen=True, slots=True)
class Mailing:
    """Sends a mail to a user, in the words of a template."""

    mailer: Mailer
    templates: MailTemplates
    public_url: str

    async def send(
        self,
        message: Message,
        user: User,
        *,
        template: str,
        unsubscribe_url: str | None = None,
        **values: object,
    ) -> Done:
        """Send it, if the user has an address."""
        if user.email is None:
            return Done("the user has no address")
        subject, text, html = self.templates.render(
            template,
            {
                "username": user.username,
                "public_url": self.public_url,
                "unsubscribe_url": unsubscribe_url,
                **values,
            },
        )
        mail = Mail(
            key=f"{message.job}.{message.id}",
            to=user.email,
            name=user.username,
            subject=subject,
            text=text,
            html=html,
            unsubscribe_url=unsubscribe_url,
        )
        await self.mailer.send(mail)
        return Done("sent")


async def _addressee(storage: Storage, message: Message) -> User | None:
    async with storage.reading() as reading:
        return await reading.users.by_id(int(message.arguments["user_id"] or 0))


@dataclass(frozen=True, slots=True)
class WelcomeMail:
    """Welcome a new user."""

    storage: Storage
    mailing: Mailing

    async def __call__(self, message: Message) -> Done:
        """Send it."""
        user = await _addressee(self.storage, message)
        if user is None:
            return Done("the user is gone")
        return await self.mailing.send(message, user, template="welcome")


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """Find out whose password is to be reset, and have each of them sent a mail.

    This is a job, so that whoever asks cannot tell by the time it takes whether anybody was found.
    """

    storage: Storage
    outgoing: Outgoing

    async def __call__(self, message: Message) -> Done:
        """Find them; their messages are added when this one is marked."""
        users = [user for user in await self._users(message) if user.email is not None]

        async def effect(tx: Transaction) -> Sequence[int]:
            return [
                await self.outgoing.add(
                    tx, PASSWORD_RESET_MAIL, user_id=user.id, generation=user.generation
                )
                for user in users
            ]

        return Done(f"{len(users)} found", effect)

    async def _users(self, message: Message) -> Sequence[User]:
        username, email = message.arguments.get("username"), message.arguments.get("email")
        async with self.storage.reading() as reading:
            if username is None:
                return await reading.users.by_email(str(email))
            user = await reading.users.by_username(str(username))
        return [] if user is None else [user]


@dataclass(frozen=True, slots=True)
class PasswordResetMail:
    """Send a user the token that sets a new password."""

    storage: Storage
    mailing: Mailing
    tokens: MailTokens

    async def __call__(self, message: Message) -> Done:
        """Send it, unless the password was changed meanwhile."""
        user = await _addressee(self.storage, message)
        generation = int(message.arguments["generation"] or 0)
        if user is None or user.generation != generation:
            return Done("the password was changed meanwhile")
        token = self.tokens.reset(user.id, generation, expires_at=message.created_at + RESET_TTL)
        return await self.mailing.send(
            message,
            user,
            template="password_reset",
            token=token,
            minutes=int(RESET_TTL.total_seconds() // 60),
        )


@dataclass(frozen=True, slots=True)
class PasswordChangedMail:
    """Tell a user that the password was changed, in case it was somebody else."""

    storage: Storage
    mailing: Mailing

    async def __call__(self, message: Message) -> Done:
        """Send it."""
        user = await _addressee(self.storage, message)
        if user is None:
            return Done("the user is gone")
        return await self.mailing.send(
            message, user, template="password_changed", changed_at=message.created_at
        )


@dataclass(frozen=True, slots=True)
class DigestMail:
    """Send a user the new posts under favourite hashtags."""

    storage: Storage
    mailing: Mailing
    tokens: MailTokens

    async def __call__(self, message: Message) -> Done:
        """Send it, unless the user has thought better of it, or nothing is left to be told."""
        user = await _addressee(self.storage, message)
        if user is None or not user.weekly_digest:
            return Done("not wanted any more")
        since, upto = (
            from_unix_ms(int(message.arguments[name] or 0)) for name in ("since", "upto")
        )
        async with self.storage.reading() as reading:
            posts = await _news(reading, user, since=since, upto=upto, limit=DIGEST_POSTS + 1)
        if not posts:
            return Done("nothing new is left")
        url = f"{self.mailing.public_url}/unsubscribe/{self.tokens.unsubscribe(user.id)}/"
        return await self.mailing.send(
            message,
            user,
            template="digest",
            unsubscribe_url=url,
            posts=posts[:DIGEST_POSTS],
            has_more=len(posts) > DIGEST_POSTS,
            since=since,
        )


@dataclass(frozen=True, slots=True)
class SendDigests:
    """Have the weekly digest sent to everybody who wants it and for whom there is something new.

    At most one in seven days of UTC: the user's row says when the last one was due, and is changed
    in the transaction that adds the message.
    """

    storage: Storage
    clock: Clock
    outgoing: Outgoing
    batch: int = 500

    async def __call__(self, _message: Message) -> Done:
        """Go through all who want it."""
        after, added = 0, 0
        while True:
            async with self.storage.reading() as reading:
                users = await reading.users.with_digest(after=after, limit=self.batch)
            for user in users:
                added += await self._send(user)
            if len(users) < self.batch:
                return Done(f"{added} digests")
            after = users[-1].id

    async def _send(self, user: User) -> bool:
        now = self.clock()
        if not user.awaits_digest(at=now) or not await self._has_news(user):
            return False
        async with self.storage.transaction() as tx:
            present = await tx.users.for_change(user.id)
            if present is None or not present.awaits_digest(at=now):
                return False
            await tx.users.save(present.digested(at=now))
            since = present.digest_since(at=now)
            await self.outgoing.add(
                tx, DIGEST, user_id=user.id, since=unix_ms(since), upto=unix_ms(now)
            )
        return True

    async def _has_news(self, user: User) -> bool:
        now = self.clock()
        async with self.storage.reading() as reading:
            since = user.digest_since(at=now)
            return bool(await _news(reading, user, since=since, upto=now, limit=1))


async def _news(
    reading: Reading, user: User, *, since: datetime, upto: datetime, limit: int
) -> Sequence[Post]:
    """The posts of that time under the user's favourites, newest first."""
    found = await reading.timelines.matching(
        HashtagFilter(any=await reading.favorites.names(user.id)),
        before=first_id_at(upto),
        after=first_id_at(since) - 1,
        offset=0,
        limit=limit,
        budget=look(limit),
    )
    return found.posts
