"""What a keeper of posts must do."""

import asyncio
from datetime import timedelta

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.errors import PostNotFound
from hashpost.domain.timeline import AllPosts, HashtagPosts, UserPosts
from hashpost.testing.builders import a_deleted, a_post, an_id
from hashpost.testing.contracts.keeping import (
    change,
    keep_posts,
    kept_user,
    listed,
    stored_post,
)

STRANGE_TEXTS = [
    "#a",
    "plain",
    "two\nlines\tand a tab #Ünïcödé #日本語 #a",
    "🙂 #𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \U0010fffd",
    "'; drop table posts; -- #%s #x\\y :name {braces} ?",
    "#" + "字" * 100,
    "x" * 5000,
    "é#no #e\u0301 \u200f#עברית",
]


class PostsContract:
    """The port `Posts`. Fixture: `storage`, empty."""

    @pytest.mark.parametrize("text", STRANGE_TEXTS)
    async def test_a_post_is_found_as_it_was_kept(self, storage: Storage, text: str) -> None:
        post = a_post(await kept_user(storage, "Ada"), text)

        async with storage.transaction() as tx:
            taken = await tx.posts.add([post])

        assert not taken
        assert await stored_post(storage, post.id) == post

    async def test_a_post_that_is_not_there_is_none(self, storage: Storage) -> None:
        assert await stored_post(storage, an_id()) is None
        assert await stored_post(storage, 2**53 - 1) is None
        async with storage.transaction() as tx:
            assert await tx.posts.for_change(an_id()) is None

    async def test_a_thousand_posts_are_kept_at_once(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_post(user, f"#all #t{number % 7} #n{number}") for number in range(1000)]

        await keep_posts(storage, *posts)

        async with storage.reading() as reading:
            newest = await reading.timelines.at_offset(HashtagPosts("all"), offset=990, limit=100)
        assert newest.count == 1000
        assert list(newest.posts) == posts[9::-1]

    async def test_no_posts_at_all_may_be_added(self, storage: Storage) -> None:
        async with storage.transaction() as tx:
            assert not await tx.posts.add([])

    async def test_taken_ids_are_told_and_the_other_posts_kept(self, storage: Storage) -> None:
        user = await kept_user(storage)
        old = a_post(user, "#old")
        deleted = a_deleted(a_post(user, "#gone"))
        await keep_posts(storage, old, deleted)
        clash, second_clash = a_post(user, "#new", id=old.id), a_post(user, "#x", id=deleted.id)
        fresh = a_post(user, "#fresh")

        async with storage.transaction() as tx:
            taken = await tx.posts.add([clash, fresh, second_clash])

        assert set(taken) == {old.id, deleted.id}
        assert await stored_post(storage, old.id) == old
        assert await stored_post(storage, fresh.id) == fresh
        assert await listed(storage, HashtagPosts("new")) == (0, [])
        assert await listed(storage, HashtagPosts("fresh")) == (1, [fresh.id])

    async def test_ids_of_posts_are_told_from_free_ones(self, storage: Storage) -> None:
        user = await kept_user(storage)
        old, deleted = a_post(user), a_deleted(a_post(user))
        await keep_posts(storage, old, deleted)

        async with storage.transaction() as tx:
            new = a_post(user)
            await tx.posts.add([new])
            taken = await tx.posts.taken([old.id, deleted.id, new.id, an_id(), 1, 2**53 - 1])
            none = await tx.posts.taken([])

        assert set(taken) == {old.id, deleted.id, new.id}
        assert not none

    async def test_an_edited_post_moves_to_the_timelines_of_its_new_hashtags(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        before = a_post(user, "#left #stays")
        await keep_posts(storage, before)
        after = before.edited(by=user.id, text="#stays #joined", at=before.created_at)

        await change(storage, before, after)

        assert await stored_post(storage, before.id) == after
        assert await listed(storage, HashtagPosts("left")) == (0, [])
        assert await listed(storage, HashtagPosts("stays")) == (1, [before.id])
        assert await listed(storage, HashtagPosts("joined")) == (1, [before.id])

    async def test_an_edited_post_keeps_its_place(self, storage: Storage) -> None:
        user = await kept_user(storage)
        first, second = a_post(user, "#a"), a_post(user, "#a")
        await keep_posts(storage, first, second)
        later = first.created_at + timedelta(hours=1)

        await change(storage, first, first.edited(by=user.id, text="#b #a", at=later))

        assert await listed(storage, AllPosts()) == (2, [second.id, first.id])
        assert await listed(storage, HashtagPosts("a")) == (2, [second.id, first.id])

    async def test_a_deleted_post_leaves_every_timeline_and_keeps_its_text(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        gone, left = a_post(user, "#a #b"), a_post(user, "#a")
        await keep_posts(storage, gone, left)

        await change(storage, gone, a_deleted(gone))

        assert await stored_post(storage, gone.id) == a_deleted(gone)
        assert await listed(storage, AllPosts()) == (1, [left.id])
        assert await listed(storage, UserPosts(user.id)) == (1, [left.id])
        assert await listed(storage, HashtagPosts("a")) == (1, [left.id])
        assert await listed(storage, HashtagPosts("b")) == (0, [])

    async def test_of_a_delete_and_edits_at_once_the_delete_holds(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_post(user, "#a") for _ in range(10)]
        await keep_posts(storage, *posts)

        async def edit(post_id: int) -> None:
            async with storage.transaction() as tx:
                before = await tx.posts.for_change(post_id)
                assert before is not None
                await asyncio.sleep(0)
                after = before.edited(by=user.id, text="#edited", at=before.created_at)
                await tx.posts.save(before, after)

        async def delete(post_id: int) -> None:
            async with storage.transaction() as tx:
                before = await tx.posts.for_change(post_id)
                assert before is not None
                await asyncio.sleep(0)
                await tx.posts.save(before, a_deleted(before))

        ended = await asyncio.gather(
            *(work(post.id) for post in posts for work in (edit, delete, edit)),
            return_exceptions=True,
        )

        assert {type(result) for result in ended} <= {type(None), PostNotFound}
        assert await listed(storage, AllPosts()) == (0, [])
        assert await listed(storage, HashtagPosts("a")) == (0, [])
        assert await listed(storage, HashtagPosts("edited")) == (0, [])

    async def test_posts_with_opposite_orders_of_hashtags_are_written_at_once(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        names = [f"#t{number}" for number in range(20)]
        texts = [" ".join(names), " ".join(reversed(names))] * 20

        await asyncio.gather(*(keep_posts(storage, a_post(user, text)) for text in texts))

        assert (await listed(storage, HashtagPosts("t7")))[0] == 40
