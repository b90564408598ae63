"""Retries, undos and ends that happen at the same time, in two processes as it were."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Never

import pytest

from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.sql import SqlStorage
from hashpost.application.service import Service
from hashpost.domain.errors import (
    IdempotencyKeyReused,
    InvalidRefreshToken,
    PostNotFound,
    PreconditionFailed,
    Unauthenticated,
)
from hashpost.domain.post import Deletion, Post
from hashpost.domain.user import User
from hashpost.testing.clock import ManualClock
from tests.services import ListedQueue, a_hasher, a_service, run_told

PASSWORD = "correct horse battery"
ROUNDS = 200

Services = tuple[Service, Service]


@pytest.fixture(scope="module")
def hasher() -> Iterator[Argon2Hasher]:
    """One for all tests; it has threads."""
    hasher = a_hasher()
    yield hasher
    hasher.close()


@pytest.fixture
def queue() -> ListedQueue:
    return ListedQueue()


@pytest.fixture
async def services(
    migrated_url: str, hasher: Argon2Hasher, queue: ListedQueue
) -> AsyncIterator[Services]:
    """Two services, each with connections of its own to one database."""
    # Many wait for one writer here, and a loaded machine takes its time.
    storages = [await SqlStorage.open(migrated_url, patience=30) for _ in range(2)]
    first, second = (a_service(storage, ManualClock(), hasher, queue=queue) for storage in storages)
    yield first, second
    for storage in storages:
        await storage.close()


async def signed_up(service: Service, username: str = "ada") -> User:
    """A new user."""
    return await service.sign_up(username=username, password=PASSWORD)


async def kinds(*calls: Awaitable[object]) -> Counter[type]:
    """How the calls ended that were made at once: the types of answers and of errors."""
    ended = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(type(each) for each in ended)


async def differences(service: Service) -> list[object]:
    """What a recount finds."""
    return [difference async for difference in service.check_storage()]


async def test_of_requests_under_one_key_at_once_one_is_done(services: Services) -> None:
    user = await signed_up(services[0])

    for number in range(ROUNDS):
        posts = await asyncio.gather(
            *(
                services[turn % 2].create_post(
                    user.id, f"#a {number}", idempotency_key=f"key-{number}"
                )
                for turn in range(4)
            )
        )
        assert len(set(posts)) == 1

    assert (await services[0].list_posts(user.id)).count == ROUNDS
    assert await differences(services[0]) == []


async def test_of_different_requests_under_one_key_at_once_one_is_done(
    services: Services,
) -> None:
    user = await signed_up(services[0])

    for number in range(ROUNDS):
        ended = await kinds(
            *(
                services[turn % 2].create_post(
                    user.id, f"text {turn}", idempotency_key=f"key-{number}"
                )
                for turn in range(3)
            )
        )
        assert ended == {Post: 1, IdempotencyKeyReused: 2}

    assert (await services[0].list_posts(user.id)).count == ROUNDS


async def test_of_fifty_edits_of_one_version_one_is_made(services: Services) -> None:
    user = await signed_up(services[0])
    post = await services[0].create_post(user.id, "#before")

    for number in range(ROUNDS):
        ended = await kinds(
            *(
                services[turn % 2].edit_post(
                    user.id, post.id, f"#t{turn} {number}", versions=[post.version]
                )
                for turn in range(50)
            )
        )
        assert ended == {Post: 1, PreconditionFailed: 49}
        edited = await services[number % 2].read_post(user.id, post.id)
        assert edited.text.endswith(f" {number}")
        assert edited.version != post.version
        post = edited

    assert await differences(services[0]) == []


async def test_deletes_restores_and_edits_at_once_leave_a_post_that_is_whole(
    services: Services,
) -> None:
    user = await signed_up(services[0])
    post = await services[0].create_post(user.id, "#a #b")

    for number in range(ROUNDS):
        one, other = services[number % 2], services[(number + 1) % 2]
        ended = await kinds(
            one.delete_post(user.id, post.id),
            other.restore_post(user.id, post.id),
            one.edit_post(user.id, post.id, f"#a #n{number % 5}"),
            other.restore_post(user.id, post.id),
            other.delete_post(user.id, post.id),
        )
        assert set(ended) <= {Post, Deletion, PostNotFound}
        assert ended[Post] >= 2  # a post of one's own can be restored whatever happens
        restored = await one.restore_post(user.id, post.id)
        counts = {tag.name: tag.count for tag in await other.popular_hashtags(user.id)}
        assert counts == dict.fromkeys(restored.tags, 1)
        assert (await other.list_posts(user.id)).result == (restored,)

    assert await differences(services[0]) == []


async def test_a_session_that_is_revoked_among_refreshes_is_dead(services: Services) -> None:
    await signed_up(services[0])

    for number in range(ROUNDS):
        tokens = await services[0].log_in(username="ada", password=PASSWORD)
        refreshed, _, again = await asyncio.gather(
            services[number % 2].refresh(tokens.refresh),
            services[(number + 1) % 2].revoke(tokens.refresh),
            services[number % 2].refresh(tokens.refresh),
            return_exceptions=True,
        )
        for each in (refreshed, again, tokens):
            assert not isinstance(each, BaseException) or isinstance(each, InvalidRefreshToken)
            if not isinstance(each, BaseException):
                with pytest.raises(InvalidRefreshToken):
                    await services[0].refresh(each.refresh)


async def write_on(service: Service, user: User) -> Never:
    """Write posts for as long as the user may."""
    while True:
        await service.create_post(user.id, "#a #c")


async def go(service: Service, user: User, queue: ListedQueue) -> None:
    """Delete a user, and erase what is left at once."""
    await service.delete_user(user.id, password=PASSWORD)
    await run_told(service, queue)


async def test_nothing_is_left_of_a_user_who_goes_while_writing(
    services: Services, queue: ListedQueue
) -> None:
    reader = await signed_up(services[0], "reader")
    kept = await services[0].create_post(reader.id, "#a")

    for number in range(ROUNDS):
        one, other = services[number % 2], services[(number + 1) % 2]
        user = await signed_up(one, f"user{number}")
        first = await one.create_post(user.id, "#a #b")
        ended = await kinds(
            write_on(other, user),
            one.edit_post(user.id, first.id, "#d"),
            go(one, user, queue),
            write_on(one, user),
            go(other, user, queue),
            other.delete_post(user.id, first.id),
        )
        assert ended[type(None)] == 1  # of the two deletions
        assert ended[Unauthenticated] >= 3
        assert (await other.list_posts(reader.id)).result == (kept,)
        ranking = await one.popular_hashtags(reader.id)
        assert [(tag.name, tag.count) for tag in ranking] == [("a", 1)]

    assert (await services[0].list_posts(reader.id)).count == 1
    assert await differences(services[0]) == []
