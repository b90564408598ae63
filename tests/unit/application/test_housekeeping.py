"""The recount names what is wrong."""

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.application.housekeeping import Difference
from hashpost.application.service import Service
from hashpost.domain.post import Post
from hashpost.domain.timeline import HashtagPosts


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


async def test_a_service_over_a_storage_that_answers_is_ready(service: Service) -> None:
    await service.check_readiness()
