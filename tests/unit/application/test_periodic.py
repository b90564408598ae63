"""What periodic jobs do."""

from datetime import timedelta

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.application import periodic
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidInput, PostNotFound, Unauthenticated
from hashpost.domain.message import Message, State
from hashpost.domain.post import Post
from hashpost.testing.clock import START, ManualClock

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
async def schedules(service: Service) -> None:
    await service.ensure_schedules()


@pytest.fixture
async def ada(service: Service) -> int:
    return (await service.sign_up(username="ada", password=PASSWORD)).id


async def run(service: Service, job: str) -> str | None:
    """Run it by command; what came of it."""
    attempt = await service.run_message(await service.run_schedule(job))
    assert attempt is not None
    assert attempt.error is None
    return attempt.message.outcome


async def stored(storage: MemoryStorage, post_id: int) -> Post | None:
    async with storage.reading() as reading:
        return await reading.posts.by_id(post_id)


async def test_deleted_posts_are_purged_after_thirty_days(
    service: Service, storage: MemoryStorage, clock: ManualClock, ada: int
) -> None:
    kept = await service.create_post(ada, "Hello")
    gone = await service.create_post(ada, "Hello")
    await service.delete_post(ada, gone.id)

    clock.advance(days=30)
    early = await run(service, periodic.PURGE_DELETED_POSTS)
    clock.advance(milliseconds=1)
    late = await run(service, periodic.PURGE_DELETED_POSTS)

    assert (early, late) == ("0 posts", "1 posts")
    assert await stored(storage, gone.id) is None
    assert await stored(storage, kept.id) == kept


async def test_many_posts_are_purged_in_batches(
    service: Service, clock: ManualClock, ada: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "BATCH", 2)
    for _ in range(5):
        post = await service.create_post(ada, "Hello")
        await service.delete_post(ada, post.id)
    clock.advance(days=31)

    assert await run(service, periodic.PURGE_DELETED_POSTS) == "5 posts"


async def test_old_posts_are_deleted_softly_with_all_their_places(
    service: Service,
    storage: MemoryStorage,
    clock: ManualClock,
    ada: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(periodic, "BATCH", 2)
    old = [await service.create_post(ada, "#old") for _ in range(3)]
    clock.advance(days=365, milliseconds=1)
    new = await service.create_post(ada, "#new")
    counted = await service.count_old_posts(days=365)

    deleted = await run(service, periodic.DELETE_OLD_POSTS)

    assert (counted, deleted) == (3, "3 posts")
    with pytest.raises(PostNotFound):
        await service.read_post(ada, old[0].id)
    assert [tag.name for tag in await service.popular_hashtags(ada)] == ["new"]
    assert (await service.list_posts(ada)).result == (new,)
    kept = await stored(storage, old[0].id)
    assert kept is not None
    assert kept.deleted_at == clock()
    assert [each async for each in service.check_storage()] == []


async def test_posts_are_not_deleted_for_less_than_a_day(
    service: Service, storage: MemoryStorage, ada: int
) -> None:
    await service.create_post(ada, "Hello")
    async with storage.transaction() as tx:
        await tx.outbox.add(Message.new(id=5, job="delete-old-posts", arguments={"days": 0}))

    attempt = await service.run_message(5)

    assert isinstance(attempt and attempt.error, ValueError)
    assert (await service.list_posts(ada)).count == 1


async def test_sessions_and_messages_that_have_ended_are_forgotten(
    service: Service,
    storage: MemoryStorage,
    clock: ManualClock,
    ada: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(periodic, "BATCH", 1)
    for _ in range(2):
        await service.log_in(username="ada", password=PASSWORD)
    async with storage.transaction() as tx:
        for number, state in enumerate([State.DONE, State.DONE, State.DEAD], 1):
            message = Message.new(id=number, job="work")
            ended = (
                message.done(at=START)
                if state is State.DONE
                else message.dead(at=START, outcome="no")
            )
            await tx.outbox.add(ended)

    early = await run(service, periodic.PURGE_EXPIRED)
    clock.advance(days=30, minutes=15, milliseconds=1)
    fresh = await service.log_in(username="ada", password=PASSWORD)
    late = await run(service, periodic.PURGE_EXPIRED)
    clock.advance(days=60)
    last = await run(service, periodic.PURGE_EXPIRED)

    # Of the messages, the first run of the job itself is one.
    assert (early, late, last) == (
        "0 sessions, 0 messages, 0 requests",
        "2 sessions, 3 messages, 0 requests",
        "1 sessions, 2 messages, 0 requests",
    )
    with pytest.raises(Unauthenticated):
        await service.authenticate(fresh.access)


async def test_the_storage_checks_itself(
    service: Service, storage: MemoryStorage, ada: int
) -> None:
    post = await service.create_post(ada, "#a")
    sound = await run(service, periodic.SELF_CHECK)
    storage._state.posts[post.id] = Post(post.id, post.owner, "#b", ("a",))

    broken = await run(service, periodic.SELF_CHECK)

    assert sound == "0 differences"
    assert broken == f"2 differences; first: hashtags of post {post.id}"


async def test_hashtags_trend_when_more_people_use_them_than_yesterday(
    service: Service, clock: ManualClock, ada: int
) -> None:
    users = [
        (await service.sign_up(username=f"u{number}", password=PASSWORD)).id for number in range(6)
    ]
    await service.create_post(ada, "#news")
    await service.create_post(users[0], "#news")
    clock.advance(days=1)
    for user in users:
        await service.create_post(user, "#news #World")
        await service.create_post(user, "#world")
    for _ in range(9):
        await service.create_post(ada, "#alone")

    assert await run(service, periodic.SCORE_TRENDS) == "2 trends"

    trending = await service.trending_hashtags(ada)
    assert [
        (each.name, each.count, each.score, each.users_today, each.users_yesterday)
        for each in trending
    ] == [("world", 12, 25.0, 6, 0), ("news", 8, 8.0, 6, 2)]
    clock.advance(minutes=4 * 60)
    assert [each.score for each in await service.trending_hashtags(ada)] == [12.5, 4.0]
    assert len(await service.trending_hashtags(ada, limit=1)) == 1
    clock.advance(days=1)
    assert await run(service, periodic.SCORE_TRENDS) == "0 trends"
    assert list(await service.trending_hashtags(ada)) == []


@pytest.mark.parametrize("limit", [0, 51])
async def test_a_ranking_of_trends_has_a_length(service: Service, ada: int, limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit: 1 to 50"):
        await service.trending_hashtags(ada, limit=limit)
    with pytest.raises(Unauthenticated):
        await service.trending_hashtags(1)


def test_what_is_kept_and_for_how_long() -> None:
    assert timedelta(days=7) == periodic.DONE_KEPT
    assert timedelta(days=90) == periodic.DEAD_KEPT
