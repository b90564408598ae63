"""Timelines on real databases: what the contract leaves to the database."""

import asyncio

import pytest
from sqlalchemy import text

from hashpost.adapters.sql import SqlStorage
from hashpost.domain.timeline import AllPosts, HashtagPosts, UserPosts
from hashpost.testing.builders import a_deleted, a_post
from hashpost.testing.contracts.keeping import change, keep_posts, kept_user

# In UTF-16, or by any locale, these stand in another order than by code points.
ASCENDING = ["Z", "a", "z", "\u00e9", "\u5b57", "\uf900", "\uff41", "\U00010400", "\U00020000"]


async def test_names_are_sorted_by_code_points_beyond_the_first_plane_too(
    storage: SqlStorage,
) -> None:
    async with storage.transaction() as tx:
        for name in reversed(ASCENDING):
            await tx.users.run(
                text("INSERT INTO post_hashtags (name, post_id) VALUES (:name, 1)"), {"name": name}
            )

    async with storage.reading() as reading:
        ranking = await reading.hashtags.popular(limit=50)

    assert [tag.name for tag in ranking] == ASCENDING


async def test_emoji_of_four_bytes_come_back_as_they_went_in(storage: SqlStorage) -> None:
    post = a_post(await kept_user(storage), "🙂 #𝔘𝔫𝔦 👩\u200d🚀 \U0010fffd")

    await keep_posts(storage, post)

    async with storage.reading() as reading:
        assert await reading.posts.by_id(post.id) == post


async def test_a_count_and_its_posts_are_of_one_moment(storage: SqlStorage) -> None:
    owner = await kept_user(storage)
    done = asyncio.Event()

    async def post_and_delete() -> None:
        while not done.is_set():
            pair = [a_post(owner, "#a"), a_post(owner, "#a")]
            await keep_posts(storage, *pair)
            for post in pair:
                await change(storage, post, a_deleted(post))

    writing = [asyncio.create_task(post_and_delete()) for _ in range(3)]
    async with storage.reading() as reading:
        slices = [
            await reading.timelines.at_offset(timeline, offset=0, limit=100)
            for _ in range(60)
            for timeline in (AllPosts(), UserPosts(owner.id), HashtagPosts("a"))
        ]
    done.set()
    await asyncio.gather(*writing)

    assert [slice_.count for slice_ in slices] == [len(slice_.posts) for slice_ in slices]
    assert max(slice_.count for slice_ in slices) > 0


@pytest.mark.parametrize("size", range(1, 101, 33))
async def test_pages_of_every_size_end_where_the_timeline_ends(
    storage: SqlStorage, size: int
) -> None:
    owner = await kept_user(storage)
    posts = [a_post(owner, "#a") for _ in range(101)]
    await keep_posts(storage, *posts)

    async with storage.reading() as reading:
        pages = [
            await reading.timelines.at_offset(HashtagPosts("a"), offset=offset, limit=size)
            for offset in range(0, 101 + size, size)
        ]

    assert [post for page in pages for post in page.posts] == posts[::-1]
    assert {page.count for page in pages} == {101}
