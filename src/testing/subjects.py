"""The service as the state machine sees it: plain calls and plain answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from hashpost.application.accounts import Tokens
from hashpost.application.service import Service
from hashpost.domain.errors import HashpostError, InvalidInput
from hashpost.domain.mail import Mail
from hashpost.domain.message import State
from hashpost.domain.post import Post
from hashpost.domain.timeline import MergedPage, Page
from hashpost.testing.clock import ManualClock
from hashpost.testing.model import OLD, Answer, Failure

Paging = dict[str, Any]
"""Some of `page`, `page_size` and `cursor`."""


class Subject(Protocol):
    """A service with a clock of its own, empty at first; each call answers or is a `Failure`.

    `access` is the text of an access token everywhere.
    """

    clock: ManualClock

    def sign_up(self, username: str, password: str, email: str | None) -> Answer:
        """A user: id, username, created_at."""
        ...

    def log_in(self, username: str, password: str) -> Answer:
        """Tokens: access, refresh, expires_in."""
        ...

    def refresh(self, refresh: str) -> Answer:
        """Tokens: access, refresh, expires_in."""
        ...

    def revoke(self, refresh: str) -> Answer:
        """None."""
        ...

    def create_post(self, access: str, text: str, *, key: str | None = None) -> Answer:
        """A post: id_post, text, owner, created_at, edited_at, tags."""
        ...

    def edit_post(
        self, access: str, post_id: int, text: str, *, version: str | None = None
    ) -> Answer:
        """A post."""
        ...

    def delete_post(self, access: str, post_id: int, *, version: str | None = None) -> Answer:
        """A deletion: id_post, deleted_at, purge_at."""
        ...

    def restore_post(self, access: str, post_id: int, *, key: str | None = None) -> Answer:
        """A post."""
        ...

    def list_deleted_posts(self, access: str, paging: Paging) -> Answer:
        """A page, whose posts have deleted_at and purge_at too."""
        ...

    def read_post(self, access: str, post_id: int) -> Answer:
        """A post."""
        ...

    def list_posts(self, access: str, paging: Paging) -> Answer:
        """A page: count, page, page_size, has_next, has_previous, next_cursor, result."""
        ...

    def list_user_posts(self, access: str, user_id: int, paging: Paging) -> Answer:
        """A page."""
        ...

    def list_hashtag_posts(self, access: str, hashtag: str, paging: Paging) -> Answer:
        """A page."""
        ...

    def popular_hashtags(self, access: str, limit: int) -> Answer:
        """Pairs of name and count."""
        ...

    def trending_hashtags(self, access: str, limit: int) -> Answer:
        """Trends: name, count, score, users_today, users_yesterday."""
        ...

    def read_me(self, access: str) -> Answer:
        """A user: id, username, created_at, post_count, email, weekly_digest."""
        ...

    def read_user(self, access: str, user_id: int) -> Answer:
        """A user: id, username, created_at, post_count."""
        ...

    def delete_user(self, access: str, password: str) -> Answer:
        """None."""
        ...

    def change_password(self, access: str, old: str, new: str) -> Answer:
        """None."""
        ...

    def request_password_reset(self, asked: dict[str, str]) -> Answer:
        """None, whoever it is that is `asked` for, by `username` or by `email`."""
        ...

    def confirm_password_reset(self, token: str, new: str) -> Answer:
        """None."""
        ...

    def set_digest(self, access: str, *, weekly: bool) -> Answer:
        """None."""
        ...

    def add_favorite(self, access: str, hashtag: str) -> Answer:
        """None."""
        ...

    def remove_favorite(self, access: str, hashtag: str) -> Answer:
        """None."""
        ...

    def list_favorites(self, access: str) -> Answer:
        """Pairs of name and since."""
        ...

    def list_favorite_posts(self, access: str, paging: Paging) -> Answer:
        """A page, whose posts have matched_tags too."""
        ...

    def run_job(self, job: str) -> None:
        """Run a periodic job, now."""
        ...

    def deliver(self) -> list[tuple[str, str, str | None]]:
        """Send all mails that wait; of each: its job, the user's name, a reset token in it."""
        ...

    def differences(self) -> int:
        """How many differences a check of the storage finds."""
        ...


