"""What a storage must do for transactions."""

import asyncio

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.timeline import AllPosts, HashtagPosts
from hashpost.testing.builders import a_post, a_user
from hashpost.testing.contracts.keeping import keep_posts, kept_user, listed, stored_post


class TransactionContract:
    """The port `Storage`. Fixture: `storage`, empty."""

    async def test_an_exception_undoes_everything(self, storage: Storage) -> None:
        owner = await kept_user(storage)
        kept, user, post = a_post(owner, "#kept"), a_user(), a_post(owner, "#undone")
        await keep_posts(storage, kept)

        with pytest.raises(LookupError):
            async with storage.transaction() as tx:
                await tx.users.add(user)
                await tx.posts.add([post])
                await tx.posts.save(kept, kept.edited(by=owner.id, text="#b", at=kept.created_at))
                raise LookupError

        async with storage.reading() as reading:
            assert await reading.users.by_id(user.id) is None
            assert await reading.posts.by_id(kept.id) == kept
        assert await listed(storage, AllPosts()) == (1, [kept.id])
        assert await listed(storage, HashtagPosts("kept")) == (1, [kept.id])

    async def test_a_transaction_sees_its_own_writes(self, storage: Storage) -> None:
        owner = await kept_user(storage)
        post = a_post(owner)

        async with storage.transaction() as tx:
            await tx.posts.add([post])
            assert await tx.posts.for_change(post.id) == post

    async def test_nobody_else_sees_a_write_before_it_is_committed(self, storage: Storage) -> None:
        owner = await kept_user(storage)
        post = a_post(owner, "#a")

        async with storage.transaction() as tx:
            await tx.posts.add([post])
            during = await stored_post(storage, post.id), await listed(storage, HashtagPosts("a"))

        assert during == (None, (0, []))
        assert await stored_post(storage, post.id) == post

    async def test_a_cancelled_transaction_leaves_nothing_and_blocks_nobody(
        self, storage: Storage
    ) -> None:
        owner = await kept_user(storage)
        post = a_post(owner)
        written = asyncio.Event()

        async def hang() -> None:
            async with storage.transaction() as tx:
                await tx.posts.add([post])
                written.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hang())
        await written.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        await keep_posts(storage, a_post(owner))
        assert await stored_post(storage, post.id) is None

    async def test_fifty_transactions_at_once_all_happen(self, storage: Storage) -> None:
        owner = await kept_user(storage)
        posts = [a_post(owner, "#a") for _ in range(50)]

        await asyncio.gather(*(keep_posts(storage, post) for post in posts))

        count, ids = await listed(storage, HashtagPosts("a"))
        assert count == 50
        assert ids == sorted((post.id for post in posts), reverse=True)

    async def test_a_storage_that_is_there_answers_a_ping(self, storage: Storage) -> None:
        await storage.ping()
