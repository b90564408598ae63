"""The service as the state machine sees it: plain calls and plain answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from hashpost.application.accounts import Tokens
from hashpost.application.service import Service
from hashpost.domain.errors import HashpostError, InvalidInput
from hashpost.domain.post import Post
from hashpost.domain.timeline import Page
from hashpost.testing.clock import ManualClock
from hashpost.testing.model import Answer, Failure

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

    def create_post(self, access: str, text: str) -> Answer:
        """A post: id_post, text, owner, created_at, edited_at, tags."""
        ...

    def edit_post(self, access: str, post_id: int, text: str) -> Answer:
        """A post."""
        ...

    def delete_post(self, access: str, post_id: int) -> Answer:
        """A deletion: id_post, deleted_at, purge_at."""
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

    def differences(self) -> int:
        """How many differences a check of the storage finds."""
        ...


class InProcess:
    """The service, called directly; `runner` is the event loop it lives in."""

    def __init__(self, service: Service, clock: ManualClock, runner: asyncio.Runner) -> None:
        self.clock = clock
        self._service = service
        self._runner = runner

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

    def create_post(self, access: str, text: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _post(await self._service.create_post(actor, text))

        return self._answer(call)

    def edit_post(self, access: str, post_id: int, text: str) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _post(await self._service.edit_post(actor, post_id, text))

        return self._answer(call)

    def delete_post(self, access: str, post_id: int) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            deletion = await self._service.delete_post(actor, post_id)
            return {
                "id_post": deletion.id_post,
                "deleted_at": deletion.deleted_at,
                "purge_at": deletion.purge_at,
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
            return _page(await self._service.list_posts(actor, **paging))

        return self._answer(call)

    def list_user_posts(self, access: str, user_id: int, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _page(await self._service.list_user_posts(actor, user_id, **paging))

        return self._answer(call)

    def list_hashtag_posts(self, access: str, hashtag: str, paging: Paging) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            return _page(await self._service.list_hashtag_posts(actor, hashtag, **paging))

        return self._answer(call)

    def popular_hashtags(self, access: str, limit: int) -> Answer:
        """See `Subject`."""

        async def call() -> Answer:
            actor = await self._service.authenticate(access)
            ranking = await self._service.popular_hashtags(actor, limit=limit)
            return [(tag.name, tag.count) for tag in ranking]

        return self._answer(call)

    def differences(self) -> int:
        """See `Subject`."""

        async def call() -> int:
            return len([difference async for difference in self._service.check_storage()])

        return self._runner.run(call())

    def _answer(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        async def run() -> Answer:
            try:
                return await call()
            except InvalidInput as error:
                return Failure(error.code, frozenset(each.field for each in error.errors))
            except HashpostError as error:
                return Failure(error.code)

        return self._runner.run(run())


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


def _page(page: Page) -> Answer:
    return {
        "count": page.count,
        "page": page.page,
        "page_size": page.page_size,
        "has_next": page.has_next,
        "has_previous": page.has_previous,
        "next_cursor": page.next_cursor,
        "result": [_post(post) for post in page.result],
    }
