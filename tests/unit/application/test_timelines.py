"""Reading timelines in pages."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpost.adapters.memory import MemoryStorage
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidInput, PageOutOfRange, UserNotFound
from hashpost.domain.post import Post
from hashpost.domain.user import User
from hashpost.testing.clock import ManualClock
from tests.services import a_hasher, a_service


@pytest.fixture
async def ada(service: Service) -> User:
    return await service.sign_up(username="ada", password="correct horse battery")


async def written(service: Service, user: User, count: int) -> list[Post]:
    """So many posts, newest first."""
    posts = [await service.create_post(user.id, f"{number} #a") for number in range(count)]
    return posts[::-1]


async def test_an_empty_timeline_has_an_empty_first_page(service: Service, ada: User) -> None:
    page = await service.list_posts(ada.id)

    assert (page.count, page.page, page.page_size) == (0, 1, 20)
    assert (page.has_next, page.has_previous, page.next_cursor) == (False, False, None)
    assert page.result == ()


async def test_pages_by_number_cut_the_timeline(service: Service, ada: User) -> None:
    posts = await written(service, ada, 5)

    pages = [await service.list_posts(ada.id, page=page, page_size=2) for page in (1, 2, 3)]

    assert [list(page.result) for page in pages] == [posts[:2], posts[2:4], posts[4:]]
    assert [page.count for page in pages] == [5, 5, 5]
    assert [page.page for page in pages] == [1, 2, 3]
    assert [page.has_next for page in pages] == [True, True, False]
    assert [page.has_previous for page in pages] == [False, True, True]


async def test_a_page_past_the_last_one_is_out_of_range(service: Service, ada: User) -> None:
    await written(service, ada, 4)

    with pytest.raises(PageOutOfRange):
        await service.list_posts(ada.id, page=3, page_size=2)
    with pytest.raises(PageOutOfRange):
        await service.list_posts(ada.id, page=2**53 - 1, page_size=100)


async def test_a_full_last_page_has_no_next(service: Service, ada: User) -> None:
    await written(service, ada, 4)

    page = await service.list_posts(ada.id, page=2, page_size=2)
    by_cursor = await service.list_posts(
        ada.id, page_size=2, cursor=(await service.list_posts(ada.id, page_size=2)).next_cursor
    )

    assert (page.has_next, page.next_cursor) == (False, None)
    assert (by_cursor.has_next, by_cursor.next_cursor) == (False, None)
    assert by_cursor.result == page.result


async def test_a_page_by_cursor_has_no_number_and_no_previous(service: Service, ada: User) -> None:
    posts = await written(service, ada, 5)
    first = await service.list_posts(ada.id, page_size=2)

    page = await service.list_posts(ada.id, page_size=2, cursor=first.next_cursor)

    assert (page.page, page.has_previous) == (None, None)
    assert (page.count, page.page_size, page.has_next) == (5, 2, True)
    assert list(page.result) == posts[2:4]


@settings(max_examples=50)
@given(changes=st.lists(st.sampled_from("pd."), max_size=30), page_size=st.integers(1, 3))
async def test_a_walk_by_cursor_has_neither_gaps_nor_repeats_whatever_happens_meanwhile(
    changes: list[str], page_size: int
) -> None:
    hasher = a_hasher()
    service = a_service(MemoryStorage(), ManualClock(), hasher)
    ada = await service.sign_up(username="ada", password="correct horse battery")
    before = await written(service, ada, 8)
    remaining = list(before)
    read: list[Post] = []

    page = await service.list_posts(ada.id, page_size=page_size)
    read += page.result
    for change in changes:
        if change == "p":
            await service.create_post(ada.id, "new")
        elif change == "d" and remaining:
            await service.delete_post(ada.id, remaining.pop(len(remaining) // 2).id)
        elif page.next_cursor is not None:
            page = await service.list_posts(ada.id, page_size=page_size, cursor=page.next_cursor)
            read += page.result
    while page.next_cursor is not None:
        page = await service.list_posts(ada.id, page_size=page_size, cursor=page.next_cursor)
        read += page.result
    hasher.close()

    assert len(set(read)) == len(read)
    assert set(remaining) <= set(read) <= set(before)
    assert read == sorted(read, key=lambda post: post.id, reverse=True)


@pytest.mark.parametrize("cursor", ["", "x", "A" * 32])
async def test_a_strange_cursor_is_refused(service: Service, ada: User, cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor: a next_cursor that this timeline gave"):
        await service.list_posts(ada.id, cursor=cursor)


async def test_a_cursor_of_another_timeline_is_refused(service: Service, ada: User) -> None:
    await written(service, ada, 3)
    page = await service.list_posts(ada.id, page_size=1)

    with pytest.raises(InvalidInput):
        await service.list_user_posts(ada.id, ada.id, cursor=page.next_cursor)
    with pytest.raises(InvalidInput):
        await service.list_hashtag_posts(ada.id, "a", cursor=page.next_cursor)


async def test_every_wrong_number_is_named(service: Service, ada: User) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.list_hashtag_posts(ada.id, "#", page=0, page_size=0)

    fields = [error.field for error in caught.value.errors]
    assert fields == ["hashtag", "page", "page_size"]


async def test_a_strange_cursor_is_named_along_with_a_wrong_number(
    service: Service, ada: User
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.list_posts(ada.id, page_size=0, cursor="x")

    fields = [error.field for error in caught.value.errors]
    assert fields == ["page_size", "cursor"]


async def test_a_page_and_a_strange_cursor_are_one_fault(service: Service, ada: User) -> None:
    with pytest.raises(InvalidInput, match=r"^cursor: page or cursor, not both$"):
        await service.list_posts(ada.id, page=1, cursor="x")


async def test_the_posts_of_an_unknown_user_are_not_found(service: Service, ada: User) -> None:
    with pytest.raises(UserNotFound):
        await service.list_user_posts(ada.id, ada.id + 1)


async def test_wrong_input_is_told_before_an_unknown_user(service: Service, ada: User) -> None:
    with pytest.raises(InvalidInput):
        await service.list_user_posts(ada.id, ada.id + 1, page=0)
    with pytest.raises(InvalidInput):
        await service.list_user_posts(ada.id, ada.id + 1, cursor="x")


async def test_a_user_without_posts_has_an_empty_timeline(service: Service, ada: User) -> None:
    bob = await service.sign_up(username="bob", password="correct horse battery")
    posts = await written(service, ada, 2)

    assert (await service.list_user_posts(ada.id, bob.id)).count == 0
    assert list((await service.list_user_posts(bob.id, ada.id)).result) == posts


@pytest.mark.parametrize("spelling", ["world", "#World", "＃ＷＯＲＬＤ", "﹟world", "WORLD"])
async def test_a_hashtag_is_found_in_every_spelling_of_its_key(
    service: Service, ada: User, spelling: str
) -> None:
    post = await service.create_post(ada.id, "Hello #World")

    assert (await service.list_hashtag_posts(ada.id, spelling)).result == (post,)


@pytest.mark.parametrize("spelling", ["", "#", "##a", "a b", "#a#b", "1", "a-b", "a\n", "x" * 101])
async def test_what_is_not_one_whole_hashtag_is_refused(
    service: Service, ada: User, spelling: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.list_hashtag_posts(ada.id, spelling)

    assert [(error.field, error.detail) for error in caught.value.errors] == [
        ("hashtag", "one whole hashtag, with or without its sign")
    ]


async def test_popular_hashtags_are_five_unless_asked_otherwise(
    service: Service, ada: User
) -> None:
    await service.create_post(ada.id, "#a #b #c #d #e #f")
    await service.create_post(ada.id, "#f")

    ranking = await service.popular_hashtags(ada.id)

    assert [(tag.name, tag.count) for tag in ranking] == [
        ("f", 2),
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("d", 1),
    ]
    assert len(await service.popular_hashtags(ada.id, limit=50)) == 6


@pytest.mark.parametrize("limit", [0, 51])
async def test_a_ranking_has_a_possible_length(service: Service, ada: User, limit: int) -> None:
    with pytest.raises(InvalidInput, match="limit: 1 to 50"):
        await service.popular_hashtags(ada.id, limit=limit)


async def test_a_page_past_the_end_tells_whether_there_is_such_a_user(
    service: Service, ada: User
) -> None:
    with pytest.raises(PageOutOfRange):
        await service.list_user_posts(ada.id, ada.id, page=2)
    with pytest.raises(UserNotFound):
        await service.list_user_posts(ada.id, ada.id + 1, page=2)


async def test_what_is_wrong_with_a_request_for_a_hashtag_is_told_beforehand(
    service: Service,
) -> None:
    faults = service.list_hashtag_posts.faults("no hashtag", page=0, page_size=20, cursor=None)

    assert {fault.field for fault in faults} == {"hashtag", "page"}
