"""What a keeper of posts must do."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.errors import PostNotFound
from hashpost.domain.ids import MAX_ID
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagPosts, Timeline, UserPosts
from hashpost.testing.builders import a_deleted, a_post, an_id
from hashpost.testing.contracts.keeping import (
    change,
    delete_user,
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

DAY = timedelta(days=1)


def deleted(post: Post, at: datetime) -> Post:
    """The post, deleted by its owner at that moment."""
    return post.deleted(by=post.owner.id, at=at)


async def purged(storage: Storage, before: datetime, *, limit: int = 100) -> int:
    """How many posts were purged at once."""
    async with storage.transaction() as tx:
        return await tx.posts.purge(before=before, limit=limit)


async def purged_until_none_is_left(storage: Storage, before: datetime, *, limit: int) -> int:
    """How many were purged by and by."""
    total = 0
    while batch := await purged(storage, before, limit=limit):
        total += batch
    return total


async def deleted_old(storage: Storage, *, below: int, at: datetime, limit: int = 100) -> int:
    """How many old posts were deleted at once."""
    async with storage.transaction() as tx:
        return await tx.posts.delete_old(below=below, at=at, limit=limit)


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

    async def test_what_was_deleted_long_ago_is_purged_for_good(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_post(user, f"#a #n{number}") for number in range(5)]
        day = posts[-1].created_at + DAY
        moments = [day - DAY / 2, day, day + DAY, None, day - DAY / 4]
        states = [
            post if at is None else deleted(post, at)
            for post, at in zip(posts, moments, strict=True)
        ]
        await keep_posts(storage, *states)

        assert await purged(storage, day) == 2
        assert await purged(storage, day) == 0
        gone, left = (states[0], states[4]), (states[1], states[2], states[3])
        assert [await stored_post(storage, post.id) for post in gone] == [None, None]
        assert [await stored_post(storage, post.id) for post in left] == list(left)
        assert await listed(storage, HashtagPosts("a")) == (1, [states[3].id])
        async with storage.transaction() as tx:
            assert await tx.posts.for_change(gone[0].id) is None

    async def test_a_purge_stops_at_its_limit(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_deleted(a_post(user)) for _ in range(5)]
        await keep_posts(storage, *posts)
        later = posts[-1].created_at + DAY

        assert [await purged(storage, later, limit=3) for _ in range(3)] == [3, 2, 0]

    async def test_purges_at_once_forget_each_post_once(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_deleted(a_post(user)) for _ in range(40)]
        await keep_posts(storage, *posts)
        later = posts[-1].created_at + DAY

        counts = await asyncio.gather(
            *(purged_until_none_is_left(storage, later, limit=7) for _ in range(4))
        )

        assert sum(counts) == 40

    async def test_of_a_restore_and_a_purge_at_once_one_happens(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_post(user, "#a") for _ in range(20)]
        later = posts[-1].created_at + DAY
        await keep_posts(storage, *(a_deleted(post) for post in posts))

        async def restore(post_id: int) -> bool:
            async with storage.transaction() as tx:
                before = await tx.posts.for_change(post_id)
                await asyncio.sleep(0)
                if before is not None:
                    await tx.posts.save(before, replace(before, deleted_at=None))
                return before is not None

        first, *restored = await asyncio.gather(
            purged(storage, later), *(restore(post.id) for post in posts)
        )

        left = [post.id for post, is_back in zip(posts, restored, strict=True) if is_back]
        assert first + len(left) == 20
        assert await listed(storage, HashtagPosts("a")) == (len(left), left[::-1])

    async def test_old_posts_are_deleted_softly_oldest_first(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [a_post(user, f"#a #n{number}") for number in range(6)]
        await keep_posts(storage, *posts[:1], a_deleted(posts[1]), *posts[2:])
        at = posts[-1].created_at + DAY

        counts = [
            await deleted_old(storage, below=posts[4].id, at=at + number * DAY, limit=2)
            for number in range(3)
        ]

        states = [
            deleted(posts[0], at),
            a_deleted(posts[1]),
            deleted(posts[2], at),
            deleted(posts[3], at + DAY),
            *posts[4:],
        ]
        assert counts == [2, 1, 0]
        assert [await stored_post(storage, post.id) for post in posts] == states
        left = (2, [posts[5].id, posts[4].id])
        assert await listed(storage, AllPosts()) == left
        assert await listed(storage, UserPosts(user.id)) == left
        assert await listed(storage, HashtagPosts("a")) == left
        assert await listed(storage, HashtagPosts("n3")) == (0, [])

    async def test_an_old_post_is_not_deleted_before_its_last_edit(self, storage: Storage) -> None:
        user = await kept_user(storage)
        post = a_post(user, "#a")
        edited = post.edited(by=user.id, text="#b", at=post.created_at + DAY)
        await keep_posts(storage, edited)

        await deleted_old(storage, below=MAX_ID, at=post.created_at + DAY / 2)

        assert await stored_post(storage, post.id) == deleted(edited, post.created_at + DAY)

    async def test_an_old_post_that_comes_back_is_in_all_its_timelines(
        self, storage: Storage
    ) -> None:
        post = a_post(await kept_user(storage), "#b #a")
        await keep_posts(storage, post)
        at = post.created_at + DAY
        await deleted_old(storage, below=MAX_ID, at=at)

        await change(storage, deleted(post, at), post)

        assert await stored_post(storage, post.id) == post
        assert await listed(storage, AllPosts()) == (1, [post.id])
        assert await listed(storage, HashtagPosts("a")) == (1, [post.id])
        assert await listed(storage, HashtagPosts("b")) == (1, [post.id])

    async def test_deletions_of_old_posts_among_edits_leave_none_and_miss_none(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        posts = [a_post(user, "#a #b") for _ in range(30)]
        await keep_posts(storage, *posts)
        at = posts[-1].created_at + DAY

        async def edit(post: Post, text: str) -> None:
            async with storage.transaction() as tx:
                before = await tx.posts.for_change(post.id)
                assert before is not None
                await asyncio.sleep(0)
                after = before.edited(by=user.id, text=text, at=before.created_at)
                await tx.posts.save(before, after)

        async def delete_all() -> int:
            total = 0
            while batch := await deleted_old(storage, below=MAX_ID, at=at, limit=7):
                total += batch
            return total

        deletions, edits = await asyncio.gather(
            asyncio.gather(*(delete_all() for _ in range(3))),
            asyncio.gather(
                *(edit(post, text) for post in posts[::-1] for text in ("#c #a", "#d")),
                return_exceptions=True,
            ),
        )

        assert sum(deletions) == 30
        assert {type(result) for result in edits} <= {type(None), PostNotFound}
        timelines: list[Timeline] = [AllPosts(), *map(HashtagPosts, "abcd")]
        assert [await listed(storage, timeline) for timeline in timelines] == [(0, [])] * 5
        async with storage.reading() as reading:
            audited = await reading.audit.posts(after=0, limit=100)
        assert {post.is_live or post.listed for post in audited} == {frozenset()}

    async def test_the_posts_of_a_deleted_user_are_deleted_with_the_user(
        self, storage: Storage
    ) -> None:
        user, other = await kept_user(storage), await kept_user(storage)
        live, edited, earlier = a_post(user, "#a"), a_post(user, "#a"), a_deleted(a_post(user))
        theirs = a_post(other, "#a")
        await keep_posts(storage, live, edited, earlier, theirs)
        at = live.created_at + DAY

        await delete_user(storage, user, at=at)

        assert await stored_post(storage, live.id) == replace(live, deleted_at=at)
        assert await stored_post(storage, earlier.id) == earlier
        assert await stored_post(storage, theirs.id) == theirs
        async with storage.transaction() as tx:
            assert await tx.posts.for_change(edited.id) == replace(edited, deleted_at=at)

    async def test_the_posts_of_a_deleted_user_are_erased_little_by_little(
        self, storage: Storage
    ) -> None:
        user, other = await kept_user(storage), await kept_user(storage)
        posts = [a_post(user, f"#a #n{number}") for number in range(5)]
        states = [*posts[:2], a_deleted(posts[2]), a_deleted(posts[3]), posts[4]]
        theirs = [a_post(other, "#a"), a_deleted(a_post(other, "#a"))]
        await keep_posts(storage, *states, *theirs)
        await delete_user(storage, user)

        counts: list[int] = []
        while not counts or counts[-1]:
            async with storage.transaction() as tx:
                counts.append(await tx.posts.erase(owner_id=user.id, limit=2))

        assert sum(counts) == 5
        assert max(counts) <= 2
        assert [await stored_post(storage, post.id) for post in posts] == [None] * 5
        assert [await stored_post(storage, post.id) for post in theirs] == theirs
        assert await listed(storage, HashtagPosts("a")) == (1, [theirs[0].id])
        async with storage.reading() as reading:
            assert await reading.audit.strays(limit=10) == []

    async def test_deleted_posts_are_listed_the_last_deleted_first(self, storage: Storage) -> None:
        user, other = await kept_user(storage), await kept_user(storage)
        posts = [a_post(user, f"#n{number}") for number in range(6)]
        start = posts[-1].created_at
        moments = [start + DAY, start + 3 * DAY, None, start + DAY, start + 2 * DAY, start]
        states = [
            post if at is None else deleted(post, at)
            for post, at in zip(posts, moments, strict=True)
        ]
        await keep_posts(storage, *states, deleted(a_post(other), start + DAY))

        async def some(offset: int, limit: int) -> tuple[int, list[Post]]:
            async with storage.reading() as reading:
                found = await reading.posts.deleted_of(
                    user.id, since=start, offset=offset, limit=limit
                )
            return found.count, list(found.posts)

        expected = [states[1], states[4], states[3], states[0]]
        assert await some(0, 10) == (4, expected)
        assert await some(1, 2) == (4, expected[1:3])
        assert await some(4, 2) == (4, [])
        async with storage.reading() as reading:
            none = await reading.posts.deleted_of(5, since=start, offset=0, limit=5)
        assert (none.count, none.posts) == (0, ())
