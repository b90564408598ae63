"""Timelines have names; requests for pages have limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.errors import FieldError
from hashpost.domain.timeline import (
    AllPosts,
    HashtagFilter,
    HashtagPosts,
    MergedPage,
    Timeline,
    UserPosts,
    filter_of,
    look,
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


# Filters

KEYS = st.frozensets(st.sampled_from("abcd"))
FILTERS = st.builds(HashtagFilter, st.none() | KEYS, KEYS, KEYS)
WHOLE = "whole hashtags with commas between, with or without their signs"
TOO_MANY = "at most 10 different hashtags, all in all"


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        (HashtagFilter(), ["", "a", "b", "ab", "abc"]),
        (HashtagFilter(any=frozenset("ax")), ["a", "ab", "abc"]),
        (HashtagFilter(any=frozenset("ab")), ["a", "b", "ab", "abc"]),
        (HashtagFilter(any=frozenset()), []),
        (HashtagFilter(all=frozenset("ab")), ["ab", "abc"]),
        (HashtagFilter(none=frozenset("a")), ["", "b"]),
        (HashtagFilter(any=frozenset("ac"), all=frozenset("b"), none=frozenset("c")), ["ab"]),
        (HashtagFilter(any=frozenset("ac"), all=frozenset("b"), none=frozenset("b")), []),
    ],
)
def test_a_filter_lets_through_what_it_asks_for(wanted: HashtagFilter, accepted: list[str]) -> None:
    assert [tags for tags in ("", "a", "b", "ab", "abc") if wanted.accepts(tags)] == accepted


@given(FILTERS, KEYS)
def test_a_reduced_filter_lets_the_same_posts_through(
    wanted: HashtagFilter, tags: frozenset[str]
) -> None:
    reduced = wanted.reduced()

    assert wanted.accepts(tags) == (reduced is not None and reduced.accepts(tags))


@given(FILTERS)
def test_a_reduced_filter_asks_nothing_twice_and_nothing_impossible(wanted: HashtagFilter) -> None:
    reduced = wanted.reduced()

    if reduced is None:
        tags = (wanted.any or frozenset()) - wanted.none | wanted.all
        assert not wanted.accepts(tags)
    else:
        assert reduced.reduced() == reduced
        assert reduced.all.isdisjoint(reduced.none)
        assert reduced.any is None or len(reduced.any) > 1
        assert (reduced.any or frozenset()).isdisjoint(reduced.all | reduced.none)


def test_what_was_asked_for_is_matched_in_the_order_of_the_post() -> None:
    wanted = HashtagFilter(frozenset("ab"), frozenset("c"), frozenset("d"))

    assert wanted.matched(("c", "x", "b", "a")) == ("c", "b", "a")
    assert HashtagFilter(none=frozenset("d")).matched(("a", "b")) == ()


@given(FILTERS, FILTERS)
def test_filters_have_the_same_name_only_if_they_are_the_same(
    one: HashtagFilter, other: HashtagFilter
) -> None:
    def parts(each: HashtagFilter) -> tuple[frozenset[str], ...]:
        return (each.any or frozenset(), each.all, each.none)

    assert (one.name == other.name) == (parts(one) == parts(other))


def test_a_filter_is_named_for_its_hashtags() -> None:
    wanted = HashtagFilter(any=frozenset("ba"), none=frozenset(["año"]))

    assert wanted.name == "matching:any=a,b;all=;none=año"


def test_a_filter_is_made_of_hashtags_in_any_spelling() -> None:
    wanted, faults = filter_of(any=["#World", "ＷＯＲＬＤ", "año"], all=["B"], none=())

    assert wanted == HashtagFilter(frozenset({"world", "año"}), frozenset("b"), frozenset())
    assert faults == []


def test_no_filter_asks_for_nothing() -> None:
    assert filter_of(any=None, all=(), none=()) == (HashtagFilter(), [])


@pytest.mark.parametrize("spelling", ["", "#", "a b", " a", "a#b", "1", "x" * 101])
@pytest.mark.parametrize("field", ["any", "all", "none"])
def test_what_is_not_a_whole_hashtag_is_named_by_its_parameter(field: str, spelling: str) -> None:
    asked = {"any": ["a"], "all": ["b"], "none": ["c"]} | {field: ["d", spelling]}

    _, faults = filter_of(any=asked["any"], all=asked["all"], none=asked["none"])

    assert faults == [FieldError(field, WHOLE)]


def test_ten_different_hashtags_may_be_asked_for() -> None:
    ten = [f"t{number}" for number in range(10)]

    assert filter_of(any=[*ten, "#T0", "T9"], all=["t0"], none=["t1"])[1] == []
    assert filter_of(any=ten[:4], all=ten[4:7], none=ten[7:])[1] == []


def test_more_than_ten_are_too_many_whatever_parameter_they_are_in() -> None:
    many = [f"t{number}" for number in range(11)]

    assert filter_of(any=many, all=(), none=())[1] == [FieldError("any", TOO_MANY)]
    assert filter_of(any=None, all=many[:5], none=many[5:])[1] == [
        FieldError("all", TOO_MANY),
        FieldError("none", TOO_MANY),
    ]
    assert filter_of(any=["1"], all=(), none=many)[1] == [
        FieldError("any", WHOLE),
        FieldError("none", TOO_MANY),
    ]


def test_as_many_posts_are_looked_at_as_the_reach_asks_for() -> None:
    assert [look(reach) for reach in (0, 21, 10_000)] == [10_000, 10_210, 110_000]
