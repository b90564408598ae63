"""Timelines on real databases: what the contract leaves to the database."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Executable, text

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.timelines import SqlTimelines
from hashpost.adapters.sql.transaction import DialectName, Parameters, Rows, Run
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagFilter, HashtagPosts, Stretch, UserPosts
from hashpost.testing.builders import a_deleted, a_post
from hashpost.testing.contracts.keeping import change, keep_posts, kept_user

# In UTF-16, or by any locale, these stand in another order than by code points.
ASCENDING = ["Z", "a", "z", "\u00e9", "\u5b57", "\uf900", "\uff41", "\U00010400", "\U00020000"]


async def test_names_are_sorted_by_code_points_beyond_the_first_plane_too(
    storage: SqlStorage,
) -> None:
    async with storage.transaction() as tx:
        for name in reversed(ASCENDING):
            await tx.users.run(
                text("INSERT INTO post_hashtags (name, post_id) VALUES (:name, 1)"), {"name": name}
            )

    async with storage.reading() as reading:
        ranking = await reading.hashtags.popular(limit=50)

    assert [tag.name for tag in ranking] == ASCENDING


async def test_emoji_of_four_bytes_come_back_as_they_went_in(storage: SqlStorage) -> None:
    post = a_post(await kept_user(storage), "🙂 #𝔘𝔫𝔦 👩\u200d🚀 \U0010fffd")

    await keep_posts(storage, post)

    async with storage.reading() as reading:
        assert await reading.posts.by_id(post.id) == post


async def test_a_count_and_its_posts_are_of_one_moment(storage: SqlStorage) -> None:
    owner = await kept_user(storage)
    done = asyncio.Event()

    async def post_and_delete() -> None:
        while not done.is_set():
            pair = [a_post(owner, "#a"), a_post(owner, "#a")]
            await keep_posts(storage, *pair)
            for post in pair:
                await change(storage, post, a_deleted(post))

    writing = [asyncio.create_task(post_and_delete()) for _ in range(3)]
    async with storage.reading() as reading:
        slices = [
            await reading.timelines.at_offset(timeline, offset=0, limit=100)
            for _ in range(60)
            for timeline in (AllPosts(), UserPosts(owner.id), HashtagPosts("a"))
        ]
    done.set()
    await asyncio.gather(*writing)

    assert [slice_.count for slice_ in slices] == [len(slice_.posts) for slice_ in slices]
    assert max(slice_.count for slice_ in slices) > 0


@pytest.mark.parametrize("size", range(1, 101, 33))
async def test_pages_of_every_size_end_where_the_timeline_ends(
    storage: SqlStorage, size: int
) -> None:
    owner = await kept_user(storage)
    posts = [a_post(owner, "#a") for _ in range(101)]
    await keep_posts(storage, *posts)

    async with storage.reading() as reading:
        pages = [
            await reading.timelines.at_offset(HashtagPosts("a"), offset=offset, limit=size)
            for offset in range(0, 101 + size, size)
        ]

    assert [post for page in pages for post in page.posts] == posts[::-1]
    assert {page.count for page in pages} == {101}


@dataclass(frozen=True, slots=True)
class Watched:
    """Runs statements, and notes how many candidates each looks at; None for those that do not."""

    run: Run
    looks: list[int | None] = field(default_factory=list)

    @property
    def dialect(self) -> DialectName:
        return self.run.dialect

    async def __call__(self, statement: Executable, parameters: Parameters = None) -> Rows:
        assert isinstance(parameters, dict)
        self.looks.append(parameters.get("look"))
        return await self.run(statement, parameters)


async def looked(
    storage: SqlStorage, wanted: HashtagFilter, *, limit: int = 10, **more: Any
) -> tuple[Stretch, list[int | None]]:
    """The newest posts that match, and at how many candidates it looked, statement by statement."""
    asked = {"before": None, "after": 0, "offset": 0, "budget": 10_000} | more
    async with storage.reading() as reading:
        watched = Watched(reading.timelines.run)
        found = await SqlTimelines(watched).matching(wanted, limit=limit, **asked)
    return found, watched.looks


@pytest.fixture
async def thousand(storage: SqlStorage) -> list[Post]:
    """A thousand posts, oldest first: all are #often, half #odd, one in a hundred #rare."""
    owner = await kept_user(storage)
    posts = [
        a_post(owner, f"#often {'#odd' * (number % 2)} {'#rare' if number % 100 == 0 else ''}")
        for number in range(1000)
    ]
    await keep_posts(storage, *posts)
    return posts


