"""Reading the posts that carry, and do not carry, certain hashtags."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpost.adapters.memory import MemoryStorage
from hashpost.application.service import Service
from hashpost.application.timelines import ListMatchingPosts
from hashpost.domain.errors import InvalidInput, PageOutOfRange, Unauthenticated
from hashpost.domain.post import Post
from hashpost.domain.timeline import MergedPage
from hashpost.testing.clock import ManualClock
from tests.services import a_hasher, a_service

PASSWORD = "correct horse battery"


@pytest.fixture
async def ada(service: Service) -> int:
    return (await service.sign_up(username="ada", password=PASSWORD)).id


@pytest.fixture
async def posts(service: Service, ada: int) -> list[Post]:
    """Six posts, newest first."""
    texts = ["1 #a", "2 #b #A", "3", "4 #c #b", "5 #c #a", "6 #a #b #c"]
    return [await service.create_post(ada, text) for text in texts][::-1]


def looking_at(service: Service, budget: int) -> ListMatchingPosts:
    """The use case, where so many posts are looked at for a page."""
    listing = service.list_matching_posts
    return replace(listing, pages=replace(listing.pages, budget=lambda _: budget))


def numbers(page: MergedPage) -> str:
    return "".join(each.post.text[0] for each in page.result)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"any": ["a"]}, "6521"),
        ({"any": ["#A", "b"]}, "65421"),
        ({"all": ["a", "#B"]}, "62"),
        ({"none": ["c"]}, "321"),
        ({"any": ["a", "b"], "all": ["c"]}, "654"),
        ({"any": ["a", "b"], "none": ["c", "unused"]}, "21"),
        ({"any": ["a"], "all": ["c"], "none": ["b"]}, "5"),
        ({"all": ["unused", "a"]}, ""),
        ({"any": ["a"], "none": ["a"]}, ""),
        ({"any": []}, ""),
        ({}, "654321"),
    ],
)
async def test_posts_are_found_by_what_they_carry(
    service: Service, ada: int, posts: list[Post], asked: dict[str, Any], expected: str
) -> None:
    page = await service.list_matching_posts(ada, **asked)

    assert numbers(page) == expected
    assert (page.count, page.page, page.page_size, page.ends_early) == (None, 1, 20, False)
    assert (page.has_next, page.has_previous, page.next_cursor) == (False, False, None)


async def test_each_post_comes_with_what_it_was_asked_for(
    service: Service, ada: int, posts: list[Post]
) -> None:
    matched = await service.list_matching_posts(ada, any=["b", "x"], all=["C"])
    unasked = await service.list_matching_posts(ada, none=["c"])

    assert [each.matched_tags for each in matched.result] == [("b", "c"), ("c", "b")]
    assert [each.matched_tags for each in unasked.result] == [()] * 3


async def test_pages_by_number_and_by_cursor_agree(
    service: Service, ada: int, posts: list[Post]
) -> None:
    first, second, third = [
        await service.list_matching_posts(ada, any=["a", "b"], page=page, page_size=2)
        for page in (1, 2, 3)
    ]
    followed = await service.list_matching_posts(
        ada, any=["B", "a"], page_size=2, cursor=first.next_cursor
    )

    assert [numbers(page) for page in (first, second, third)] == ["65", "42", "1"]
    assert (followed.result, followed.next_cursor) == (second.result, second.next_cursor)
    assert (followed.page, followed.has_previous) == (None, None)
    assert [page.has_next for page in (first, second, third)] == [True, True, False]
    with pytest.raises(PageOutOfRange):
        await service.list_matching_posts(ada, any=["a", "b"], page=4, page_size=2)


async def test_a_cursor_is_good_for_the_same_hashtags_only(
    service: Service, ada: int, posts: list[Post]
) -> None:
    cursor = (await service.list_matching_posts(ada, any=["a", "b"], page_size=1)).next_cursor

    page = await service.list_matching_posts(ada, any=["#B", "A", "b"], cursor=cursor)
    assert numbers(page) == "5421"
    others: list[dict[str, Any]] = [{"any": ["a"]}, {"all": ["a", "b"]}, {}]
    for wrong in [*others, {"any": ["a", "b"], "none": ["c"]}]:
        with pytest.raises(InvalidInput, match="cursor: a next_cursor that this timeline gave"):
            await service.list_matching_posts(ada, cursor=cursor, **wrong)
    with pytest.raises(InvalidInput):
        await service.list_posts(ada, cursor=cursor)


async def test_everything_wrong_is_named_at_once(service: Service, ada: int) -> None:
    many = [f"t{number}" for number in range(11)]

    with pytest.raises(InvalidInput) as caught:
        await service.list_matching_posts(
            ada, any=[""], all=many, none=["a", "b c"], page_size=0, cursor="x"
        )

    fields = [error.field for error in caught.value.errors]
    assert sorted(fields) == ["all", "any", "cursor", "none", "page_size"]


async def test_pages_by_number_end_at_the_ten_thousandth_post(service: Service, ada: int) -> None:
    with pytest.raises(PageOutOfRange):
        await service.list_matching_posts(ada, none=["a"], page=100, page_size=100)
    with pytest.raises(InvalidInput, match="page: up to the 10,000th post"):
        await service.list_matching_posts(ada, none=["a"], page=101, page_size=100)


async def test_nobody_lists_nothing(service: Service) -> None:
    with pytest.raises(Unauthenticated):
        await service.list_matching_posts(1, any=["a"])


async def test_a_page_ends_early_where_too_much_had_to_be_passed_over(
    service: Service, ada: int, posts: list[Post]
) -> None:
    listing = looking_at(service, 4)

    page = await listing(ada, none=["c"], page_size=5)
    rest = await listing(ada, none=["c"], page_size=5, cursor=page.next_cursor)

    assert (numbers(page), page.page, page.has_next, page.ends_early) == ("3", 1, True, True)
    assert (numbers(rest), rest.has_next, rest.ends_early) == ("21", False, False)


async def test_a_page_may_end_early_and_empty(
    service: Service, ada: int, posts: list[Post]
) -> None:
    page = await looking_at(service, 3)(ada, none=["c"], page=1)

    assert (page.result, page.has_next, page.ends_early) == ((), True, True)
    rest = await service.list_matching_posts(ada, none=["c"], cursor=page.next_cursor)
    assert numbers(rest) == "321"


async def test_a_numbered_page_that_is_not_reached_is_told_of_the_cursor(
    service: Service, ada: int, posts: list[Post]
) -> None:
    listing = looking_at(service, 5)

    second = await listing(ada, none=["c"], page=2, page_size=1)
    with pytest.raises(InvalidInput, match=r"^page: .* a cursor goes on from there$"):
        await listing(ada, none=["c"], page=3, page_size=1)
    with pytest.raises(PageOutOfRange):
        await service.list_matching_posts(ada, none=["c"], page=4, page_size=1)

    assert (numbers(second), second.has_previous, second.ends_early) == ("2", True, True)


async def test_pages_by_number_leave_out_nothing_before_they_end(
    service: Service, ada: int, posts: list[Post]
) -> None:
    listing = service.list_matching_posts
    growing = replace(listing, pages=replace(listing.pages, budget=lambda reach: 2 * reach))
    for text in ("7 #c", "8", "9 #c", "0 #c"):
        await service.create_post(ada, text)

    pages = [await growing(ada, none=["c"], page=number, page_size=2) for number in (1, 2)]

    assert [numbers(page) for page in pages] == ["83", "21"]


TAGS = st.sets(st.sampled_from("abc"))
ASKED = st.fixed_dictionaries(
    {},
    optional={
        part: st.sets(st.sampled_from("abcd"), min_size=1) for part in ("any", "all", "none")
    },
)


@settings(max_examples=60)
@given(
    tagged=st.lists(TAGS, max_size=12),
    asked=ASKED,
    page_size=st.integers(1, 4),
    budget=st.integers(1, 15),
)
async def test_whatever_is_looked_at_a_walk_finds_each_matching_post_once(
    tagged: list[set[str]], asked: dict[str, Any], page_size: int, budget: int
) -> None:
    hasher = a_hasher()
    service = a_service(MemoryStorage(), ManualClock(), hasher)
    ada = (await service.sign_up(username="ada", password=PASSWORD)).id
    for number, tags in enumerate(tagged):
        text = " ".join([str(number), *(f"#{tag}" for tag in tags)])
        await service.create_post(ada, text)
    expected = [
        number
        for number, tags in reversed(list(enumerate(tagged)))
        if ("any" not in asked or tags & asked["any"])
        and asked.get("all", set()) <= tags
        and not asked.get("none", set()) & tags
    ]

    listing = looking_at(service, budget)
    walked = await read_on(lambda cursor: listing(ada, **asked, page_size=page_size, cursor=cursor))
    whole = service.list_matching_posts
    paged = [
        await whole(ada, **asked, page=number, page_size=page_size)
        for number in range(1, 2 + max(0, len(expected) - 1) // page_size)
    ]
    hasher.close()

    assert texts(walked) == expected
    assert texts(paged) == expected


async def read_on(read: Callable[[str | None], Awaitable[MergedPage]]) -> list[MergedPage]:
    """All pages, from the first to the one without a cursor."""
    pages = [await read(None)]
    while pages[-1].has_next:
        pages.append(await read(pages[-1].next_cursor))
    return pages


def texts(pages: list[MergedPage]) -> list[int]:
    return [int(each.post.text.split()[0]) for page in pages for each in page.result]


@settings(max_examples=40)
@given(changes=st.lists(st.sampled_from("pde."), max_size=30), budget=st.integers(1, 6))
async def test_a_walk_has_neither_gaps_nor_repeats_whatever_happens_meanwhile(
    changes: list[str], budget: int
) -> None:
    hasher = a_hasher()
    service = a_service(MemoryStorage(), ManualClock(), hasher)
    ada = (await service.sign_up(username="ada", password=PASSWORD)).id
    written = [await service.create_post(ada, f"{'#a' if n % 2 else ''} #b {n}") for n in range(9)]
    standing = [post for post in written[::-1] if "a" in post.tags]
    listing = looking_at(service, budget)
    pages = [await listing(ada, all=["a", "b"], page_size=2)]

    for change in changes:
        if change == "p":
            await service.create_post(ada, "#a #b new")
        elif change == "d" and standing:
            await service.delete_post(ada, standing.pop(len(standing) // 2).id)
        elif change == "e" and standing:
            await service.edit_post(ada, standing.pop(len(standing) // 2).id, "#b no more")
        elif pages[-1].has_next:
            pages.append(
                await listing(ada, all=["a", "b"], page_size=2, cursor=pages[-1].next_cursor)
            )
    while pages[-1].has_next:
        pages.append(await listing(ada, all=["a", "b"], page_size=2, cursor=pages[-1].next_cursor))
    hasher.close()

    read = [each.post.id for page in pages for each in page.result]
    assert read == sorted(set(read), reverse=True)
    assert {post.id for post in standing} <= set(read) <= {post.id for post in written}
