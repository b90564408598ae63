"""Requests that are repeated."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hashpost.application.service import Service
from hashpost.domain.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    PostNotFound,
    Unauthenticated,
)
from hashpost.domain.post import Post
from hashpost.domain.user import User
from hashpost.testing.clock import ManualClock

PASSWORD = "correct horse battery"
KEY = "0b9f5c1e-7d5e-4a52-9d0f-2f4d2f1f6d3a"


@pytest.fixture
async def ada(service: Service) -> User:
    return await service.sign_up(username="ada", password=PASSWORD)


@pytest.fixture
async def bob(service: Service) -> User:
    return await service.sign_up(username="bob", password=PASSWORD)


async def count(service: Service, user: User) -> int:
    return (await service.list_posts(user.id)).count


async def test_a_post_that_is_written_again_is_the_first(service: Service, ada: User) -> None:
    posts = [await service.create_post(ada.id, " #Hello \n", idempotency_key=KEY) for _ in range(3)]

    assert posts == [posts[0]] * 3
    assert await count(service, ada) == 1


async def test_of_many_at_once_one_post_is_written(service: Service, ada: User) -> None:
    posts = await asyncio.gather(
        *(service.create_post(ada.id, "Hello", idempotency_key=KEY) for _ in range(20))
    )

    assert len(set(posts)) == 1
    assert await count(service, ada) == 1


async def test_the_first_answer_is_given_whatever_became_of_the_post(
    service: Service, clock: ManualClock, ada: User
) -> None:
    first = await service.create_post(ada.id, "one #a", idempotency_key=KEY)
    clock.advance(seconds=1)
    await service.edit_post(ada.id, first.id, "two #b")
    edited = await service.create_post(ada.id, "one #a", idempotency_key=KEY)
    await service.delete_post(ada.id, first.id)
    deleted = await service.create_post(ada.id, "one #a", idempotency_key=KEY)

    assert (edited, deleted) == (first, first)
    assert await count(service, ada) == 0


async def test_without_a_key_every_request_is_a_new_one(service: Service, ada: User) -> None:
    await service.create_post(ada.id, "Hello")
    await service.create_post(ada.id, "Hello")
    await service.create_post(ada.id, "Hello", idempotency_key=KEY)

    assert await count(service, ada) == 3


async def test_keys_of_different_users_have_nothing_to_do_with_each_other(
    service: Service, ada: User, bob: User
) -> None:
    first = await service.create_post(ada.id, "Hello", idempotency_key=KEY)
    second = await service.create_post(bob.id, "Hello", idempotency_key=KEY)

    assert (first.owner.id, second.owner.id) == (ada.id, bob.id)


async def test_another_body_under_the_same_key_is_refused_and_does_nothing(
    service: Service, ada: User
) -> None:
    await service.create_post(ada.id, "Hello", idempotency_key=KEY)

    for text in ("hello", "Hello ", "create-post"):
        with pytest.raises(IdempotencyKeyReused):
            await service.create_post(ada.id, text, idempotency_key=KEY)
    assert await count(service, ada) == 1


async def test_another_route_under_the_same_key_is_refused_and_does_nothing(
    service: Service, ada: User
) -> None:
    post = await service.create_post(ada.id, "Hello", idempotency_key=KEY)
    other = await service.create_post(ada.id, "Other", idempotency_key="other")
    for each in (post, other):
        await service.delete_post(ada.id, each.id)
    restored = await service.restore_post(ada.id, post.id, idempotency_key="restore")

    calls: list[Callable[[], Awaitable[Post]]] = [
        lambda: service.restore_post(ada.id, other.id, idempotency_key=KEY),
        lambda: service.restore_post(ada.id, other.id, idempotency_key="restore"),
        lambda: service.create_post(ada.id, str(post.id), idempotency_key="restore"),
    ]
    for call in calls:
        with pytest.raises(IdempotencyKeyReused):
            await call()
    assert restored == post
    assert await count(service, ada) == 1


async def test_a_restore_that_is_asked_for_again_restores_nothing_more(
    service: Service, clock: ManualClock, ada: User
) -> None:
    post = await service.create_post(ada.id, "#a")
    clock.advance(seconds=1)
    post = await service.edit_post(ada.id, post.id, "#b #a")
    await service.delete_post(ada.id, post.id)
    first = await service.restore_post(ada.id, post.id, idempotency_key=KEY)
    await service.delete_post(ada.id, post.id)

    again = await service.restore_post(ada.id, post.id, idempotency_key=KEY)

    assert first == again == post
    with pytest.raises(PostNotFound):
        await service.read_post(ada.id, post.id)


async def test_what_failed_is_not_remembered(service: Service, ada: User) -> None:
    with pytest.raises(InvalidInput):
        await service.create_post(ada.id, " ", idempotency_key=KEY)
    with pytest.raises(PostNotFound):
        await service.restore_post(ada.id, 1, idempotency_key=KEY)

    post = await service.create_post(ada.id, "Hello", idempotency_key=KEY)

    assert await service.read_post(ada.id, post.id) == post


async def test_a_key_is_remembered_for_a_day(
    service: Service, clock: ManualClock, ada: User
) -> None:
    first = await service.create_post(ada.id, "Hello", idempotency_key=KEY)
    clock.advance(days=1, milliseconds=-1)
    within = await service.create_post(ada.id, "Hello", idempotency_key=KEY)
    clock.advance(milliseconds=1)
    after = await service.create_post(ada.id, "Another", idempotency_key=KEY)
    again = await service.create_post(ada.id, "Another", idempotency_key=KEY)

    assert (within, after) == (first, again)
    assert await count(service, ada) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "\x7f", "é", "x" * 256])
async def test_what_is_no_key_is_named_beside_whatever_else_is_wrong(
    service: Service, ada: User, key: str
) -> None:
    with pytest.raises(InvalidInput) as create:
        await service.create_post(ada.id, " ", idempotency_key=key)
    with pytest.raises(InvalidInput) as restore:
        await service.restore_post(ada.id, 1, idempotency_key=key)

    alone = service.create_post.faults(text=None, idempotency_key=key)
    assert [error.field for error in create.value.errors] == ["text", "Idempotency-Key"]
    assert [error.field for error in alone] == ["Idempotency-Key"]
    assert [error.field for error in restore.value.errors] == ["Idempotency-Key"]


async def test_nobody_gets_an_answer_by_knowing_a_key(service: Service, ada: User) -> None:
    await service.create_post(ada.id, "Hello", idempotency_key=KEY)
    await service.delete_user(ada.id, password=PASSWORD)

    with pytest.raises(Unauthenticated):
        await service.create_post(ada.id, "Hello", idempotency_key=KEY)
