"""A recount finds what should not be there, and what should."""

from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import text

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.audit import SqlAudit
from hashpost.adapters.sql.tallies import Measure
from hashpost.application.housekeeping import CheckStorage
from hashpost.domain.post import Post
from hashpost.testing.builders import a_deleted, a_post, a_user
from hashpost.testing.contracts.keeping import change, keep_posts, kept_user

OWNER = 7
ENTER = "INSERT INTO post_hashtags (name, post_id) VALUES (:name, :id)"
LEAVE = "DELETE FROM post_hashtags WHERE name = :name AND post_id = :id"
TAGS = "UPDATE posts SET tags = :name WHERE id = :id"


@pytest.fixture
async def posts(storage: SqlStorage) -> Sequence[Post]:
    """Three posts with `#a #b`, the second deleted."""
    owner = await kept_user(storage)
    posts = [a_post(owner, "#a #b") for _ in range(3)]
    await keep_posts(storage, *posts)
    await change(storage, posts[1], a_deleted(posts[1]))
    return posts


async def damage(storage: SqlStorage, statement: str, *, name: str, post_id: int) -> None:
    """Do what no use case would do."""
    async with storage.transaction() as tx:
        await tx.posts.run(text(statement), {"name": name, "id": post_id})


async def found(storage: SqlStorage) -> list[tuple[str, str, str]]:
    """All differences, looked for in small batches."""
    check = CheckStorage(storage)
    return [(each.subject, each.stored, each.recounted) async for each in check(batch=2)]


async def test_a_sound_storage_shows_no_difference(
    storage: SqlStorage, posts: Sequence[Post]
) -> None:
    assert len(posts) == 3
    assert await found(storage) == []


@pytest.mark.parametrize(
    ("damaged", "number", "expected"),
    [
        ((ENTER, "extra"), 0, ("timelines", "#a #b #extra", "#a #b")),
        ((ENTER, "a"), 1, ("timelines", "#a", "none")),
        ((ENTER, "extra"), 1, ("timelines", "#extra", "none")),
        ((LEAVE, "b"), 2, ("timelines", "#a", "#a #b")),
        ((TAGS, "b a"), 2, ("hashtags", "#b #a", "#a #b")),
        ((TAGS, ""), 1, ("hashtags", "none", "#a #b")),
    ],
)
async def test_every_damage_to_a_post_shows(
    storage: SqlStorage,
    posts: Sequence[Post],
    damaged: tuple[str, str],
    number: int,
    expected: tuple[str, str, str],
) -> None:
    statement, name = damaged
    await damage(storage, statement, name=name, post_id=posts[number].id)

    subject, stored, recounted = expected
    assert await found(storage) == [(f"{subject} of post {posts[number].id}", stored, recounted)]


@pytest.mark.parametrize("step", [1, 2, 3, 10_000])
async def test_entries_without_a_post_are_found_wherever_they_stand(
    storage: SqlStorage, posts: Sequence[Post], step: int
) -> None:
    strays = [("a", 1), ("x", posts[0].id - 1), ("y", posts[0].id - 1), ("z", posts[2].id + 1)]
    for name, post_id in strays:
        await damage(storage, ENTER, name=name, post_id=post_id)

    async with storage.reading() as reading:
        audit = SqlAudit(reading.audit.run, step=step)
    assert await audit.strays(limit=10) == strays
    assert await audit.strays(limit=2) == strays[:2]


async def test_a_deletion_takes_wrong_entries_along(
    storage: SqlStorage, posts: Sequence[Post]
) -> None:
    await damage(storage, ENTER, name="extra", post_id=posts[0].id)

    await change(storage, posts[0], a_deleted(posts[0]))

    assert await found(storage) == []


@pytest.fixture
async def counted(migrated_url: str) -> AsyncIterator[SqlStorage]:
    """A storage with twenty posts of one user, all with `#a`, counted into tallies and marks.

    The last of them was deleted after that, and another one came.
    """
    storage = await SqlStorage.open(migrated_url, measure=Measure(stretch=3, fan=2), rolls_up=False)
    owner = a_user(id=OWNER)
    async with storage.transaction() as tx:
        await tx.users.add(owner)
    posts = [a_post(owner, "#a", id=number) for number in range(1001, 1021)]
    await keep_posts(storage, *posts)
    assert await storage.roll_up()
    await change(storage, posts[19], a_deleted(posts[19]))
    await keep_posts(storage, a_post(owner, "#a #b", id=1021))
    yield storage
    await storage.close()


async def test_sound_tallies_show_no_difference(counted: SqlStorage) -> None:
    assert await found(counted) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "UPDATE tallies SET live = live + 1 WHERE list = '#a'",
            [("count of timeline hashtag:a", "21", "20")],
        ),
        (
            f"UPDATE tallies SET live = 0 WHERE list = '@{OWNER}'",
            [(f"count of timeline user:{OWNER}", "0", "20")],
        ),
        (
            "INSERT INTO tallies (list, live) VALUES ('#never', 3)",
            [("count of timeline hashtag:never", "3", "0")],
        ),
        ("DELETE FROM tallies WHERE list = '*'", [("count of timeline posts", "0", "20")]),
        (
            "DELETE FROM changes WHERE list = '*'",
            [
                ("count of timeline posts", "21", "20"),
                ("stretch 0/1019 of timeline posts", "2", "1"),
            ],
        ),
        (
            "UPDATE marks SET live = 5 WHERE list = '*' AND level = 0 AND first_id = 0",
            [
                ("stretch 0/0 of timeline posts", "5", "3"),
                ("stretch 1/0 of timeline posts", "6", "8"),
            ],
        ),
        (
            "UPDATE marks SET live = 7 WHERE list = '#a' AND level = 2",
            [("stretch 2/0 of timeline hashtag:a", "7", "20")],
        ),
    ],
)
async def test_every_wrong_number_shows(
    counted: SqlStorage, statement: str, expected: list[tuple[str, str, str]]
) -> None:
    async with counted.transaction() as tx:
        await tx.posts.run(text(statement))

    assert await found(counted) == expected