class SentMails(Protocol):
    """A mailer that remembers what it sent."""

    @property
    def sent(self) -> list[Mail]:
        """All of them; may be emptied."""
        ...


@dataclass(frozen=True, slots=True)
class Backstage:
    """What no caller of the service sees: its jobs and its mails.

    The service must know of periodic jobs already, and `mailer` must be what it sends mails with.
    """

    service: Service
    mailer: SentMails

    async def prepare(self) -> None:
        """Have the jobs as the model has them."""
        await self.service.ensure_schedules()
        await self.service.change_schedule("delete-old-posts", arguments={"days": OLD.days})

    async def run_job(self, job: str) -> None:
        """Run a periodic job, now."""
        attempt = await self.service.run_message(await self.service.run_schedule(job))
        if attempt is None or attempt.error is not None:
            raise AssertionError(f"{job} failed: {attempt}")

    async def deliver(self) -> list[tuple[str, str, str | None]]:
        """Do whatever waits to be done; of each mail sent its job, its user, its reset token."""
        while waiting := await self.service.list_messages(state=State.QUEUED, limit=1000):
            for message in waiting:
                await self.service.run_message(message.id)
        mails = [
            (mail.key.partition(".")[0], mail.name, _reset_token(mail)) for mail in self.mailer.sent
        ]
        self.mailer.sent.clear()
        return mails

    async def differences(self) -> int:
        """How many differences a check of the storage finds."""
        return len([difference async for difference in self.service.check_storage()])


def _reset_token(mail: Mail) -> str | None:
    found = re.search(r"(?<![\w-])[\w-]{54}(?![\w-])", mail.text, re.ASCII)
    return found[0] if found and mail.key.startswith("password-reset-mail") else None


