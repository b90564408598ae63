"""Random readings of timelines that are merged from those of several hashtags."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule

from hashpost.domain import hashtag
from hashpost.testing.histories import PAGES, WRONG_PAGES, PostHistories, paging_faults
from hashpost.testing.model import Answer, Failure, wrong

FILTERS: list[dict[str, list[str]]] = [
    {"any": ["world", "#NEWS"]},
    {"any": ["#b", "＃a", "B", "unused"]},
    {"all": ["a", "B"]},
    {"all": ["world", "news"]},
    {"none": ["world"]},
    {"none": ["﹟ＷＯＲＬＤ", "a", "t49"]},
    {"any": ["a", "world"], "none": ["news"]},
    {"any": ["world", "b"], "all": ["#a"]},
    {"any": ["world", "a", "b"], "all": ["NEWS"], "none": ["año"]},
    {"all": ["t1", "t2", "t3"], "none": ["t4", "unused"]},
    {"any": ["a"], "none": ["a"]},
]
WRONG_FILTERS: list[dict[str, list[str]]] = [
    {"any": [""]},
    {"all": ["a", "a b"]},
    {"any": ["#"], "none": ["a", "1"]},
    {"none": [f"t{number}" for number in range(11)]},
    {"any": ["a"], "all": [f"t{number}" for number in range(10)]},
]
MERGED_PAGES = [*PAGES[:-1], *WRONG_PAGES, {"page": 10_001, "page_size": 1}]


class MergedTimelines(PostHistories):
    """Besides what `PostHistories` do: posts by several hashtags, and under favourites."""

    merged_cursors = Bundle("merged_cursors")

    @rule(
        target=merged_cursors,
        access=PostHistories.accesses,
        paging=st.sampled_from(MERGED_PAGES),
    )
    def list_favorite_posts(self, access: Any, paging: Any) -> Any:
        """A user reads a page of the posts under favourites."""
        actor = self.model.actor(access["access"])
        return self.check_merged(access["access"], actor, paging, None)

    @rule(
        target=merged_cursors,
        access=PostHistories.accesses,
        asked=st.sampled_from(FILTERS),
        paging=st.sampled_from(MERGED_PAGES),
    )
    def list_matching_posts(self, access: Any, asked: Any, paging: Any) -> Any:
        """A user reads a page of the posts that match."""
        return self.check_merged(access["access"], asked, paging, None)

    @rule(
        access=PostHistories.accesses,
        asked=st.sampled_from(WRONG_FILTERS),
        paging=st.sampled_from([{}, *WRONG_PAGES]),
    )
    def list_matching_wrongly(self, access: Any, asked: Any, paging: Any) -> None:
        """A user asks for posts by what are no hashtags, or too many."""
        answer = self.subject.list_matching_posts(access["access"], asked, paging)
        faults = {
            part
            for part, spellings in asked.items()
            if sum(map(len, asked.values())) > 10 or any(map(is_no_hashtag, spellings))
        }
        self.check_read(access["access"], answer, wrong(*faults, *paging_faults(paging, None)))

    @rule(
        target=merged_cursors,
        access=PostHistories.accesses,
        cursor=merged_cursors,
        page_size=st.integers(1, 3),
    )
    def follow_a_merged_cursor(self, access: Any, cursor: Any, page_size: int) -> Any:
        """A user goes on from where an answer ended; with favourites, perhaps somebody else's."""
        timeline, text, position = cursor
        paging = {"cursor": text, "page_size": page_size}
        actor = self.model.actor(access["access"])
        if isinstance(timeline, dict) or timeline == actor:
            return self.check_merged(access["access"], timeline, paging, position)
        return self.check_merged(access["access"], actor, paging, None)

    @rule(access=PostHistories.accesses, cursor=merged_cursors, asked=st.sampled_from(FILTERS))
    def use_a_merged_cursor_elsewhere(self, access: Any, cursor: Any, asked: Any) -> None:
        """A user shows a cursor to a timeline of other hashtags."""
        timeline, text, _ = cursor
        if timeline != asked:
            answer = self.subject.list_matching_posts(access["access"], asked, {"cursor": text})
            self.check_read(access["access"], answer, wrong("cursor"))

    def check_merged(self, access: str, timeline: Any, paging: Any, position: int | None) -> Any:
        """The page is what slicing gives; its cursor, for the bundle, with what it stands for.

        A timeline is what is asked for, or the user whose favourites make it.
        """
        if isinstance(timeline, dict):
            answer = self.subject.list_matching_posts(access, timeline, paging)
            keys = {part: set(map(key_of, spellings)) for part, spellings in timeline.items()}
            posts = self.model.matching(**keys)
        else:
            answer = self.subject.list_favorite_posts(access, paging)
            posts = self.model.matching(any=set(self.model.favorites[timeline]))
        expected = expected_merged(posts, paging, position)
        if isinstance(answer, dict) and isinstance(expected, dict):
            assert (answer["next_cursor"] is not None) == expected["has_next"]
            expected["next_cursor"] = answer["next_cursor"]
        was_read = self.check_read(access, answer, expected)
        if was_read and isinstance(expected, dict) and expected["has_next"]:
            return timeline, answer["next_cursor"], expected["result"][-1]["id_post"]
        return multiple()


def key_of(spelling: str) -> str:
    """The key of a hashtag."""
    return hashtag.names("#" + spelling.lstrip("#＃﹟"))[0]


def is_no_hashtag(spelling: str) -> bool:
    """Whether it is not one whole hashtag."""
    return hashtag.parse(spelling) is None


def expected_merged(posts: list[Any], paging: Any, position: int | None) -> Answer:
    """The page that the model has of these posts."""
    page, size = paging.get("page", 1), paging.get("page_size", 20)
    faults = paging_faults(paging, position)
    if faults or (page - 1) * size >= 10_000:
        return wrong(*(faults or {"page"}))
    start = (
        (page - 1) * size
        if position is None
        else sum(post["id_post"] >= position for post in posts)
    )
    result = posts[start : start + size]
    if position is None and page > 1 and not result:
        return Failure("page-out-of-range")
    return {
        "count": None,
        "page": page if position is None else None,
        "page_size": size,
        "has_next": start + size < len(posts),
        "has_previous": page > 1 if position is None else None,
        "next_cursor": None,
        "result": result,
    }
