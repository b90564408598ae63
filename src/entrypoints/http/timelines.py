"""Timelines in pages, and how one page leads to the next."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote, urlencode

from litestar import Controller, get
from litestar.params import FromPath

from hashpost.application.timelines import ListHashtagPosts, ListUserPosts
from hashpost.domain.errors import PageOutOfRange, UserNotFound
from hashpost.domain.timeline import MERGED_MAX, MergedPage, Page, UserPosts
from hashpost.entrypoints.http.asgi import Answer, Header
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import (
    CURSOR,
    ETAG,
    LINK,
    MERGED_PAGE,
    PAGE,
    PAGE_SIZE,
    Documented,
    documented,
)
from hashpost.entrypoints.http.queries import read_page
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import segment
from hashpost.entrypoints.http.schemas import (
    MergedPageAnswer,
    PageAnswer,
    encoded,
    present_matched_post,
    present_post,
)

PAGE_ANSWER = Documented(200, PageAnswer, "The page.", headers=(LINK, ETAG))
MERGED_PAGE_ANSWER = Documented(200, MergedPageAnswer, "The page.", headers=(LINK, ETAG))
PAGE_QUERY = [PAGE, PAGE_SIZE, CURSOR]
MERGED_PAGE_QUERY = [MERGED_PAGE, PAGE_SIZE, CURSOR]


class Timelines(Controller):
    """Lists of live posts, newest first."""

    path = "/api"
    tags = ("timelines",)
    before_request = staticmethod(authenticated)

    @get(
        "/users/{user_id:int}/posts",
        opt=documented(
            "Read the timeline of a user",
            PAGE_ANSWER,
            use_case=ListUserPosts,
            query=PAGE_QUERY,
            errors=[UserNotFound, PageOutOfRange],
        ),
    )
    async def of_user(self, request: Call, user_id: FromPath[int]) -> Answer:
        """Read the timeline of a user."""
        pages = request.service.list_user_posts.pages
        wanted = read_page(request.query_string, faults=partial(pages.faults, UserPosts(user_id)))
        page = await request.service.list_user_posts(
            request.auth,
            user_id,
            page=wanted.page,
            page_size=wanted.page_size,
            cursor=wanted.cursor,
        )
        return request.unless_known(answer_page(page, path=f"/api/users/{user_id}/posts/"))

    @get(
        "/hashtags/{hashtag:str}/posts",
        opt=documented(
            "Read the timeline of a hashtag",
            PAGE_ANSWER,
            use_case=ListHashtagPosts,
            query=PAGE_QUERY,
            errors=[PageOutOfRange],
        ),
    )
    async def of_hashtag(self, request: Call, hashtag: FromPath[str]) -> Answer:
        """Read the timeline of a hashtag."""
        spelling = segment(hashtag) or ""
        listing = request.service.list_hashtag_posts
        wanted = read_page(request.query_string, faults=partial(listing.faults, spelling))
        page = await listing(
            request.auth,
            spelling,
            page=wanted.page,
            page_size=wanted.page_size,
            cursor=wanted.cursor,
        )
        path = f"/api/hashtags/{quote(spelling, safe='')}/posts/"
        return request.unless_known(answer_page(page, path=path))


def answer_page(page: Page, *, path: str) -> Answer:
    """The answer with this page of the timeline at that path."""
    following = _following(page, path, {})
    preceding = _preceding(page, path, {})
    answer = PageAnswer(
        count=page.count,
        page=page.page,
        page_size=page.page_size,
        has_next=page.has_next,
        has_previous=page.has_previous,
        next=following,
        previous=preceding,
        next_cursor=page.next_cursor,
        result=[present_post(post) for post in page.result],
    )
    return Answer(200, encoded(answer), links(following=following, preceding=preceding))


def answer_merged_page(
    page: MergedPage, *, path: str, given: Mapping[str, str] | None = None
) -> Answer:
    """The answer with this page of the merged timeline at that path, with further parameters.

    Where the next page would be refused for its number, only the cursor leads on.
    """
    is_last = page.page is not None and page.page * page.page_size >= MERGED_MAX
    following = None if is_last else _following(page, path, given or {})
    preceding = _preceding(page, path, given or {})
    answer = MergedPageAnswer(
        count=None,
        page=page.page,
        page_size=page.page_size,
        has_next=page.has_next,
        has_previous=page.has_previous,
        next=following,
        previous=preceding,
        next_cursor=page.next_cursor,
        result=[present_matched_post(each) for each in page.result],
    )
    return Answer(200, encoded(answer), links(following=following, preceding=preceding))


def _following(page: Page | MergedPage, path: str, given: Mapping[str, str]) -> str | None:
    if not page.has_next:
        return None
    if page.page is None or (isinstance(page, MergedPage) and page.ends_early):
        return _link(path, given, f"cursor={page.next_cursor}&page_size={page.page_size}")
    return _link(path, given, f"page={page.page + 1}&page_size={page.page_size}")


def _preceding(page: Page | MergedPage, path: str, given: Mapping[str, str]) -> str | None:
    if page.page is None or not page.has_previous:
        return None
    return _link(path, given, f"page={page.page - 1}&page_size={page.page_size}")


def _link(path: str, given: Mapping[str, str], paging: str) -> str:
    return f"{path}?{urlencode(given, safe=',')}&{paging}" if given else f"{path}?{paging}"


def links(*, following: str | None, preceding: str | None) -> tuple[Header, ...]:
    """The Link header (RFC 8288), if there is anything to link to."""
    found = [
        f'<{target}>; rel="{relation}"'
        for target, relation in ((following, "next"), (preceding, "prev"))
        if target is not None
    ]
    return ((b"link", ", ".join(found).encode()),) if found else ()
