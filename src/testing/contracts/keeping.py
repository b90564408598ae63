"""Short ways to put things into a storage, and to look at it again."""

from datetime import datetime

from hashpost.application.ports import Storage
from hashpost.domain.message import Message
from hashpost.domain.post import Post
from hashpost.domain.session import Session
from hashpost.domain.timeline import Timeline
from hashpost.domain.user import User
from hashpost.testing.builders import a_user


async def kept_user(storage: Storage, username: str | None = None) -> User:
    """A user, kept."""
    user = a_user(username)
    async with storage.transaction() as tx:
        assert await tx.users.add(user)
    return user


async def keep_session(storage: Storage, session: Session) -> None:
    """Keep the session."""
    async with storage.transaction() as tx:
        assert await tx.sessions.add(session)


async def keep_posts(storage: Storage, *posts: Post) -> None:
    """Keep the posts."""
    async with storage.transaction() as tx:
        assert not await tx.posts.add(posts)


async def delete_user(storage: Storage, user: User, *, at: datetime | None = None) -> User:
    """Delete a kept user; what is left of the user."""
    async with storage.transaction() as tx:
        present = await tx.users.for_change(user.id)
        assert present is not None
        left = present.deleted(at=at or user.created_at)
        await tx.users.save(left)
    return left


async def keep_messages(storage: Storage, *messages: Message) -> None:
    """Keep the messages."""
    async with storage.transaction() as tx:
        for message in messages:
            assert await tx.outbox.add(message)


async def change(storage: Storage, before: Post, after: Post) -> None:
    """Change a kept post."""
    async with storage.transaction() as tx:
        assert await tx.posts.for_change(before.id) == before
        await tx.posts.save(before, after)


async def stored_post(storage: Storage, post_id: int) -> Post | None:
    """The post with that id, as everybody sees it."""
    async with storage.reading() as reading:
        return await reading.posts.by_id(post_id)


async def stored_message(storage: Storage, message_id: int) -> Message | None:
    """The message with that id, as everybody sees it."""
    async with storage.reading() as reading:
        return await reading.messages.by_id(message_id)


async def listed(storage: Storage, timeline: Timeline) -> tuple[int, list[int]]:
    """How many posts the timeline has, and the ids of the newest hundred."""
    async with storage.reading() as reading:
        found = await reading.timelines.at_offset(timeline, offset=0, limit=100)
    return found.count, [post.id for post in found.posts]
