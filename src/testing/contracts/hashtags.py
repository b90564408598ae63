"""What a counter of hashtags must do."""

from collections.abc import Collection, Mapping

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.ids import MAX_ID
from hashpost.domain.popularity import HashtagCount
from hashpost.domain.post import Post
from hashpost.domain.trend import Usage
from hashpost.testing.builders import a_deleted, a_post
from hashpost.testing.contracts.keeping import change, keep_posts, kept_user


async def popular(storage: Storage, limit: int = 50) -> list[tuple[str, int]]:
    """The ranking as pairs."""
    async with storage.reading() as reading:
        ranking = await reading.hashtags.popular(limit=limit)
    assert all(isinstance(tag, HashtagCount) for tag in ranking)
    return [(tag.name, tag.count) for tag in ranking]


async def completions(storage: Storage, prefix: str, limit: int = 50) -> list[tuple[str, int]]:
    """The completions as pairs."""
    async with storage.reading() as reading:
        found = await reading.hashtags.completions(prefix, limit=limit)
    assert all(isinstance(tag, HashtagCount) for tag in found)
    return [(tag.name, tag.count) for tag in found]


async def counts(storage: Storage, *names: str) -> Mapping[str, int]:
    """The counts of those that are used."""
    async with storage.reading() as reading:
        found = await reading.hashtags.counts(names)
    return {name: count for name, count in found.items() if count}


async def usage(
    storage: Storage,
    *,
    today: tuple[int, int],
    yesterday: tuple[int, int] = (0, 0),
    names: Collection[str] = (),
    least: int = 1,
) -> list[Usage]:
    """The usage, by name."""
    async with storage.reading() as reading:
        found = await reading.hashtags.usage(
            today=today, yesterday=yesterday, names=names, least=least
        )
    return sorted(found, key=lambda each: each.name)


