"""Use cases that run at the same time, in two processes as it were, on real databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime

import psycopg
import pytest

from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.sql import SqlStorage
from hashpost.application.accounts import Tokens
from hashpost.application.ports import Transaction
from hashpost.application.service import Service
from hashpost.application.transfer import ImportLine
from hashpost.domain.errors import InvalidRefreshToken, PostNotFound, UsernameTaken
from hashpost.domain.post import Post
from hashpost.domain.user import User
from hashpost.testing.builders import a_post, a_schedule, a_user
from hashpost.testing.clock import ManualClock
from tests.services import a_hasher, a_service

PASSWORD = "correct horse battery"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

Services = tuple[Service, Service]


@pytest.fixture(scope="module")
def hasher() -> Iterator[Argon2Hasher]:
    """One for all tests; it has threads."""
    hasher = a_hasher()
    yield hasher
    hasher.close()


@pytest.fixture
async def services(migrated_url: str, hasher: Argon2Hasher) -> AsyncIterator[Services]:
    """Two services, each with connections of its own to one database."""
    # Many wait for one writer here, and a loaded machine takes its time.
    storages = [await SqlStorage.open(migrated_url, patience=30) for _ in range(2)]
    first, second = (a_service(storage, ManualClock(), hasher) for storage in storages)
    yield first, second
    for storage in storages:
        await storage.close()


async def signed_up(service: Service, username: str = "ada") -> User:
    """A new user."""
    return await service.sign_up(username=username, password=PASSWORD)


async def differences(service: Service) -> list[object]:
    """What a recount finds."""
    return [difference async for difference in service.check_storage()]


async def texts(service: Service, user: User) -> list[str]:
    """The texts of the newest posts."""
    page = await service.list_posts(user.id, page_size=100)
    return [post.text for post in page.result]


async def test_of_twenty_sign_ups_of_one_name_one_wins(services: Services) -> None:
    ended = await asyncio.gather(
        *(signed_up(services[turn % 2], ("ada", "Ada", "ADA")[turn % 3]) for turn in range(20)),
        return_exceptions=True,
    )

    winners = [result for result in ended if isinstance(result, User)]
    assert len(winners) == 1
    assert sum(isinstance(result, UsernameTaken) for result in ended) == 19
    await services[0].log_in(username="aDa", password=PASSWORD)


async def test_opposite_orders_of_hashtags_do_not_deadlock(
    services: Services, migrated_url: str
) -> None:
    user = await signed_up(services[0])
    names = [f"#t{number}" for number in range(30)]
    there, back = " ".join(names), " ".join(reversed(names))

    posts = await asyncio.gather(
        *(services[turn % 2].create_post(user.id, (there, back)[turn % 2]) for turn in range(40))
    )
    await asyncio.gather(
        *(
            services[turn % 2].edit_post(user.id, post.id, (back, there, "#t3 #t1 #new")[turn % 3])
            for turn in range(3)
            for post in posts
        )
    )

    assert await differences(services[0]) == []
    assert deadlocks(migrated_url) == 0


def deadlocks(url: str) -> int:
    """How many the database has seen; SQLite, where one writes at a time, can have none."""
    if url.startswith("sqlite"):
        return 0
    with psycopg.connect(url) as connection:
        row = connection.execute(DEADLOCKS).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_post_that_is_deleted_among_edits_stays_deleted(services: Services) -> None:
    user = await signed_up(services[0])
    posts = [await services[0].create_post(user.id, "#before") for _ in range(10)]

    async def edit(service: Service, post: Post) -> None:
        await service.edit_post(user.id, post.id, "#after")

    async def delete(service: Service, post: Post) -> None:
        await service.delete_post(user.id, post.id)

    ended = await asyncio.gather(
        *(
            work(services[turn % 2], post)
            for post in posts
            for turn, work in enumerate((edit, delete, edit, delete, edit))
        ),
        return_exceptions=True,
    )

    assert {type(result) for result in ended} <= {type(None), PostNotFound}
    assert await texts(services[1], user) == []
    assert await services[0].popular_hashtags(user.id) == []
    assert await differences(services[1]) == []


async def test_edits_at_once_leave_one_of_their_texts_and_its_hashtags(services: Services) -> None:
    user = await signed_up(services[0])
    post = await services[0].create_post(user.id, "#first")

    await asyncio.gather(
        *(services[turn % 2].edit_post(user.id, post.id, f"#t{turn} #u") for turn in range(30))
    )

    kept = await services[0].read_post(user.id, post.id)
    ranking = await services[1].popular_hashtags(user.id)
    assert sorted(tag.name for tag in ranking) == sorted(kept.tags)
    assert await differences(services[0]) == []


async def test_twenty_refreshes_of_one_token_agree_on_one_successor(services: Services) -> None:
    await signed_up(services[0])
    tokens = await services[0].log_in(username="ada", password=PASSWORD)

    ended = await asyncio.gather(
        *(services[turn % 2].refresh(tokens.refresh) for turn in range(20))
    )

    assert len({tokens.refresh for tokens in ended}) == 1


async def test_a_thief_and_the_owner_at_once_end_the_session(services: Services) -> None:
    await signed_up(services[0])
    first = await services[0].log_in(username="ada", password=PASSWORD)
    second = await services[0].refresh(first.refresh)
    third = await services[0].refresh(second.refresh)

    async def refresh(service: Service, token: str) -> Tokens | None:
        try:
            return await service.refresh(token)
        except InvalidRefreshToken:
            return None

    await asyncio.gather(
        *(refresh(services[turn % 2], (first, third)[turn % 2].refresh) for turn in range(10))
    )

    for tokens in (first, second, third):
        assert await refresh(services[0], tokens.refresh) is None


async def test_one_source_imported_twice_at_once_is_imported_once(
    services: Services, migrated_url: str
) -> None:
    user = await signed_up(services[0], "reader")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [
        ImportLine(number, f"author{number % 7}", f"{number} #a #b", at) for number in range(90)
    ]

    async def import_all(service: Service) -> int:
        return sum([batch.imported async for batch in service.import_posts(lines)])

    imported = await asyncio.gather(*map(import_all, services))

    assert sum(imported) == 90
    page = await services[0].list_posts(user.id)
    assert page.count == 90
    assert await differences(services[1]) == []
    assert deadlocks(migrated_url) == 0


KEYS = [bytes([number]) * 32 for number in range(9)]
OWNER = a_user()
POSTS = [a_post(OWNER) for _ in range(9)]
SCHEDULES = [a_schedule(f"job_{number}") for number in range(9)]


async def claim(tx: Transaction, numbers: Sequence[int]) -> None:
    """Claim the keys of those numbers, in that order."""
    await tx.imports.claim([KEYS[number] for number in numbers])


async def add(tx: Transaction, numbers: Sequence[int]) -> None:
    """Add the posts of those numbers, in that order."""
    await tx.posts.add([POSTS[number] for number in numbers])


async def plan(tx: Transaction, numbers: Sequence[int]) -> None:
    """Keep the schedules of those numbers, in that order."""
    await tx.schedules.add_missing([SCHEDULES[number] for number in numbers])


@pytest.mark.parametrize("write", [claim, add, plan])
async def test_batches_of_the_same_rows_in_opposite_orders_do_not_deadlock(
    migrated_postgres: str, write: Callable[[Transaction, Sequence[int]], Awaitable[None]]
) -> None:
    storage = await SqlStorage.open(migrated_postgres)
    upwards = list(range(9))

    async def write_all(numbers: Sequence[int]) -> None:
        async with storage.transaction() as tx:
            await write(tx, numbers)

    # Whoever has the row in the middle makes both wait there, with what they have so far.
    async with storage.transaction() as tx:
        await write(tx, [4])
        writing = [asyncio.create_task(write_all(each)) for each in (upwards, upwards[::-1])]
        await asyncio.to_thread(until_two_wait, migrated_postgres)
    await asyncio.gather(*writing)

    assert deadlocks(migrated_postgres) == 0
    await storage.close()


def until_two_wait(url: str) -> None:
    """Return when two transactions wait for a lock."""
    waiting = """SELECT count(*) FROM pg_stat_activity
                  WHERE wait_event_type = 'Lock' AND datname = current_database()"""
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(waiting).fetchone() != (2,):
            pass
