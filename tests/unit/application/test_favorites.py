"""Favourite hashtags, and the timeline that they make."""

import asyncio

import pytest

from hashpost.application.service import Service
from hashpost.domain.errors import (
    InvalidInput,
    PageOutOfRange,
    TooManyFavorites,
    Unauthenticated,
)
from hashpost.domain.timeline import MergedPage
from hashpost.testing.clock import START, ManualClock

PASSWORD = "correct horse battery"


@pytest.fixture
async def ada(service: Service) -> int:
    return (await service.sign_up(username="ada", password=PASSWORD)).id


def texts(page: MergedPage) -> list[str]:
    return [each.post.text for each in page.result]


async def test_favourites_are_listed_newest_first(
    service: Service, ada: int, clock: ManualClock
) -> None:
    for hashtag in ("#World", "＃ＮＥＷＳ", "año"):
        await service.add_favorite(ada, hashtag)
        clock.advance(milliseconds=1)
    await service.remove_favorite(ada, "#WORLD")

    favorites = await service.list_favorites(ada)

    assert [each.name for each in favorites] == ["año", "news"]
    assert favorites[1].since.timestamp() == pytest.approx(START.timestamp() + 0.001)


async def test_adding_and_removing_again_changes_nothing(
    service: Service, ada: int, clock: ManualClock
) -> None:
    await service.add_favorite(ada, "world")
    clock.advance(seconds=1)
    await service.add_favorite(ada, "World")

    assert [each.since for each in await service.list_favorites(ada)] == [START]
    await service.remove_favorite(ada, "world")
    await service.remove_favorite(ada, "world")
    assert list(await service.list_favorites(ada)) == []


async def test_nobody_has_more_than_two_hundred_favourites(service: Service, ada: int) -> None:
    ended = await asyncio.gather(
        *(service.add_favorite(ada, f"t{number}") for number in range(205)), return_exceptions=True
    )

    assert [type(each) for each in ended].count(TooManyFavorites) == 5
    assert len(await service.list_favorites(ada)) == 200
    await service.add_favorite(ada, "t0")


@pytest.mark.parametrize("hashtag", ["", "#", "a b", "1", "a#b"])
async def test_only_a_whole_hashtag_is_a_favourite(
    service: Service, ada: int, hashtag: str
) -> None:
    with pytest.raises(InvalidInput, match="hashtag: one whole hashtag"):
        await service.add_favorite(ada, hashtag)
    with pytest.raises(InvalidInput, match="hashtag: one whole hashtag"):
        await service.remove_favorite(ada, hashtag)


async def test_nobody_has_no_favourites(service: Service) -> None:
    for call in (
        service.add_favorite(1, "a"),
        service.remove_favorite(1, "a"),
        service.list_favorites(1),
        service.list_favorite_posts(1),
    ):
        with pytest.raises(Unauthenticated):
            await call


async def test_the_timeline_has_each_post_once_with_what_it_is_there_for(
    service: Service, ada: int
) -> None:
    await service.add_favorite(ada, "a")
    await service.add_favorite(ada, "b")
    for text in ("#a 1", "#c 2", "#B #x #A 3", "#b 4"):
        await service.create_post(ada, text)

    page = await service.list_favorite_posts(ada)

    assert texts(page) == ["#b 4", "#B #x #A 3", "#a 1"]
    assert [each.matched_tags for each in page.result] == [("b",), ("b", "a"), ("a",)]
    assert (page.count, page.page, page.page_size) == (None, 1, 20)
    assert (page.has_next, page.has_previous, page.next_cursor) == (False, False, None)


async def test_pages_by_number_and_by_cursor_agree(service: Service, ada: int) -> None:
    await service.add_favorite(ada, "a")
    await service.add_favorite(ada, "b")
    for number in range(7):
        await service.create_post(ada, f"#{'ab'[number % 2]} #b {number}")

    pages = [await service.list_favorite_posts(ada, page=page, page_size=3) for page in (1, 2, 3)]
    by_cursor, cursor = [], pages[0].next_cursor
    while cursor:
        page = await service.list_favorite_posts(ada, cursor=cursor, page_size=3)
        by_cursor.append(page)
        cursor = page.next_cursor

    assert [len(page.result) for page in pages] == [3, 3, 1]
    assert [page.has_next for page in pages] == [True, True, False]
    assert [page.has_previous for page in pages] == [False, True, True]
    assert [texts(page) for page in by_cursor] == [texts(page) for page in pages[1:]]
    assert [(page.page, page.has_previous) for page in by_cursor] == [(None, None)] * 2
    with pytest.raises(PageOutOfRange):
        await service.list_favorite_posts(ada, page=4, page_size=3)


async def test_a_timeline_of_no_favourites_is_empty(service: Service, ada: int) -> None:
    await service.create_post(ada, "#a")

    assert (await service.list_favorite_posts(ada)).result == ()


async def test_a_cursor_of_somebody_else_or_of_nobody_is_refused(
    service: Service, ada: int
) -> None:
    bob = (await service.sign_up(username="bob", password=PASSWORD)).id
    for user in (ada, bob):
        await service.add_favorite(user, "a")
        await service.create_post(user, "#a")
    cursor = (await service.list_favorite_posts(ada, page_size=1)).next_cursor

    assert texts(await service.list_favorite_posts(ada, cursor=cursor)) == ["#a"]
    for wrong in (cursor, "x"):
        with pytest.raises(InvalidInput, match="cursor: a next_cursor that this timeline gave"):
            await service.list_favorite_posts(bob, cursor=wrong)


async def test_pages_by_number_end_at_the_ten_thousandth_post(service: Service, ada: int) -> None:
    with pytest.raises(PageOutOfRange):
        await service.list_favorite_posts(ada, page=100, page_size=100)
    with pytest.raises(InvalidInput, match="page: up to the 10,000th post"):
        await service.list_favorite_posts(ada, page=101, page_size=100)
