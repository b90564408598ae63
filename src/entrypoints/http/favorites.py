"""Favourite hashtags, and the timeline that they make together."""

from functools import partial

from litestar import Controller, delete, get, put
from litestar.params import FromPath

from hashpost.application.favorites import (
    AddFavorite,
    ListFavoritePosts,
    ListFavorites,
    RemoveFavorite,
)
from hashpost.domain.errors import PageOutOfRange, TooManyFavorites
from hashpost.entrypoints.http.asgi import Answer, empty
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.queries import read_page
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import NO_STORE, segment
from hashpost.entrypoints.http.schemas import FavoriteAnswer, encoded, present_favorites
from hashpost.entrypoints.http.timelines import (
    MERGED_PAGE_ANSWER,
    MERGED_PAGE_QUERY,
    answer_merged_page,
)

_ADDING = documented(
    "Add a favourite hashtag",
    Documented(204, None, "It is a favourite now."),
    use_case=AddFavorite,
    errors=[TooManyFavorites],
)
_REMOVING = documented(
    "Remove a favourite hashtag",
    Documented(204, None, "It is none any more."),
    use_case=RemoveFavorite,
)


class Favorites(Controller):
    """The caller's own favourites."""

    path = "/api/favorite_hashtags"
    tags = ("favorites",)
    before_request = staticmethod(authenticated)
    opt = NO_STORE

    @get(
        opt=documented(
            "List one's favourite hashtags",
            Documented(200, list[FavoriteAnswer], "The newest favourite first."),
            use_case=ListFavorites,
        ),
    )
    async def list_favorites(self, request: Call) -> Answer:
        """List one's favourite hashtags."""
        favorites = await request.service.list_favorites(request.auth)
        return Answer(200, encoded(present_favorites(favorites)))

    @get(
        "/posts",
        opt=documented(
            "Read the timeline of one's favourite hashtags",
            MERGED_PAGE_ANSWER,
            use_case=ListFavoritePosts,
            query=MERGED_PAGE_QUERY,
            errors=[PageOutOfRange],
        ),
    )
    async def list_favorite_posts(self, request: Call) -> Answer:
        """Read the timeline of one's favourite hashtags."""
        listing = request.service.list_favorite_posts
        wanted = read_page(request.query_string, faults=partial(listing.faults, request.auth))
        page = await listing(
            request.auth, page=wanted.page, page_size=wanted.page_size, cursor=wanted.cursor
        )
        answer = answer_merged_page(page, path="/api/favorite_hashtags/posts/")
        return request.unless_known(answer)

    @put("/{hashtag:str}", opt=_ADDING)
    async def add_favorite(self, request: Call, hashtag: FromPath[str]) -> Answer:
        """Add a favourite hashtag."""
        await request.service.add_favorite(request.auth, segment(hashtag) or "")
        return empty(204)

    @delete("/{hashtag:str}", status_code=200, opt=_REMOVING)
    async def remove_favorite(self, request: Call, hashtag: FromPath[str]) -> Answer:
        """Remove a favourite hashtag."""
        await request.service.remove_favorite(request.auth, segment(hashtag) or "")
        return empty(204)

    # A path belongs to one route with all its methods, and this one is the timeline's.

    @put("/posts", opt=_ADDING)
    async def add_posts_to_favorites(self, request: Call) -> Answer:
        """Add the hashtag that is called as the timeline is."""
        await request.service.add_favorite(request.auth, "posts")
        return empty(204)

    @delete("/posts", status_code=200, opt=_REMOVING)
    async def remove_posts_from_favorites(self, request: Call) -> Answer:
        """Remove the hashtag that is called as the timeline is."""
        await request.service.remove_favorite(request.auth, "posts")
        return empty(204)
