"""Writing, reading, editing, deleting and restoring posts."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from hashpost.application.admission import Admission
from hashpost.application.idempotency import Once, Wording
from hashpost.application.ports import Clock, Ids, Storage
from hashpost.domain.errors import (
    FieldError,
    PageOutOfRange,
    PostNotFound,
    Unauthenticated,
    require,
)
from hashpost.domain.idempotency import key_faults
from hashpost.domain.ids import from_unix_ms, unix_ms
from hashpost.domain.post import Deletion, Owner, Post, text_faults
from hashpost.domain.session import Actor, actor_id
from hashpost.domain.timeline import PAGE_SIZE, DeletedPage, page_faults
from hashpost.domain.user import User


def _post_in_words(post: Post) -> str:
    """An own, live post, so that `_post_from_words` can read it."""
    edited_at = None if post.edited_at is None else unix_ms(post.edited_at)
    return json.dumps([post.id, post.text, post.tags, edited_at])


def _post_from_words(words: str, user: User) -> Post:
    post_id, text, tags, edited_at = json.loads(words)
    return Post(
        id=post_id,
        owner=Owner(user.id, user.username),
        text=text,
        tags=tuple(tags),
        edited_at=None if edited_at is None else from_unix_ms(edited_at),
    )


POST = Wording(_post_in_words, _post_from_words)


@dataclass(frozen=True, slots=True)
class CreatePost:
    """Write a post. Its hashtags are read from the text.

    Run twice, it makes two posts; with an idempotency key it makes one, and answers alike.
    """

    storage: Storage
    admission: Admission
    once: Once
    clock: Clock
    ids: Ids

    async def __call__(
        self, actor: Actor, text: str, *, idempotency_key: str | None = None
    ) -> Post:
        """The new post.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the text breaks a rule, or the key does.
            IdempotencyKeyReused: the key belongs to another request.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            if idempotency_key is not None:
                require(self.faults(text=text, idempotency_key=idempotency_key))

            async def write() -> Post:
                owner = Owner(user.id, user.username)
                while True:
                    post = Post.written(id=self.ids.next(self.clock()), owner=owner, text=text)
                    if not await tx.posts.add([post]):
                        return post

            return await self.once(
                tx, user, idempotency_key, "create-post", text, wording=POST, work=write
            )

    def faults(
        self, *, text: str | None, idempotency_key: str | None = None
    ) -> Iterator[FieldError]:
        """What is wrong with these inputs, those that are not None."""
        if text is not None:
            yield from text_faults(text)
        yield from key_faults(idempotency_key)


@dataclass(frozen=True, slots=True)
class ReadPost:
    """Read one live post."""

    storage: Storage
    admission: Admission

    async def __call__(self, actor: Actor, post_id: int) -> Post:
        """The post.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            PostNotFound: no such post, or a deleted one.
        """
        await self.admission.to_read(actor)
        async with self.storage.reading() as reading:
            post = await reading.posts.by_id(post_id)
        if post is None or post.deleted_at is not None:
            raise PostNotFound
        return post


@dataclass(frozen=True, slots=True)
class EditPost:
    """Give one's own post another text; its hashtags follow the new text.

    Of two edits at once the later one holds; of those that name the version which they mean to
    change, the first. An edit never brings a deleted post back.
    """

    storage: Storage
    admission: Admission
    clock: Clock

    async def __call__(
        self, actor: Actor, post_id: int, text: str, *, versions: Collection[str] | None = None
    ) -> Post:
        """The post as it is now; only if it had one of the `versions`, where some are given.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the text breaks a rule.
            PostNotFound: no such post, or a deleted one.
            NotTheOwner: the live post of somebody else.
            PreconditionFailed: it has none of the versions.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            require(text_faults(text))
            before = await tx.posts.for_change(post_id)
            if before is None:
                raise PostNotFound
            after = before.edited(by=user.id, text=text, at=self.clock(), versions=versions)
            await tx.posts.save(before, after)
            return after


@dataclass(frozen=True, slots=True)
class DeletePost:
    """Delete one's own post softly: it is gone at once from every timeline, count and ranking.

    A second deletion finds no post. Until `purge_at` the post can be restored.
    """

    storage: Storage
    admission: Admission
    clock: Clock
    kept_for: timedelta

    async def __call__(
        self, actor: Actor, post_id: int, *, versions: Collection[str] | None = None
    ) -> Deletion:
        """When it was deleted, and until when its text is kept.

        It is deleted only if it had one of the `versions`, where some are given.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            PostNotFound: no such post, or a deleted one.
            NotTheOwner: the live post of somebody else.
            PreconditionFailed: it has none of the versions.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            before = await tx.posts.for_change(post_id)
            if before is None:
                raise PostNotFound
            after = before.deleted(by=user.id, at=self.clock(), versions=versions)
            await tx.posts.save(before, after)
        return after.deletion(kept_for=self.kept_for)


@dataclass(frozen=True, slots=True)
class RestorePost:
    """Undo the deletion of one's own post: it is again wherever it was, and counts again.

    Its hashtags are read anew from its text. A live post stays as it is, so it may be repeated.
    """

    storage: Storage
    admission: Admission
    once: Once
    clock: Clock
    kept_for: timedelta

    async def __call__(
        self, actor: Actor, post_id: int, *, idempotency_key: str | None = None
    ) -> Post:
        """The live post.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the idempotency key breaks a rule.
            PostNotFound: no such post, somebody else's, or one that was deleted too long ago.
            IdempotencyKeyReused: the key belongs to another request.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)

            async def restore() -> Post:
                before = await tx.posts.for_change(post_id)
                if before is None:
                    raise PostNotFound
                after = before.restored(by=user.id, at=self.clock(), kept_for=self.kept_for)
                if after is not before:
                    await tx.posts.save(before, after)
                return after

            return await self.once(
                tx, user, idempotency_key, "restore-post", post_id, wording=POST, work=restore
            )


@dataclass(frozen=True, slots=True)
class ListDeletedPosts:
    """Read one's own deleted posts that can still be restored, the last deleted first, in pages."""

    storage: Storage
    admission: Admission
    clock: Clock
    kept_for: timedelta

    async def __call__(
        self, actor: Actor, *, page: int = 1, page_size: int = PAGE_SIZE
    ) -> DeletedPage:
        """One page.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: a number out of its range.
            PageOutOfRange: there are fewer.
        """
        await self.admission.to_read(actor)
        require(self.faults(page=page, page_size=page_size))
        since = self.clock() - self.kept_for
        offset = (page - 1) * page_size
        async with self.storage.reading() as reading:
            # What was admitted a moment ago may be gone by now, and its posts with it.
            user = await reading.users.by_id(actor_id(actor))
            if user is None or user.is_deleted:
                raise Unauthenticated
            deleted = await reading.posts.deleted_of(
                actor_id(actor), since=since, offset=offset, limit=page_size
            )
        if page > 1 and not deleted.posts:
            raise PageOutOfRange
        return DeletedPage(
            count=deleted.count,
            page=page,
            page_size=page_size,
            has_next=offset + len(deleted.posts) < deleted.count,
            has_previous=page > 1,
            result=tuple((post, post.deletion(kept_for=self.kept_for)) for post in deleted.posts),
        )

    def faults(self, *, page: int | None, page_size: int, **_: object) -> Iterator[FieldError]:
        """What is wrong with a request for a page."""
        return page_faults(page=page, page_size=page_size, cursor=None)