@pytest.mark.parametrize(
    ("wanted", "looks"),
    [
        (HashtagFilter(any=frozenset(["often", "odd", "rare"])), [10]),
        (HashtagFilter(all=frozenset(["often"])), [10]),
        (HashtagFilter(none=frozenset(["rare"])), [20]),
        (HashtagFilter(all=frozenset(["often"]), none=frozenset(["odd"])), [20]),
        (HashtagFilter(all=frozenset(["often", "odd"])), [None, 20]),
        (HashtagFilter(all=frozenset(["often", "rare"])), [None, 20]),
        (HashtagFilter(any=frozenset(["rare", "x"]), all=frozenset(["often"])), [None, 20]),
        (HashtagFilter(all=frozenset(["rare", "odd"])), [None, 20]),
        (HashtagFilter(any=frozenset(["often", "rare"]), none=frozenset(["often"])), [20]),
        (HashtagFilter(none=frozenset(["often"])), [20, 160, 1280]),
        (HashtagFilter(all=frozenset(["often"]), none=frozenset(["often"])), []),
        (HashtagFilter(any=frozenset()), []),
    ],
)
async def test_no_more_is_looked_at_than_an_answer_needs(
    storage: SqlStorage, thousand: list[Post], wanted: HashtagFilter, looks: list[int | None]
) -> None:
    expected = [post for post in thousand[::-1] if wanted.accepts(post.tags)]

    found = await looked(storage, wanted)

    assert found == (Stretch(tuple(expected[:10])), looks)


async def test_the_last_look_is_at_what_the_budget_allows(
    storage: SqlStorage, thousand: list[Post]
) -> None:
    wanted = HashtagFilter(none=frozenset(["often"]))

    found = await looked(storage, wanted, budget=500)

    assert found == (Stretch((), thousand[500].id), [20, 160, 500])


async def test_what_is_rare_is_told_by_the_posts_next_to_come(
    storage: SqlStorage, thousand: list[Post]
) -> None:
    owner = await kept_user(storage)
    later = [a_post(owner, "#odd #new") for _ in range(300)]
    await keep_posts(storage, *later)
    wanted = HashtagFilter(all=frozenset(["odd", "new"]), none=frozenset(["x"]))

    newest, looks_at_newest = await looked(storage, wanted)
    oldest, looks_at_oldest = await looked(storage, wanted, before=later[0].id)

    assert (newest.posts, looks_at_newest) == (tuple(later[:-11:-1]), [None, 20])
    assert (oldest, looks_at_oldest) == (Stretch(()), [None, 20])


async def test_posts_that_match_are_of_one_moment(storage: SqlStorage) -> None:
    owner = await kept_user(storage)
    oldest = [a_post(owner, "#a") for _ in range(10)]
    between = [a_post(owner, "#a #b") for _ in range(300)]
    newest = [a_post(owner, "#a #b") for _ in range(10)]
    await keep_posts(storage, *oldest, *between, *newest)
    pairs = list(zip(oldest, newest, strict=True))
    done = asyncio.Event()

    async def swap(one: Post, other: Post) -> None:
        while not done.is_set():
            async with storage.transaction() as tx:
                changed = [
                    post.edited(by=owner.id, text=twin.text, at=post.created_at)
                    for post, twin in ((one, other), (other, one))
                ]
                for before, after in zip((one, other), changed, strict=True):
                    await tx.posts.for_change(before.id)
                    await tx.posts.save(before, after)
            one, other = changed
            swaps.append(one.id)

    swaps: list[int] = []
    swapping = [asyncio.create_task(swap(*pair)) for pair in pairs[:3]]
    wanted = HashtagFilter(all=frozenset("a"), none=frozenset("b"))
    answers: list[tuple[Stretch, list[int | None]]] = []
    while len(answers) < 60 or len(swaps) < 30:
        answers.append(await looked(storage, wanted, limit=50))
    done.set()
    await asyncio.gather(*swapping)

    matching = [{post.id for post in found.posts} for found, _ in answers]
    halves = [len(ids & {one.id, other.id}) for ids in matching for one, other in pairs]
    assert {tuple(looks) for _, looks in answers} == {(100, 800)}
    assert set(halves) == {1}
