"""Tallies, marks and their roll-ups: at every moment, what they say is what a recount says."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select, func, select, text

from hashpost.adapters.sql import SqlStorage
from hashpost.adapters.sql.compiled import Compiler
from hashpost.adapters.sql.engines import Isolation
from hashpost.adapters.sql.hashtags import SqlHashtags, _popular
from hashpost.adapters.sql.rolling import SOON, Rolling
from hashpost.adapters.sql.rollups import _STATE, RollUp
from hashpost.adapters.sql.statements import insert_new
from hashpost.adapters.sql.storage import PATIENCE, SqlTransaction
from hashpost.adapters.sql.tables import (
    changes,
    deleted_users,
    marks,
    post_hashtags,
    posts,
    tallies,
    watermark,
)
from hashpost.adapters.sql.tallies import LEVELS, Measure, list_of
from hashpost.adapters.sql.timelines import SqlTimelines, _slice
from hashpost.adapters.sql.transaction import Lines, Run
from hashpost.application.ports import Transaction
from hashpost.domain.ids import time_of
from hashpost.domain.post import Post
from hashpost.domain.timeline import AllPosts, HashtagPosts, Timeline, UserPosts
from hashpost.domain.user import User
from hashpost.testing.builders import a_post, a_user, an_id

FINE = Measure(stretch=3, fan=2, walk=0)
"""With few posts there are marks of all levels already, and every offset is found by them."""
NAMES = ["a", "b", "c", "d", "e"]
PAGE = 4


@dataclass
class Everything:
    """Live posts of one moment, read without tallies: ids with owner and hashtags."""

    rows: list[tuple[int, int, set[str]]]

    @classmethod
    async def seen_by(cls, run: Run, *, hidden: bool = False) -> "Everything":
        """Those that are shown, or those that are hidden as well."""
        gone = select(deleted_users.c.user_id)
        live = select(posts.c.id, posts.c.owner_id).where(posts.c.deleted_at.is_(None))
        live = live if hidden else live.where(posts.c.owner_id.not_in(gone))
        tags: dict[int, set[str]] = {}
        for name, post_id in await run(select(post_hashtags.c.name, post_hashtags.c.post_id)):
            tags.setdefault(post_id, set()).add(name)
        rows = await run(live.order_by(posts.c.id.desc()))
        return cls([(id_, owner_id, tags.get(id_, set())) for id_, owner_id in rows])

    def ids(self, timeline: Timeline) -> list[int]:
        match timeline:
            case UserPosts(user_id):
                return [id_ for id_, owner_id, _ in self.rows if owner_id == user_id]
            case HashtagPosts(hashtag):
                return [id_ for id_, _, tags in self.rows if hashtag in tags]
            case AllPosts():
                return [id_ for id_, _, _ in self.rows]

    def ranking(self) -> list[tuple[str, int]]:
        counts = Counter(name for _, _, tags in self.rows for name in tags)
        return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


@dataclass
class World:
    """Users, and posts that come, go, change and come back."""

    storages: list[SqlStorage]
    users: list[User] = field(default_factory=lambda: [a_user() for _ in range(3)])
    chance: random.Random = field(default_factory=lambda: random.Random(4))  # noqa: S311
    ids: list[int] = field(default_factory=list)

    @property
    def storage(self) -> SqlStorage:
        return self.chance.choice(self.storages)

    def timeline(self) -> Timeline:
        user = self.chance.choice(self.users)
        some: list[Timeline] = [AllPosts(), UserPosts(user.id), HashtagPosts(self.name())]
        return self.chance.choice(some)

    def name(self) -> str:
        return NAMES[int(self.chance.random() ** 2 * len(NAMES))]

    def text(self) -> str:
        return " ".join(["x", *(f"#{self.name()}" for _ in range(self.chance.randint(0, 3)))])

    def new_id(self) -> int:
        """Mostly the newest; now and then one between older ones, as imports have them."""
        if len(self.ids) > 5 and self.chance.random() < 0.2:
            return self.chance.choice(self.ids) - self.chance.randint(1, 400)
        return an_id() + 1000 * len(self.ids)

    async def write(self) -> None:
        """One transaction, in which one of many things happens; some are rolled back."""
        with suppress(_Undone):
            async with self.storage.transaction() as tx:
                await self._do_something(tx)
                if self.chance.random() < 0.1:
                    raise _Undone

    async def _do_something(self, tx: SqlTransaction) -> None:
        kinds = (
            ["add"] * 5
            if not self.ids
            else ["add"] * 5 + ["change"] * 4 + ["old", "purge", "erase", "hide", "show"]
        )
        match self.chance.choice(kinds):
            case "add":
                ids = {self.new_id() for _ in range(self.chance.choice([1, 1, 1, 9]))}
                owner = self.chance.choice(self.users)
                taken = await tx.posts.add([a_post(owner, self.text(), id=id_) for id_ in ids])
                self.ids += ids - set(taken)
            case "old":
                below = min(self.ids) + 500
                await tx.posts.delete_old(below=below, at=time_of(an_id()), limit=2)
            case "erase":
                owner = self.chance.choice(self.users)
                await tx.posts.erase(owner_id=owner.id, limit=1)
            case "hide":
                owner = self.chance.choice(self.users)
                await tx.posts.run(insert_new(deleted_users), {"user_id": owner.id})
            case "show":
                await tx.posts.run(deleted_users.delete())
            case "purge":
                await tx.posts.purge(before=time_of(an_id()), limit=1)
            case _:
                await self._change(tx, self.chance.choice(self.ids))

    async def roll_up(self) -> None:
        """Fold in everything, in steps of several sizes."""
        lines = self.storage.roll_up.lines
        roll_up = RollUp(lines, FINE, at_once=self.chance.choice([1, 7, 1000]))
        is_done = False
        while not is_done:  # somebody else was at it
            is_done = await roll_up()

    async def _change(self, tx: Transaction, post_id: int) -> None:
        before: Post | None = await tx.posts.for_change(post_id)
        if before is None:
            return
        at = time_of(an_id())
        if before.deleted_at is not None:
            after = before.restored(
                by=before.owner.id, at=before.deleted_at, kept_for=timedelta(days=30)
            )
        elif self.chance.random() < 0.5:
            after = before.edited(by=before.owner.id, text=self.text(), at=at)
        else:
            after = before.deleted(by=before.owner.id, at=at)
        await asyncio.sleep(0)
        await tx.posts.save(before, after)

    async def compare(self) -> None:
        """Hold answers of one moment against a recount of the same moment."""
        storage = self.storage
        async with storage.roll_up.lines.transaction(isolation="repeatable read") as run:
            everything = await Everything.seen_by(run)
            timeline = self.timeline()
            ids = everything.ids(timeline)
            offset = self.chance.randint(0, len(ids) + 2)
            measure = self.chance.choice([FINE, Measure()])
            slice_ = await SqlTimelines(run, measure).at_offset(timeline, offset=offset, limit=PAGE)
            hashtags = SqlHashtags(run)
            popular = await hashtags.popular(limit=3)
            completions = await hashtags.completions(NAMES[0], limit=3)
            counts = await hashtags.counts(NAMES)
        ranking = everything.ranking()
        assert (slice_.count, [post.id for post in slice_.posts]) == (
            len(ids),
            ids[offset : offset + PAGE],
        )
        assert [(each.name, each.count) for each in popular] == ranking[:3]
        assert [(each.name, each.count) for each in completions] == [
            each for each in ranking if each[0] == NAMES[0]
        ]
        assert {name: count for name, count in counts.items() if count} == dict(ranking)


class _Undone(Exception):
    pass


@pytest.fixture
async def world(migrated_url: str) -> AsyncIterator[World]:
    storages = [await SqlStorage.open(migrated_url, measure=FINE, rolls_up=False) for _ in range(2)]
    world = World(storages)
    async with storages[0].transaction() as tx:
        for user in world.users:
            await tx.users.add(user)
    yield world
    for storage in storages:
        await storage.close()


async def test_answers_are_exact_at_every_moment_beside_writers_and_roll_ups(world: World) -> None:
    async def repeat(work: Callable[[], Awaitable[None]], times: int) -> None:
        for _ in range(times):
            await work()

    await asyncio.gather(
        *(repeat(world.write, 60) for _ in range(6)),
        *(repeat(world.compare, 30) for _ in range(2)),
        *(repeat(world.roll_up, 8) for _ in range(2)),
    )

    assert await faults(world) == []


async def test_answers_are_exact_after_every_step_of_a_long_history(world: World) -> None:
    for _ in range(400):
        await world.write()
        if world.chance.random() < 0.2:
            assert await faults(world) == []
        await world.compare()


async def test_what_is_counted_anew_from_the_start_is_right(world: World) -> None:
    for _ in range(50):
        await world.write()
    await world.roll_up()
    for _ in range(10):
        await world.write()
    async with world.storage.transaction() as tx:
        await tx.posts.run(tallies.update().values(live=99))
        await tx.posts.run(watermark.update().values(folded=0))
        for table in (tallies, marks, changes):
            await tx.posts.run(table.delete())

    await world.compare()
    assert await faults(world) == []


async def test_it_tells_how_much_waits_to_be_counted(world: World) -> None:
    while len(world.ids) < 20:
        await world.write()

    async with world.storage.reading() as reading:
        waiting = await reading.audit.uncounted(limit=1000)
        assert await reading.audit.uncounted(limit=3) == 3
        await world.roll_up()
        assert await reading.audit.uncounted(limit=1000) == 0
        async with world.storage.transaction() as tx:
            await tx.posts.delete_old(below=2**53 - 1, at=time_of(an_id()), limit=1)
        # One change to the list of all posts, one to the user's, and to those of hashtags.
        assert await reading.audit.uncounted(limit=1000) >= 2
    assert waiting > 3


async def test_however_many_changes_wait_one_transaction_folds_in_a_few(world: World) -> None:
    while len(world.ids) < 20:
        await world.write()
    await world.roll_up()
    async with world.storage.transaction() as tx:
        await tx.posts.delete_old(below=2**53 - 1, at=time_of(an_id()), limit=20)
    lines, waiting = world.storage.roll_up.lines, select(func.count()).select_from(changes)
    ((before,),) = await lines(waiting)

    is_done = await RollUp(lines, FINE, at_once=5)._fold_in()

    assert is_done is None
    assert await lines(waiting) == [(before - 5,)]
    assert await faults(world) == []


async def test_a_change_that_the_program_before_keeps_is_counted(migrated_url: str) -> None:
    owner, storage = a_user(), await SqlStorage.open(migrated_url, rolls_up=False)
    lines = storage.roll_up.lines
    async with storage.transaction() as tx:
        await tx.users.add(owner)
        await tx.posts.add([a_post(owner)])
    await storage.roll_up()
    async with lines.transaction() as run:
        await run(text("INSERT INTO changes (list, post_id, delta) VALUES ('*', 7, 1)"))

    pages = SqlTimelines(lines)
    before = await pages.at_offset(AllPosts(), offset=0, limit=PAGE)
    await storage.roll_up()
    after = await pages.at_offset(AllPosts(), offset=0, limit=PAGE)

    assert (before.count, after.count) == (2, 2)
    assert await lines(select(tallies.c.live).where(tallies.c.list == "*")) == [(2,)]
    await storage.close()


STATEMENTS = {
    "page": (_slice("all", limit=PAGE, levels=None, hiding=False), {"list": "*", "before": 2**53}),
    "page of a hashtag": (
        _slice("hashtag", limit=PAGE, levels=None, hiding=False),
        {"list": "#a", "name": "a", "before": 2**53},
    ),
    "popular": (_popular(hiding=False), {"limit": 3}),
    "state of roll-ups": (_STATE, {}),
}


@pytest.mark.parametrize(("statement", "values"), STATEMENTS.values(), ids=STATEMENTS)
async def test_what_is_folded_in_is_not_read_though_a_long_transaction_keeps_it(
    migrated_postgres: str, statement: Select[Any], values: dict[str, Any]
) -> None:
    owner, storage = a_user(), await SqlStorage.open(migrated_postgres, rolls_up=False)
    async with storage.transaction() as tx:
        await tx.users.add(owner)
        await tx.posts.add([a_post(owner, "#a") for _ in range(1500)])
    await storage.roll_up()
    before = _buffers(migrated_postgres, statement, values)

    with psycopg.connect(migrated_postgres) as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 1 FROM users")
        for _ in range(3):
            async with storage.transaction() as tx:
                await tx.posts.delete_old(below=2**53 - 1, at=time_of(an_id()), limit=400)
            await storage.roll_up()
        after = _buffers(migrated_postgres, statement, values)

    assert after < before + 40
    await storage.close()


def _buffers(url: str, statement: Select[Any], values: dict[str, Any]) -> int:
    """How many buffers PostgreSQL looks at to run that, when it has run before."""
    compiled, (arguments,) = Compiler("postgresql")(statement, values)
    # As autovacuum lets it be planned: while the table is empty, a plan reads all of it.
    options = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c enable_bitmapscan=off"
    with psycopg.connect(url, options=options) as connection:
        connection.execute(f"PREPARE it AS {compiled.sql}".encode())
        literals = ", ".join(f"'{each}'" for each in arguments)
        run = f"EXECUTE it({literals})" if arguments else "EXECUTE it"
        for _ in range(2):
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {run}".encode()
            (explained,) = connection.execute(explain).fetchone() or ([],)
    return int(explained[0]["Plan"]["Shared Hit Blocks"])


async def test_whoever_writes_or_only_opens_rolls_up_by_itself(migrated_url: str) -> None:
    folded = select(watermark.c.folded)
    owner, storage = a_user(), await SqlStorage.open(migrated_url, rolls_up=False)
    first, second = a_post(owner), a_post(owner)
    async with storage.transaction() as tx:
        await tx.users.add(owner)
        await tx.posts.add([first])
    other = await SqlStorage.open(migrated_url)

    async with asyncio.timeout(30):
        while await storage.roll_up.lines(folded) != [(first.id,)]:
            pass
        async with other.transaction() as tx:
            await tx.posts.add([second])
        while await storage.roll_up.lines(folded) != [(second.id,)]:
            pass

    await other.close()
    await storage.close()


async def test_a_roll_up_leaves_it_at_once_to_one_that_is_under_way(migrated_postgres: str) -> None:
    owner, storage = a_user(), await SqlStorage.open(migrated_postgres, rolls_up=False)
    async with storage.transaction() as tx:
        await tx.users.add(owner)
        await tx.posts.add([a_post(owner)])

    with psycopg.connect(migrated_postgres) as other:
        other.execute("SELECT folded FROM watermark FOR UPDATE")
        beside = await storage.roll_up()
    after = await storage.roll_up()

    assert (beside, after) == (False, True)
    await storage.close()


async def test_a_roll_up_leaves_it_to_one_that_was_quicker(migrated_postgres: str) -> None:
    owner, storage = a_user(), await SqlStorage.open(migrated_postgres, rolls_up=False)
    async with storage.transaction() as tx:
        await tx.users.add(owner)
        await tx.posts.add([a_post(owner)])
    lines = _Overtaken(storage._lines._engines, patience=PATIENCE)

    overtaken = await RollUp(lines)()
    after = await storage.roll_up()

    assert (overtaken, after) == (False, True)
    await storage.close()


class _Overtaken(Lines):
    """On which somebody else moves the watermark once a moment has been seen."""

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read committed", patience: float | None = None
    ) -> AsyncIterator[Run]:
        async with super().transaction(isolation=isolation, patience=patience) as run:
            if isolation == "repeatable read":
                await run(select(watermark.c.folded))
                async with super().transaction() as quicker:
                    await quicker(watermark.update().values(folded=watermark.c.folded))
            yield run


async def test_what_is_written_just_as_rolling_ends_is_rolled_up_too() -> None:
    rolled_up = asyncio.Semaphore(0)

    async def roll_up() -> bool:
        rolled_up.release()
        return True

    others = asyncio.all_tasks()
    rolling = Rolling(roll_up)
    rolling.note(SOON)
    (task,) = asyncio.all_tasks() - others
    while not task.done():  # noqa: ASYNC110 - nobody else has heard of it then
        await asyncio.sleep(0)
    rolling.note(SOON)

    async with asyncio.timeout(5):
        await rolled_up.acquire()
        await rolled_up.acquire()
    await rolling.close()


async def faults(world: World) -> list[str]:
    """What of the stored numbers is not as it should be, once everything is folded in."""
    await world.roll_up()
    run = world.storage.roll_up.lines
    everything = await Everything.seen_by(run, hidden=True)
    timelines: list[Timeline] = [
        AllPosts(),
        *(UserPosts(user.id) for user in world.users),
        *(HashtagPosts(name) for name in NAMES),
    ]
    lists = {list_of(timeline): everything.ids(timeline) for timeline in timelines}
    stored = dict(map(tuple, await run(select(tallies.c.list, tallies.c.live))))
    found = [
        f"{name}: {stored.get(name)} of {len(ids)}"
        for name, ids in lists.items()
        if stored.pop(name, 0) != len(ids)
    ]
    found += [f"{name}: {live}, of nothing" for name, live in stored.items()]
    found += await faults_of_marks(run, lists)
    ((pending,),) = await run(select(func.count()).select_from(changes))
    ((folded, announced),) = await run(select(watermark.c.folded, watermark.c.announced))
    return found + [f"{pending} changes"] * bool(pending) + ["behind"] * (folded != announced)


async def faults_of_marks(run: Run, lists: dict[str, list[int]]) -> list[str]:
    """Which marks hold a wrong number, are too long, or are missing."""
    found: list[str] = []
    places: dict[tuple[str, int], dict[int, int]] = {}
    for name, level, first_id, live in await run(select(*marks.c).order_by(marks.c.first_id)):
        places.setdefault((name, level), {})[first_id] = live
    for (name, level), stretches in places.items():
        upto = [*stretches, 2**62]
        within = [sum(first <= id_ < last for id_ in lists[name]) for first, last in pairwise(upto)]
        if within != [*stretches.values()]:
            found.append(f"level {level} of {name} has {stretches}, of {within}")
        if max(within) >= 2 * FINE.live(level):
            found.append(f"level {level} of {name} has stretches that are too long: {within}")
        if not stretches.keys() <= places.get((name, level - 1), stretches).keys():
            found.append(f"level {level} of {name} does not fit the level below")
    long = {name for name, ids in lists.items() if len(ids) >= 2 * FINE.stretch}
    missing = {(name, level) for name in long for level in range(LEVELS)} - places.keys()
    return found + [f"no marks of {each}" for each in sorted(missing)]
