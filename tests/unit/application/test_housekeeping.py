"""The recount names what is wrong."""

from collections.abc import Sequence

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.memory.repositories import MemoryAudit
from hashpost.application.housekeeping import Difference
from hashpost.application.ports import Miscount
from hashpost.application.service import Service
from hashpost.domain.post import Post
from hashpost.domain.timeline import HashtagPosts, Timeline


async def differences(service: Service, batch: int = 2) -> list[Difference]:
    """All of them."""
    return [difference async for difference in service.check_storage(batch=batch)]


@pytest.fixture
async def posts(service: Service) -> list[Post]:
    """Five posts, the third of them deleted."""
    ada = await service.sign_up(username="ada", password="correct horse battery")
    posts = [await service.create_post(ada.id, f"{number} #b #a") for number in range(5)]
    await service.delete_post(ada.id, posts[2].id)
    return posts


async def test_a_sound_storage_has_no_differences(service: Service, posts: list[Post]) -> None:
    assert posts
    assert await differences(service) == []


async def test_an_empty_storage_has_no_differences(service: Service) -> None:
    assert await differences(service) == []


async def test_wrong_hashtags_are_named(
    service: Service, storage: MemoryStorage, posts: list[Post]
) -> None:
    state = storage._state
    object.__setattr__(state.posts[posts[0].id], "tags", ("a", "b"))
    object.__setattr__(state.posts[posts[4].id], "tags", ())

    assert await differences(service) == [
        Difference(f"hashtags of post {posts[0].id}", "#a #b", "#b #a"),
        Difference(f"hashtags of post {posts[4].id}", "none", "#b #a"),
    ]


async def test_wrong_places_in_timelines_are_named(
    service: Service, storage: MemoryStorage, posts: list[Post]
) -> None:
    timelines = storage._state.timelines
    timelines[HashtagPosts("a")].remove(posts[1].id)
    timelines[HashtagPosts("c")].append(posts[1].id)
    timelines[HashtagPosts("a")].append(posts[2].id)

    assert await differences(service) == [
        Difference(f"timelines of post {posts[1].id}", "#b #c", "#a #b"),
        Difference(f"timelines of post {posts[2].id}", "#a", "none"),
    ]


async def test_places_of_posts_that_do_not_exist_are_named(
    service: Service, storage: MemoryStorage, posts: list[Post]
) -> None:
    storage._state.timelines[HashtagPosts("a")].append(posts[4].id + 1)

    assert await differences(service) == [
        Difference("timeline of #a", f"post {posts[4].id + 1}", "no such post")
    ]


class Numbers(MemoryAudit):
    """Of five timelines numbers are stored; those of the second and the last are wrong."""

    names = ("a", "b", "c", "d", "e")

    async def counted(self, *, after: Timeline | None, limit: int) -> Sequence[Timeline]:
        """Some of them."""
        all_ = [HashtagPosts(name) for name in self.names]
        begin = 0 if after is None else [*map(str, all_)].index(str(after)) + 1
        return all_[begin : begin + limit]

    async def miscounts(self, timeline: Timeline) -> Sequence[Miscount]:
        """One each."""
        is_wrong = timeline in (HashtagPosts("b"), HashtagPosts("e"))
        return [Miscount(f"count of {timeline.name}", 3, 4)] if is_wrong else []

    async def uncounted(self, *, limit: int) -> int:
        """More than anybody wants to know."""
        return limit


async def test_stored_numbers_that_are_wrong_are_named(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashpost.adapters.memory.storage.MemoryAudit", Numbers)

    assert await differences(service) == [
        Difference("count of hashtag:b", "3", "4"),
        Difference("count of hashtag:e", "3", "4"),
    ]


async def test_it_tells_how_much_waits_to_be_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await service.check_storage.uncounted() == 0
    monkeypatch.setattr("hashpost.adapters.memory.storage.MemoryAudit", Numbers)
    assert await service.check_storage.uncounted() == 100_000


async def test_a_service_over_a_storage_that_answers_is_ready(service: Service) -> None:
    await service.check_readiness()
