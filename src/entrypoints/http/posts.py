"""Writing, reading, editing and deleting posts."""

from collections.abc import Iterator
from functools import partial

from litestar import Controller, delete, get, post, put
from litestar.params import FromPath

from hashpost.application.posts import CreatePost, DeletePost, EditPost, ReadPost, RestorePost
from hashpost.application.timelines import ListPosts
from hashpost.domain.errors import (
    FieldError,
    NotTheOwner,
    PageOutOfRange,
    PostNotFound,
    PreconditionFailed,
)
from hashpost.domain.post import Post, text_faults
from hashpost.domain.timeline import AllPosts
from hashpost.entrypoints.http.asgi import Answer, Header
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.conditional import etag_of
from hashpost.entrypoints.http.openapi import (
    ALL,
    ANY,
    ETAG,
    LINK,
    LOCATION,
    NONE,
    Documented,
    documented,
)
from hashpost.entrypoints.http.queries import FilterQuery, read_filter, read_page
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.schemas import (
    CreatePostBody,
    DeletePostBody,
    DeletionAnswer,
    EditPostBody,
    MergedPageAnswer,
    PageAnswer,
    PostAnswer,
    TextBody,
    encoded,
    present_deletion,
    present_post,
)
from hashpost.entrypoints.http.timelines import PAGE_QUERY, answer_merged_page, answer_page

LISTED = Documented(
    200,
    (PageAnswer, MergedPageAnswer),
    "The page; a merged one where `any`, `all` or `none` is given.",
    headers=(LINK, ETAG),
)
EDITED = Documented(200, PostAnswer, "The post as it is now.", headers=(ETAG,))
DELETED = Documented(200, DeletionAnswer, "Until when it can be brought back.")


class Posts(Controller):
    """Single posts, and all of them: a path belongs to one controller."""

    path = "/api/posts"
    tags = ("posts",)
    before_request = staticmethod(authenticated)

    @post(
        opt=documented(
            "Write a post",
            Documented(201, PostAnswer, "The new post.", headers=(LOCATION, ETAG)),
            use_case=CreatePost,
            body=CreatePostBody,
        ),
    )
    async def create(self, request: Call) -> Answer:
        """Write a post."""
        key = request.idempotency_key
        body = await request.read(
            CreatePostBody, faults=partial(request.service.create_post.faults, idempotency_key=key)
        )
        created = await request.service.create_post(request.auth, body.text, idempotency_key=key)
        location = b"/api/posts/%d/" % created.id
        return _answer(201, created, (b"location", location))

    @get(
        opt=documented(
            "Read the timeline of all posts, or of those with certain hashtags",
            LISTED,
            use_case=ListPosts,
            query=[*PAGE_QUERY, ANY, ALL, NONE],
            errors=[PageOutOfRange],
        ),
    )
    async def list(self, request: Call) -> Answer:
        """Read the timeline of all posts, or of those with certain hashtags."""
        asked = read_filter(request.query_string)
        if asked is not None:
            return await _list_matching(request, asked)
        pages = request.service.list_posts.pages
        wanted = read_page(request.query_string, faults=partial(pages.faults, AllPosts()))
        page = await request.service.list_posts(
            request.auth, page=wanted.page, page_size=wanted.page_size, cursor=wanted.cursor
        )
        return request.unless_known(answer_page(page, path="/api/posts/"))

    @put(
        opt=documented(
            "Edit a post",
            EDITED,
            use_case=EditPost,
            body=EditPostBody,
            errors=[NotTheOwner, PostNotFound, PreconditionFailed],
        ),
    )
    async def edit(self, request: Call) -> Answer:
        """Edit a post."""
        body = await request.read(EditPostBody, faults=_faults)
        return await _edit(request, body.id_post, body.text)

    @get(
        "/{id_post:int}",
        opt=documented(
            "Read a post",
            Documented(200, PostAnswer, "The post.", headers=(ETAG,)),
            use_case=ReadPost,
            errors=[PostNotFound],
        ),
    )
    async def read(self, request: Call, id_post: FromPath[int]) -> Answer:
        """Read a post."""
        found = await request.service.read_post(request.auth, id_post)
        return request.unless_known(
            Answer(200, encoded(present_post(found))), version=found.version
        )

    @put(
        "/{id_post:int}",
        opt=documented(
            "Edit the post at this path",
            EDITED,
            use_case=EditPost,
            body=TextBody,
            errors=[NotTheOwner, PostNotFound, PreconditionFailed],
        ),
    )
    async def edit_by_path(self, request: Call, id_post: FromPath[int]) -> Answer:
        """Edit the post at this path."""
        body = await request.read(TextBody, faults=_faults)
        return await _edit(request, id_post, body.text)

    @delete(
        "/{id_post:int}",
        status_code=200,
        opt=documented(
            "Delete the post at this path",
            DELETED,
            use_case=DeletePost,
            errors=[NotTheOwner, PostNotFound, PreconditionFailed],
        ),
    )
    async def delete_by_path(self, request: Call, id_post: FromPath[int]) -> Answer:
        """Delete the post at this path."""
        return await _delete(request, id_post)

    @post(
        "/{id_post:int}/restore",
        status_code=200,
        opt=documented(
            "Restore a post",
            Documented(200, PostAnswer, "The post, live again.", headers=(ETAG,)),
            use_case=RestorePost,
            errors=[PostNotFound],
        ),
    )
    async def restore(self, request: Call, id_post: FromPath[int]) -> Answer:
        """Restore a post."""
        restored = await request.service.restore_post(
            request.auth, id_post, idempotency_key=request.idempotency_key
        )
        return _answer(200, restored)

    # The last: from here on the name means the handler.
    @delete(
        status_code=200,
        opt=documented(
            "Delete a post",
            DELETED,
            use_case=DeletePost,
            body=DeletePostBody,
            errors=[NotTheOwner, PostNotFound, PreconditionFailed],
        ),
    )
    async def delete(self, request: Call) -> Answer:
        """Delete a post."""
        body = await request.read(DeletePostBody)
        return await _delete(request, body.id_post)


async def _list_matching(request: Call, asked: FilterQuery) -> Answer:
    listing = request.service.list_matching_posts
    wanted = read_page(
        request.query_string,
        also=asked.faults,
        faults=partial(listing.faults, any=asked.any, all=asked.all, none=asked.none),
    )
    page = await listing(
        request.auth,
        any=asked.any,
        all=asked.all,
        none=asked.none,
        page=wanted.page,
        page_size=wanted.page_size,
        cursor=wanted.cursor,
    )
    answer = answer_merged_page(page, path="/api/posts/", given=asked.given)
    return request.unless_known(answer)


async def _edit(request: Call, post_id: int, text: str) -> Answer:
    edited = await request.service.edit_post(request.auth, post_id, text, versions=request.versions)
    return _answer(200, edited)


async def _delete(request: Call, post_id: int) -> Answer:
    deletion = await request.service.delete_post(request.auth, post_id, versions=request.versions)
    return Answer(200, encoded(present_deletion(deletion)))


def _answer(status: int, post: Post, *headers: Header) -> Answer:
    return Answer(status, encoded(present_post(post)), (*headers, etag_of(post.version)))


def _faults(*, text: str | None, **_: object) -> Iterator[FieldError]:
    if text is not None:
        yield from text_faults(text)
