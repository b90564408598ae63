"""Moving posts in and out."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.memory.storage import MemoryTransaction
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.application.service import Service
from hashpost.application.transfer import ImportedBatch, ImportLine
from hashpost.domain.errors import UsernameTaken
from hashpost.domain.post import Post
from hashpost.testing.clock import START, ManualClock
from tests.services import a_hasher, a_service
from tests.unit.application.test_posts import StubbornIds

LONG_AGO = datetime(2009, 1, 3, 18, 15, 5, tzinfo=UTC)


async def imported(
    service: Service, lines: Iterable[ImportLine], batch: int = 500
) -> list[ImportedBatch]:
    """All that the import tells."""
    return [told async for told in service.import_posts(lines, batch=batch)]


async def exported(service: Service, batch: int = 500) -> list[Post]:
    """All that the export gives."""
    return [post async for post in service.export_posts(batch=batch)]


def some_lines(count: int) -> list[ImportLine]:
    """Lines of three authors, some of them alike."""
    return [
        ImportLine(number, f"author{number % 3}", f"text {number % 5} #t{number % 5}")
        for number in range(1, count + 1)
    ]


async def test_imported_posts_stand_in_the_order_of_their_lines(service: Service) -> None:
    told = await imported(service, some_lines(10), batch=4)

    posts = await exported(service, batch=3)
    assert told == [ImportedBatch(4, 0, ()), ImportedBatch(4, 0, ()), ImportedBatch(2, 0, ())]
    assert [post.text for post in posts] == [line.text for line in some_lines(10)]
    assert [post.owner.username for post in posts] == [line.author for line in some_lines(10)]
    assert len({post.owner.id for post in posts}) == 3


async def test_a_second_run_adds_nothing(service: Service) -> None:
    await imported(service, some_lines(30), batch=7)

    told = await imported(service, some_lines(30), batch=11)

    assert sum(batch.imported for batch in told) == 0
    assert sum(batch.known for batch in told) == 30
    assert len(await exported(service)) == 30


async def test_a_run_after_a_crash_adds_what_is_missing(service: Service) -> None:
    await imported(service, some_lines(13), batch=5)

    told = await imported(service, some_lines(30), batch=4)

    assert sum(batch.imported for batch in told) == 17
    assert len(await exported(service)) == 30


async def test_a_post_deleted_since_does_not_come_back(service: Service) -> None:
    await imported(service, some_lines(3))
    first = (await exported(service))[0]
    await service.delete_post(first.owner.id, first.id)

    await imported(service, some_lines(3))

    assert first not in await exported(service)


async def test_lines_alike_are_posts_of_their_own(service: Service) -> None:
    lines = [ImportLine(number, "ada", "again") for number in range(3)]

    assert (await imported(service, lines, batch=2))[0].imported == 2
    assert len(await exported(service)) == 3


async def test_the_case_of_an_author_does_not_matter(service: Service) -> None:
    await service.sign_up(username="Ada", password="correct horse battery")

    told = await imported(
        service, [ImportLine(1, "ada", "a"), ImportLine(2, "ADA", "b"), ImportLine(3, "Ada", "a")]
    )

    assert told == [ImportedBatch(3, 0, ())]
    assert [post.owner.username for post in await exported(service)] == ["Ada"] * 3


async def test_a_post_of_long_ago_has_an_id_of_its_own_time(service: Service) -> None:
    old = [ImportLine(number, "ada", f"{number}", LONG_AGO) for number in range(3)]
    new = ImportLine(9, "ada", "now")

    await imported(service, [new, *old])

    posts = await exported(service)
    assert [post.created_at for post in posts] == [LONG_AGO] * 3 + [START]


Content = tuple[str, str, datetime]


async def contents(service: Service) -> list[Content]:
    """What the export gives, but for the ids."""
    return [(post.owner.username, post.text, post.created_at) for post in await exported(service)]


def lines_of(posts: Iterable[Content]) -> list[ImportLine]:
    """The lines of an export."""
    return [ImportLine(number, *post) for number, post in enumerate(posts)]


@st.composite
def crowds(draw: st.DrawFn) -> list[ImportLine]:
    """Lines of a few neighbouring milliseconds, or of no time, in any order."""
    times = draw(st.lists(st.integers(-1, 3), max_size=40))
    return [
        ImportLine(number, f"author{number % 2}", f"{number}", None if time < 0 else at(time))
        for number, time in enumerate(times)
    ]


def at(milliseconds: int) -> datetime:
    return LONG_AGO + timedelta(milliseconds=milliseconds)


@settings(max_examples=50, deadline=None)
@given(lines=crowds(), before=st.integers(0, 200))
async def test_lines_of_one_millisecond_keep_their_order_whatever_ids_are_taken(
    lines: list[ImportLine], before: int
) -> None:
    hasher = a_hasher()
    service = a_service(MemoryStorage(), ManualClock(), hasher)
    others = [ImportLine(number, "other", f"{number}", at(number % 3)) for number in range(before)]
    await imported(service, others)

    await imported(service, lines)
    hasher.close()

    after = [text for name, text, _ in await contents(service) if name != "other"]
    by_time = sorted(lines, key=lambda line: line.created_at or START)
    assert after == [line.text for line in by_time]


@settings(max_examples=30, deadline=None)
@given(lines=crowds(), batch=st.integers(10, 60))
async def test_an_export_imported_elsewhere_gives_the_same_export(
    lines: list[ImportLine], batch: int
) -> None:
    """As long as no more posts are of one millisecond than go into one batch."""
    hasher = a_hasher()
    service, elsewhere = (a_service(MemoryStorage(), ManualClock(), hasher) for _ in range(2))
    few = [line for number, line in enumerate(lines) if number < batch]
    await imported(service, few)
    posts = await contents(service)

    await imported(elsewhere, lines_of(posts), batch=batch)
    hasher.close()

    assert await contents(elsewhere) == posts


async def test_a_whole_batch_of_one_millisecond_keeps_its_order_and_its_time(
    service: Service,
) -> None:
    posts = [("ada", f"{number}", at(number // 500)) for number in range(1500)]

    await imported(service, lines_of([("ada", "first", at(-1)), *posts]))

    assert await contents(service) == [("ada", "first", at(-1)), *posts]


async def test_a_full_millisecond_spills_into_the_next_ones(service: Service) -> None:
    lines = [ImportLine(number, "ada", f"{number}", LONG_AGO) for number in range(5000)]

    await imported(service, lines)

    posts = await exported(service)
    assert len({post.id for post in posts}) == 5000
    assert posts[-1].created_at - LONG_AGO < timedelta(milliseconds=64)


async def test_ids_that_are_taken_are_minted_again(service: Service) -> None:
    ada = await service.sign_up(username="ada", password="correct horse battery")
    taken = await service.create_post(ada.id, "taken")
    importing = replace(service.import_posts, ids=StubbornIds(taken.id))
    lines = [ImportLine(1, "ada", "one", START), ImportLine(2, "bob", "two")]

    told = [batch async for batch in importing(lines)]

    assert told == [ImportedBatch(2, 0, ())]
    assert sorted(post.text for post in await exported(service)) == ["one", "taken", "two"]


async def test_an_author_whose_id_is_taken_gets_another(service: Service) -> None:
    ada = await service.sign_up(username="ada", password="correct horse battery")
    importing = replace(service.import_posts, ids=StubbornIds(ada.id))

    told = [batch async for batch in importing([ImportLine(1, "bob", "two")])]

    assert told == [ImportedBatch(1, 0, ())]
    assert [post.owner.id for post in await exported(service)] == [ada.id + 1]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        (ImportLine(7, "a b", "fine"), ["author"]),
        (ImportLine(7, "ada", "not\x0bfine"), ["text"]),
        (ImportLine(7, "", ""), ["author", "text"]),
        (ImportLine(7, "ada", "x", START + timedelta(milliseconds=1)), ["created_at"]),
        (ImportLine(7, "ada", "x", datetime(1970, 1, 1, tzinfo=UTC)), ["created_at"]),
        (ImportLine(7, "ada", "x", datetime(1969, 1, 1, tzinfo=UTC)), ["created_at"]),
    ],
)
async def test_a_wrong_line_is_told_and_the_others_go_in(
    service: Service, line: ImportLine, fields: list[str]
) -> None:
    told = await imported(service, [ImportLine(6, "ada", "a"), line, ImportLine(8, "ada", "b")])

    assert (told[0].imported, told[0].known) == (2, 0)
    assert [(each.number, [error.field for error in each.errors]) for each in told[0].rejected] == [
        (7, fields)
    ]


async def test_the_first_and_the_present_millisecond_can_be_imported(service: Service) -> None:
    first = datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)

    told = await imported(service, [ImportLine(1, "a", "x", first), ImportLine(2, "a", "x", START)])

    assert told == [ImportedBatch(2, 0, ())]


class RacingStorage(MemoryStorage):
    """A storage in which somebody takes a name in the middle of the first transaction."""

    def __init__(self) -> None:
        super().__init__()
        self.transactions = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """A transaction; the first one finds the name taken in the end."""
        self.transactions += 1
        async with super().transaction() as tx:
            yield tx
            if self.transactions == 1:
                raise UsernameTaken


async def test_a_batch_that_lost_a_race_for_a_name_is_done_again(
    clock: ManualClock, hasher: Argon2Hasher
) -> None:
    storage = RacingStorage()
    service = a_service(storage, clock, hasher)

    told = await imported(service, some_lines(3))

    assert told == [ImportedBatch(3, 0, ())]
    assert storage.transactions == 2
    assert len(await exported(service)) == 3


async def test_nothing_gives_nothing(service: Service) -> None:
    assert await imported(service, []) == []
    assert await exported(service) == []


async def test_nothing_is_imported_for_an_author_who_was_deleted(service: Service) -> None:
    lines = [*some_lines(6), ImportLine(7, "ada", "more"), ImportLine(8, "ADA", "and more")]
    ada = await service.sign_up(username="Ada", password="correct horse battery")
    await imported(service, [ImportLine(1, "ada", "before")])
    await service.delete_user(ada.id, password="correct horse battery")

    told = await imported(service, lines)
    again = await imported(service, lines)

    assert (told[0].imported, told[0].known) == (6, 0)
    assert (again[0].imported, again[0].known) == (0, 6)
    assert [(each.number, each.errors[0].field) for each in told[0].rejected] == [
        (7, "author"),
        (8, "author"),
    ]
    assert [post.text for post in await exported(service)] == [line.text for line in lines[:6]]


async def test_an_author_who_is_deleted_between_two_batches_gets_nothing_more(
    service: Service,
) -> None:
    ada = await service.sign_up(username="ada", password="correct horse battery")
    lines = [ImportLine(number, "ada", f"text {number}") for number in range(4)]
    told = []

    async for batch in service.import_posts(lines, batch=2):
        told.append((batch.imported, len(batch.rejected)))
        if len(told) == 1:
            await service.delete_user(ada.id, password="correct horse battery")

    assert told == [(2, 0), (0, 2)]
