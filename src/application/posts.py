"""Writing, reading, editing and deleting posts."""

from dataclasses import dataclass
from datetime import timedelta

from hashpost.application.admission import Admission
from hashpost.application.ports import Clock, Ids, Storage
from hashpost.domain.errors import PostNotFound, require
from hashpost.domain.post import Deletion, Owner, Post, text_faults
from hashpost.domain.session import Actor


@dataclass(frozen=True, slots=True)
class CreatePost:
    """Write a post. Its hashtags are read from the text.

    Run twice, it makes two posts.
    """

    storage: Storage
    admission: Admission
    clock: Clock
    ids: Ids

    async def __call__(self, actor: Actor, text: str) -> Post:
        """The new post.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the text breaks a rule.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            owner = Owner(user.id, user.username)
            while True:
                post = Post.written(id=self.ids.next(self.clock()), owner=owner, text=text)
                if not await tx.posts.add([post]):
                    return post


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

    Of two edits at once the later one holds. An edit never brings a deleted post back.
    """

    storage: Storage
    admission: Admission
    clock: Clock

    async def __call__(self, actor: Actor, post_id: int, text: str) -> Post:
        """The post as it is now.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            InvalidInput: the text breaks a rule.
            PostNotFound: no such post, or a deleted one.
            NotTheOwner: the live post of somebody else.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            require(text_faults(text))
            before = await tx.posts.for_change(post_id)
            if before is None:
                raise PostNotFound
            after = before.edited(by=user.id, text=text, at=self.clock())
            await tx.posts.save(before, after)
            return after


@dataclass(frozen=True, slots=True)
class DeletePost:
    """Delete one's own post softly: it is gone at once from every timeline, count and ranking.

    A second deletion finds no post.
    """

    storage: Storage
    admission: Admission
    clock: Clock
    kept_for: timedelta

    async def __call__(self, actor: Actor, post_id: int) -> Deletion:
        """When it was deleted, and until when its text is kept.

        Raises:
            Unauthenticated: the actor is nobody (any more).
            PostNotFound: no such post, or a deleted one.
            NotTheOwner: the live post of somebody else.
        """
        async with self.storage.transaction() as tx:
            user = await self.admission.to_write(tx, actor)
            before = await tx.posts.for_change(post_id)
            if before is None:
                raise PostNotFound
            after = before.deleted(by=user.id, at=self.clock())
            await tx.posts.save(before, after)
        return after.deletion(kept_for=self.kept_for)
