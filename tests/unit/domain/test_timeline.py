"""Timelines have names; requests for pages have limits."""

import pytest

from hashpost.domain.errors import FieldError
from hashpost.domain.timeline import (
    AllPosts,
    HashtagPosts,
    MergedPage,
    Timeline,
    UserPosts,
    merged_page_faults,
    page_faults,
)


def faulty(page: int | None = None, page_size: int = 20, cursor: str | None = None) -> list[str]:
    """The wrong fields."""
    return [fault.field for fault in page_faults(page=page, page_size=page_size, cursor=cursor)]


def test_no_two_timelines_have_the_same_name() -> None:
    timelines: list[Timeline] = [
        AllPosts(),
        UserPosts(1),
        UserPosts(11),
        HashtagPosts("1"),
        HashtagPosts("posts"),
    ]

    assert len({timeline.name for timeline in timelines}) == 5


def test_timelines_are_named_for_what_they_list() -> None:
    assert AllPosts().name == "posts"
    assert UserPosts(7).name == "user:7"
    assert HashtagPosts("año").name == "hashtag:año"


@pytest.mark.parametrize("page", [None, 1, 2, 2**53 - 1])
def test_these_pages_can_be_asked_for(page: int | None) -> None:
    assert faulty(page=page) == []


@pytest.mark.parametrize("page", [-1, 0, 2**53])
def test_these_pages_cannot(page: int) -> None:
    assert faulty(page=page) == ["page"]


@pytest.mark.parametrize("page_size", [1, 20, 100])
def test_pages_may_have_these_sizes(page_size: int) -> None:
    assert faulty(page_size=page_size) == []


@pytest.mark.parametrize("page_size", [-1, 0, 101])
def test_pages_may_not_have_these_sizes(page_size: int) -> None:
    assert faulty(page_size=page_size) == ["page_size"]


def test_a_page_comes_by_number_or_by_cursor() -> None:
    assert faulty(cursor="x") == []
    assert faulty(page=1, cursor="x") == ["cursor"]


def test_everything_wrong_is_named_at_once_with_what_would_be_right() -> None:
    faults = list(page_faults(page=0, page_size=101, cursor="x"))

    assert [(fault.field, fault.detail) for fault in faults] == [
        ("page", "1 to 9007199254740991"),
        ("page_size", "1 to 100"),
        ("cursor", "page or cursor, not both"),
    ]


@pytest.mark.parametrize(
    ("page", "page_size", "fields"),
    [
        (None, 20, []),
        (500, 20, []),
        (501, 20, ["page"]),
        (100, 100, []),
        (101, 100, ["page"]),
        (334, 30, []),
        (335, 30, ["page"]),
        (0, 20, ["page"]),
        (0, 0, ["page", "page_size"]),
    ],
)
def test_merged_pages_by_number_go_to_the_ten_thousandth_post(
    page: int | None, page_size: int, fields: list[str]
) -> None:
    faults = list(merged_page_faults(page=page, page_size=page_size, cursor=None))

    assert [fault.field for fault in faults] == fields


def test_a_merged_page_too_far_is_told_of_the_cursor() -> None:
    (fault,) = merged_page_faults(page=10_001, page_size=1, cursor=None)

    assert fault == FieldError("page", "up to the 10,000th post; a cursor goes on from there")


def test_a_merged_page_has_no_count() -> None:
    page = MergedPage(1, 20, has_next=False, has_previous=False, next_cursor=None, result=())

    assert page.count is None


def test_a_merged_page_is_asked_for_by_number_or_by_cursor() -> None:
    faults = list(merged_page_faults(page=10_001, page_size=1, cursor="x"))

    assert [fault.field for fault in faults] == ["cursor"]
