"""What a reader of timelines must do."""

from collections.abc import Collection
from itertools import product

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagPosts, Slice, Timeline, UserPosts
from hashpost.testing.builders import a_deleted, a_post
from hashpost.testing.contracts.keeping import (
    change,
    delete_user,
    keep_posts,
    kept_user,
    listed,
)


async def at_offset(storage: Storage, timeline: Timeline, offset: int, limit: int) -> Slice:
    """That stretch of the timeline."""
    async with storage.reading() as reading:
        return await reading.timelines.at_offset(timeline, offset=offset, limit=limit)


async def before(storage: Storage, timeline: Timeline, post_id: int, limit: int) -> Slice:
    """That stretch of the timeline."""
    async with storage.reading() as reading:
        return await reading.timelines.before(timeline, post_id=post_id, limit=limit)


async def merged(
    storage: Storage,
    names: Collection[str],
    *,
    before: int | None = None,
    after: int = 0,
    offset: int = 0,
    limit: int = 100,
) -> list[Post]:
    """That stretch of the merged timeline."""
    async with storage.reading() as reading:
        return list(
            await reading.timelines.merged(
                names, before=before, after=after, offset=offset, limit=limit
            )
        )


class TimelinesContract:
    """The port `Timelines`. Fixture: `storage`, empty."""

    @pytest.fixture
    async def posts(self, storage: Storage) -> list[Post]:
        """Twelve posts of Ada and Bob by turns, oldest first; the fourth and fifth are deleted."""
        ada, bob = await kept_user(storage, "Ada"), await kept_user(storage, "bob")
        posts = [
            a_post((ada, bob)[number % 2], f"{number} #all #n{number % 3}") for number in range(12)
        ]
        await keep_posts(storage, *posts)
        for post in posts[3:5]:
            await change(storage, post, a_deleted(post))
        return posts

    @pytest.mark.parametrize(
        ("timeline", "numbers"),
        [
            (AllPosts(), [11, 10, 9, 8, 7, 6, 5, 2, 1, 0]),
            (HashtagPosts("all"), [11, 10, 9, 8, 7, 6, 5, 2, 1, 0]),
            (HashtagPosts("n0"), [9, 6, 0]),
            (HashtagPosts("n1"), [10, 7, 1]),
            (HashtagPosts("n"), []),
            (UserPosts(1), []),
        ],
    )
    async def test_a_timeline_holds_its_live_posts_newest_first(
        self, storage: Storage, posts: list[Post], timeline: Timeline, numbers: list[int]
    ) -> None:
        expected = Slice(len(numbers), tuple(posts[number] for number in numbers))

        assert await at_offset(storage, timeline, 0, 100) == expected

    async def test_the_timeline_of_a_user_holds_that_users_posts(
        self, storage: Storage, posts: list[Post]
    ) -> None:
        ada = posts[0].owner

        found = await at_offset(storage, UserPosts(ada.id), 0, 100)

        assert found == Slice(5, tuple(posts[number] for number in (10, 8, 6, 2, 0)))
        assert {post.owner for post in found.posts} == {ada}

    @pytest.mark.parametrize(
        ("offset", "limit", "numbers"),
        [
            (0, 1, [11]),
            (0, 3, [11, 10, 9]),
            (5, 3, [6, 5, 2]),
            (9, 3, [0]),
            (10, 3, []),
            (11, 3, []),
            (2**53 - 1, 100, []),
            (2**63 - 1, 100, []),
        ],
    )
    async def test_a_stretch_begins_at_its_offset_and_counts_all(
        self, storage: Storage, posts: list[Post], offset: int, limit: int, numbers: list[int]
    ) -> None:
        expected = Slice(10, tuple(posts[number] for number in numbers))

        assert await at_offset(storage, AllPosts(), offset, limit) == expected
        assert await at_offset(storage, HashtagPosts("all"), offset, limit) == expected

    @pytest.mark.parametrize(
        ("position", "limit", "numbers"),
        [(11, 3, [10, 9, 8]), (6, 2, [5, 2]), (4, 2, [2, 1]), (3, 9, [2, 1, 0]), (0, 3, [])],
    )
    async def test_a_stretch_goes_on_below_a_position_even_a_deleted_one(
        self, storage: Storage, posts: list[Post], position: int, limit: int, numbers: list[int]
    ) -> None:
        expected = Slice(10, tuple(posts[number] for number in numbers))

        below = posts[position].id

        assert await before(storage, AllPosts(), below, limit) == expected
        assert await before(storage, HashtagPosts("all"), below, limit) == expected

    async def test_positions_may_lie_outside_the_timeline(
        self, storage: Storage, posts: list[Post]
    ) -> None:
        above = await before(storage, HashtagPosts("n1"), 2**53 - 1, 2)
        below = await before(storage, UserPosts(posts[1].owner.id), 1, 2)

        assert above == Slice(3, (posts[10], posts[7]))
        assert below == Slice(5, ())

    async def test_an_empty_timeline_counts_nothing(self, storage: Storage) -> None:
        assert await at_offset(storage, AllPosts(), 0, 20) == Slice(0, ())
        assert await before(storage, HashtagPosts("a"), 2**53 - 1, 20) == Slice(0, ())

    async def test_hashtags_are_told_apart_by_every_code_point(self, storage: Storage) -> None:
        user = await kept_user(storage)
        precomposed, plain = a_post(user, "#ano"), a_post(user, "#año")
        await keep_posts(storage, precomposed, plain)

        assert await at_offset(storage, HashtagPosts("ano"), 0, 20) == Slice(1, (precomposed,))
        assert await at_offset(storage, HashtagPosts("año"), 0, 20) == Slice(1, (plain,))

    async def test_live_posts_are_read_oldest_first_in_stretches(
        self, storage: Storage, posts: list[Post]
    ) -> None:
        async with storage.reading() as reading:
            first = await reading.timelines.oldest(after=0, limit=4)
            second = await reading.timelines.oldest(after=first[-1].id, limit=100)
            third = await reading.timelines.oldest(after=second[-1].id, limit=100)

        assert [*first, *second] == [*posts[:3], *posts[5:]]
        assert len(first) == 4
        assert not third

    @pytest.mark.parametrize(
        ("names", "numbers"),
        [
            ([], []),
            (["n"], []),
            (["n0"], [9, 6, 0]),
            (["n0", "n1"], [10, 9, 7, 6, 1, 0]),
            (["n1", "n0", "none"], [10, 9, 7, 6, 1, 0]),
            (["n2", "all", "n0"], [11, 10, 9, 8, 7, 6, 5, 2, 1, 0]),
            (["n0", "n1", "n2", "all", "none"], [11, 10, 9, 8, 7, 6, 5, 2, 1, 0]),
        ],
    )
    async def test_a_merged_timeline_holds_each_post_once_newest_first(
        self, storage: Storage, posts: list[Post], names: list[str], numbers: list[int]
    ) -> None:
        assert await merged(storage, names) == [posts[number] for number in numbers]

    async def test_names_may_come_in_any_order_and_repeatedly(
        self, storage: Storage, posts: list[Post]
    ) -> None:
        expected = [posts[number] for number in (10, 9, 7, 6, 1, 0)]

        assert await merged(storage, {"n1", "n0"}) == expected
        assert await merged(storage, ["n1", "n0", "n1", "n0", "n0"]) == expected

    @pytest.mark.parametrize(
        ("after", "before", "numbers"),
        [
            (None, 9, [7, 6, 1, 0]),
            (None, 8, [7, 6, 1, 0]),
            (6, None, [10, 9, 7]),
            (3, None, [10, 9, 7, 6]),
            (1, 9, [7, 6]),
            (9, 10, []),
            (10, 1, []),
        ],
    )
    async def test_a_merged_timeline_lies_between_its_bounds(
        self,
        storage: Storage,
        posts: list[Post],
        after: int | None,
        before: int | None,
        numbers: list[int],
    ) -> None:
        found = await merged(
            storage,
            ["n0", "n1"],
            after=0 if after is None else posts[after].id,
            before=None if before is None else posts[before].id,
        )

        assert found == [posts[number] for number in numbers]

    @pytest.mark.parametrize("before", [None, 10])
    async def test_a_merged_timeline_is_read_in_stretches_of_every_size(
        self, storage: Storage, posts: list[Post], before: int | None
    ) -> None:
        names = ["n2", "n1", "all"]
        whole = [post for post in posts[::-1] if post not in posts[3:5]]
        bound = None if before is None else posts[before].id
        expected = [post for post in whole if bound is None or post.id < bound]

        stretches = {
            (offset, limit): await merged(storage, names, before=bound, offset=offset, limit=limit)
            for offset, limit in product(range(12), range(1, 12))
        }

        assert stretches == {
            (offset, limit): expected[offset : offset + limit] for offset, limit in stretches
        }

    async def test_a_post_moves_between_merged_timelines_with_its_hashtags(
        self, storage: Storage, posts: list[Post]
    ) -> None:
        before = posts[6]
        after = before.edited(by=before.owner.id, text="#n1", at=before.created_at)

        await change(storage, before, after)

        assert await merged(storage, ["n0"]) == [posts[9], posts[0]]
        assert await merged(storage, ["n1"]) == [posts[10], posts[7], after, posts[1]]

    async def test_a_timeline_is_merged_from_two_hundred(self, storage: Storage) -> None:
        user = await kept_user(storage)
        posts = [
            a_post(user, f"#a{number} #b{number} #a{(number + 1) % 100}") for number in range(100)
        ]
        await keep_posts(storage, *posts)
        names = [f"{letter}{number}" for letter in "ab" for number in range(100)]

        first = await merged(storage, names, limit=21)
        last = await merged(storage, names, offset=90, limit=21)

        assert first == posts[:-22:-1]
        assert last == posts[9::-1]

    @pytest.mark.parametrize(
        ("position", "count"), [(0, 0), (1, 1), (3, 3), (4, 3), (5, 3), (6, 4), (11, 9)]
    )
    async def test_live_posts_are_counted_below_an_id(
        self, storage: Storage, posts: list[Post], position: int, count: int
    ) -> None:
        async with storage.reading() as reading:
            assert await reading.timelines.count_below(posts[position].id) == count
            assert await reading.timelines.count_below(2**53 - 1) == 10

    async def test_the_posts_of_a_deleted_user_are_in_no_timeline_and_count_nowhere(
        self, storage: Storage
    ) -> None:
        gone, other = await kept_user(storage), await kept_user(storage)
        theirs = [a_post(gone, "#a #b") for _ in range(3)]
        kept = [a_post(other, "#a"), a_post(other, "#a #c")]
        await keep_posts(storage, theirs[0], kept[0], theirs[1], kept[1], theirs[2])
        ids = [kept[1].id, kept[0].id]

        await delete_user(storage, gone)

        while True:
            assert await listed(storage, AllPosts()) == (2, ids)
            assert await listed(storage, UserPosts(gone.id)) == (0, [])
            assert await listed(storage, HashtagPosts("a")) == (2, ids)
            assert await listed(storage, HashtagPosts("b")) == (0, [])
            async with storage.reading() as reading:
                timelines, hashtags = reading.timelines, reading.hashtags
                second = await timelines.at_offset(AllPosts(), offset=1, limit=5)
                earlier = await timelines.before(HashtagPosts("a"), post_id=ids[0], limit=5)
                oldest = await timelines.oldest(after=0, limit=5)
                popular = await hashtags.popular(limit=5)
                counts = await hashtags.counts(["a", "b", "c"])
                usage = await hashtags.usage(
                    today=(1, 2**53), yesterday=(0, 1), names=["b"], least=1
                )
            assert (second.count, [post.id for post in second.posts]) == (2, ids[1:])
            assert (earlier.count, [post.id for post in earlier.posts]) == (2, ids[1:])
            assert [post.id for post in oldest] == ids[::-1]
            assert [(tag.name, tag.count) for tag in popular] == [("a", 2), ("c", 1)]
            assert {name: count for name, count in counts.items() if count} == {"a": 2, "c": 1}
            assert {(each.name, each.users_today) for each in usage} == {
                ("a", 1),
                ("b", 0),
                ("c", 1),
            }
            async with storage.transaction() as tx:
                if not await tx.posts.erase(owner_id=gone.id, limit=1):
                    break