class InProcess:
    """The service, called directly; `runner` is the event loop it lives in."""

    def __init__(
        self, service: Service, clock: ManualClock, runner: asyncio.Runner, mailer: SentMails
    ) -> None:
        self.clock = clock
        self._service = service
        self._runner = runner
        self._backstage = Backstage(service, mailer)
        runner.run(self._backstage.prepare())

    def sign_up(self, username: str, password: str, email: str | None) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            user = await self._service.sign_up(username=username, password=password, email=email)
            return {"id": user.id, "username": user.username, "created_at": user.created_at}

        return self._answer(call)

    def log_in(self, username: str, password: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            return _tokens(await self._service.log_in(username=username, password=password))

        return self._answer(call)

    def refresh(self, refresh: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            return _tokens(await self._service.refresh(refresh))

        return self._answer(call)

    def revoke(self, refresh: str) -> Answer:
        """See `Subject`."""
        return self._answer(lambda: self._service.revoke(refresh))

    def create_post(self, access: str, text: str, *, key: str | None = None) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _post(await self._service.create_post(actor, text, idempotency_key=key))

        return self._answer(call)

    def edit_post(
        self, access: str, post_id: int, text: str, *, version: str | None = None
    ) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _post(
                await self._service.edit_post(actor, post_id, text, versions=_only(version))
            )

        return self._answer(call)

    def delete_post(self, access: str, post_id: int, *, version: str | None = None) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return asdict(await self._service.delete_post(actor, post_id, versions=_only(version)))

        return self._answer(call)

    def restore_post(self, access: str, post_id: int, *, key: str | None = None) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _post(await self._service.restore_post(actor, post_id, idempotency_key=key))

        return self._answer(call)

    def list_deleted_posts(self, access: str, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            page = await self._service.list_deleted_posts(actor, **paging)
            result = [_post(post) | asdict(deletion) for post, deletion in page.result]
            return {
                "count": page.count,
                "page": page.page,
                "page_size": page.page_size,
                "has_next": page.has_next,
                "has_previous": page.has_previous,
                "next_cursor": None,
                "result": result,
            }

        return self._answer(call)

    def read_post(self, access: str, post_id: int) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _post(await self._service.read_post(actor, post_id))

        return self._answer(call)

    def list_posts(self, access: str, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _whole(await self._service.list_posts(actor, **paging))

        return self._answer(call)

    def list_user_posts(self, access: str, user_id: int, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _whole(await self._service.list_user_posts(actor, user_id, **paging))

        return self._answer(call)

    def list_hashtag_posts(self, access: str, hashtag: str, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _whole(await self._service.list_hashtag_posts(actor, hashtag, **paging))

        return self._answer(call)

    def popular_hashtags(self, access: str, limit: int) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            ranking = await self._service.popular_hashtags(actor, limit=limit)
            return [(tag.name, tag.count) for tag in ranking]

        return self._answer(call)

    def trending_hashtags(self, access: str, limit: int) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return [
                asdict(tag) for tag in await self._service.trending_hashtags(actor, limit=limit)
            ]

        return self._answer(call)

    def read_me(self, access: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            me = await self._service.read_me(await self._service.authenticate(access))
            return {
                "id": me.user.id,
                "username": me.user.username,
                "created_at": me.user.created_at,
                "post_count": me.post_count,
                "email": me.user.email,
                "weekly_digest": me.user.weekly_digest,
            }

        return self._answer(call)

    def read_user(self, access: str, user_id: int) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            profile = await self._service.read_user(actor, user_id)
            return {
                "id": profile.user.id,
                "username": profile.user.username,
                "created_at": profile.user.created_at,
                "post_count": profile.post_count,
            }

        return self._answer(call)

    def delete_user(self, access: str, password: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            await self._service.delete_user(actor, password=password)

        return self._answer(call)

    def change_password(self, access: str, old: str, new: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            await self._service.change_password(actor, old_password=old, new_password=new)

        return self._answer(call)

    def request_password_reset(self, asked: dict[str, str]) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            await self._service.request_password_reset(**asked)

        return self._answer(call)

    def confirm_password_reset(self, token: str, new: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            await self._service.confirm_password_reset(token=token, new_password=new)

        return self._answer(call)

    def set_digest(self, access: str, *, weekly: bool) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            await self._service.set_digest(actor, weekly=weekly)

        return self._answer(call)

    def add_favorite(self, access: str, hashtag: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            await self._service.add_favorite(actor, hashtag)

        return self._answer(call)

    def remove_favorite(self, access: str, hashtag: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            await self._service.remove_favorite(actor, hashtag)

        return self._answer(call)

    def list_favorites(self, access: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return [(each.name, each.since) for each in await self._service.list_favorites(actor)]

        return self._answer(call)

    def list_favorite_posts(self, access: str, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            page = await self._service.list_favorite_posts(actor, **paging)
            posts = [
                _post(each.post) | {"matched_tags": list(each.matched_tags)} for each in page.result
            ]
            return _page(page) | {"result": posts}

        return self._answer(call)

    def run_job(self, job: str) -> None:
        """See `Subject`."""
        self._runner.run(self._backstage.run_job(job))

    def deliver(self) -> list[tuple[str, str, str | None]]:
        """See `Subject`."""
        return self._runner.run(self._backstage.deliver())

    def differences(self) -> int:
        """See `Subject`."""
        return self._runner.run(self._backstage.differences())

    def _answer(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        async def run() -> Answer:
            try:
                return await call()
            except InvalidInput as error:
                return Failure(error.code, frozenset(each.field for each in error.errors))
            except HashpostError as error:
                return Failure(error.code)

        return self._runner.run(run())


def _only(version: str | None) -> list[str] | None:
    return None if version is None else [version]


def _tokens(tokens: Tokens) -> Answer:
    return {"access": tokens.access, "refresh": tokens.refresh, "expires_in": tokens.expires_in}


def _post(post: Post) -> Answer:
    return {
        "id_post": post.id,
        "text": post.text,
        "owner": {"id": post.owner.id, "username": post.owner.username},
        "created_at": post.created_at,
        "edited_at": post.edited_at,
        "tags": list(post.tags),
    }


def _whole(page: Page) -> Answer:
    return _page(page) | {"result": [_post(post) for post in page.result]}


def _page(page: Page | MergedPage) -> Answer:
    return {
        "count": page.count,
        "page": page.page,
        "page_size": page.page_size,
        "has_next": page.has_next,
        "has_previous": page.has_previous,
        "next_cursor": page.next_cursor,
    }
