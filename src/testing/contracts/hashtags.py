"""What a counter of hashtags must do."""

from hashpost.application.ports import Storage
from hashpost.domain.popularity import HashtagCount
from hashpost.testing.builders import a_deleted, a_post
from hashpost.testing.contracts.keeping import change, keep_posts, kept_user


async def popular(storage: Storage, limit: int = 50) -> list[tuple[str, int]]:
    """The ranking as pairs."""
    async with storage.reading() as reading:
        ranking = await reading.hashtags.popular(limit=limit)
    assert all(isinstance(tag, HashtagCount) for tag in ranking)
    return [(tag.name, tag.count) for tag in ranking]


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