class HashtagsContract:
    """The port `Hashtags`. Fixture: `storage`, empty."""

    async def test_nothing_is_popular_at_first(self, storage: Storage) -> None:
        assert await popular(storage) == []

    async def test_hashtags_are_ranked_by_their_live_posts(self, storage: Storage) -> None:
        user = await kept_user(storage)
        texts = ["#a #b #c", "#b #c", "#c #B", "#c #C", "no hashtag"]

        await keep_posts(storage, *(a_post(user, text) for text in texts))

        assert await popular(storage) == [("c", 4), ("b", 3), ("a", 1)]
        assert await popular(storage, limit=2) == [("c", 4), ("b", 3)]

    async def test_ties_stand_in_the_order_of_code_points(self, storage: Storage) -> None:
        user = await kept_user(storage)
        names = ["\uff00a", "z", "é", "a_", "ab", "\U00020000", "字", "\uf900"]

        await keep_posts(storage, a_post(user, "#字 #z #é #a_ #ab #\U00020000 #ꯀ #_b #ꭰ"))

        ranking = [name for name, _ in await popular(storage)]
        assert ranking == sorted(ranking)
        assert len(ranking) == 9
        assert ranking[-1] == "\U00020000"
        assert names[5] in ranking

    async def test_deleted_and_edited_posts_do_not_count(self, storage: Storage) -> None:
        user = await kept_user(storage)
        deleted, edited, left = a_post(user, "#a #b"), a_post(user, "#a #c"), a_post(user, "#b")
        await keep_posts(storage, deleted, edited, left)

        await change(storage, deleted, a_deleted(deleted))
        await change(storage, edited, edited.edited(by=user.id, text="#d", at=edited.created_at))

        assert await popular(storage) == [("b", 1), ("d", 1)]

    async def test_completions_begin_with_the_prefix_and_are_ranked_as_popular_ones(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        texts = ["#sun #sea #s", "#Sun #seal", "#sun #sea #moon", "#se_ #tea #SEA"]

        await keep_posts(storage, *(a_post(user, text) for text in texts))

        ranking = [("sea", 3), ("sun", 3), ("s", 1), ("se_", 1), ("seal", 1)]
        assert await completions(storage, "s") == ranking
        assert await completions(storage, "s", limit=2) == ranking[:2]
        assert await completions(storage, "se") == [("sea", 3), ("se_", 1), ("seal", 1)]
        assert await completions(storage, "seal") == [("seal", 1)]
        assert await completions(storage, "seals") == []

    async def test_completions_of_every_beginning_are_those_that_have_it(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        names = [
            *("a", "ab", "a_b", "a\u00b7b", "é", "élan", "e", "z", "zz", "1a", "12b", "%a", "_a"),
            *("字", "字幕", "字典", "學", "한국", "하늘", "日本", "日本語", "\ufb1d\u05d0", "ꯀ"),
            *("\U00020000", "\U00020000a", "\U0003134a\U0003134a", "a\U0003134a", "က္က", "བ\u0f0bད"),
        ]
        posts = [a_post(user, f"#{name}") for name in names]
        await keep_posts(storage, *posts)
        kept = [name for post in posts for name in post.tags]

        prefixes = {name[:end] for name in kept for end in range(1, len(name) + 1)} | {"字z", "ﬀ"}
        found = {prefix: await completions(storage, prefix) for prefix in prefixes}

        assert len(kept) > 25
        assert found == {
            prefix: [(name, 1) for name in sorted(kept) if name.startswith(prefix)]
            for prefix in prefixes
        }

    async def test_of_completions_used_alike_the_first_by_name_are_given(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        names = [f"t{number}" for number in range(40)]
        await keep_posts(storage, *(a_post(user, f"#{name}") for name in names))

        assert await completions(storage, "t", limit=5) == [(name, 1) for name in sorted(names)[:5]]

    async def test_a_prefix_is_no_pattern(self, storage: Storage) -> None:
        user = await kept_user(storage)
        await keep_posts(storage, a_post(user, "#a_b #axb #Ab"))

        assert await completions(storage, "a_") == [("a_b", 1)]
        assert await completions(storage, "a%") == []
        assert await completions(storage, "A") == []

    async def test_completions_count_live_posts_as_they_are(self, storage: Storage) -> None:
        user = await kept_user(storage)
        deleted, edited, left = a_post(user, "#a #ab"), a_post(user, "#a #ac"), a_post(user, "#ab")
        await keep_posts(storage, deleted, edited, left)

        await change(storage, deleted, a_deleted(deleted))
        await change(storage, edited, edited.edited(by=user.id, text="#ad", at=edited.created_at))

        assert await completions(storage, "a") == [("ab", 1), ("ad", 1)]

    async def test_hashtags_are_counted_by_name(self, storage: Storage) -> None:
        user = await kept_user(storage)
        deleted = a_post(user, "#a #b #gone")
        texts = ["#a #b #ano", "#A", "#año", "#ab"]
        await keep_posts(storage, deleted, *(a_post(user, text) for text in texts))
        await change(storage, deleted, a_deleted(deleted))

        assert await counts(storage, "a", "b", "gone", "año", "none") == {"a": 2, "b": 1, "año": 1}
        assert await counts(storage) == {}

    @pytest.fixture
    async def days(self, storage: Storage) -> list[Post]:
        """Two days of posts by Ada, Bob and Eve, four each, and one post more on either side."""
        ada, bob, eve = [await kept_user(storage) for _ in range(3)]
        posts = [
            a_post(ada, "#a #before"),
            a_post(ada, "#a #b"),
            a_post(ada, "#A #c"),
            a_post(bob, "#b"),
            a_post(bob, "#a"),
            a_post(ada, "#a #c"),
            a_post(bob, "#a #c"),
            a_post(bob, "#C"),
            a_post(eve, "#c #d"),
            a_post(eve, "#c #after"),
        ]
        await keep_posts(storage, *posts)
        return posts

    @pytest.mark.parametrize(
        ("least", "names", "expected"),
        [
            (1, (), [Usage("a", 2, 2), Usage("c", 3, 1), Usage("d", 1, 0)]),
            (2, (), [Usage("a", 2, 2), Usage("c", 3, 1)]),
            (3, (), [Usage("c", 3, 1)]),
            (4, (), []),
            (3, ("b", "c"), [Usage("b", 0, 2), Usage("c", 3, 1)]),
            (
                9,
                ("d", "no", "before"),
                [Usage("before", 0, 0), Usage("d", 1, 0), Usage("no", 0, 0)],
            ),
        ],
    )
    async def test_usage_counts_users_by_day(
        self,
        storage: Storage,
        days: list[Post],
        least: int,
        names: tuple[str, ...],
        expected: list[Usage],
    ) -> None:
        found = await usage(
            storage,
            today=(days[5].id, days[9].id),
            yesterday=(days[1].id, days[5].id),
            names=names,
            least=least,
        )

        assert found == expected

    async def test_usage_counts_live_posts_as_they_are(
        self, storage: Storage, days: list[Post]
    ) -> None:
        deleted, edited = days[6], days[8]
        await change(storage, deleted, a_deleted(deleted))
        owner = edited.owner.id
        await change(storage, edited, edited.edited(by=owner, text="#e", at=edited.created_at))

        found = await usage(storage, today=(days[5].id, days[9].id), yesterday=(0, days[5].id))

        assert found == [Usage("a", 1, 2), Usage("c", 2, 1), Usage("e", 1, 0)]

    async def test_days_need_not_be_next_to_each_other(
        self, storage: Storage, days: list[Post]
    ) -> None:
        found = await usage(
            storage, today=(days[9].id, MAX_ID), yesterday=(days[0].id, days[1].id), names=["a"]
        )

        assert found == [Usage("a", 0, 1), Usage("after", 1, 0), Usage("c", 1, 0)]

    async def test_nothing_is_used_on_days_without_posts(
        self, storage: Storage, days: list[Post]
    ) -> None:
        assert await usage(storage, today=(1, 2), yesterday=(1, 1)) == []
