"""What users ask and say about themselves, what they have deleted, and how they go."""

from litestar import Controller, delete, get, put

from hashpost.application.posts import ListDeletedPosts
from hashpost.application.profile import ChangePassword, DeleteUser, ReadMe, SetDigest
from hashpost.domain.errors import PageOutOfRange, WrongPassword
from hashpost.domain.timeline import DeletedPage
from hashpost.entrypoints.http.asgi import Answer, empty
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import LINK, PAGE, PAGE_SIZE, Documented, documented
from hashpost.entrypoints.http.queries import read_numbered_page
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import HASHING, NO_STORE
from hashpost.entrypoints.http.schemas import (
    ChangePasswordBody,
    DeletedPageAnswer,
    DeleteUserBody,
    MeAnswer,
    SetDigestBody,
    encoded,
    present_deleted_post,
    present_me,
)
from hashpost.entrypoints.http.timelines import links


class Me(Controller):
    """The caller's own account."""

    path = "/api/users/me"
    tags = ("me",)
    before_request = staticmethod(authenticated)
    opt = NO_STORE

    @get(
        opt=documented(
            "Read what is known of oneself",
            Documented(200, MeAnswer, "The caller."),
            use_case=ReadMe,
        ),
    )
    async def read_me(self, request: Call) -> Answer:
        """Read what is known of oneself."""
        return Answer(200, encoded(present_me(await request.service.read_me(request.auth))))

    @put(
        "/password",
        opt=documented(
            "Change one's password",
            Documented(204, None, "It is changed, and every token of the user is dead."),
            use_case=ChangePassword,
            body=ChangePasswordBody,
            errors=[WrongPassword],
        )
        | HASHING,
    )
    async def change_password(self, request: Call) -> Answer:
        """Change one's password."""
        service = request.service
        body = await request.read(ChangePasswordBody, faults=service.change_password.faults)
        await service.change_password(
            request.auth, old_password=body.old_password, new_password=body.new_password
        )
        return empty(204)

    @put(
        "/digest",
        opt=documented(
            "Order or cancel the weekly digest",
            Documented(204, None, "It is ordered, or cancelled."),
            use_case=SetDigest,
            body=SetDigestBody,
        ),
    )
    async def set_digest(self, request: Call) -> Answer:
        """Order or cancel the weekly digest."""
        body = await request.read(SetDigestBody)
        await request.service.set_digest(request.auth, weekly=body.weekly)
        return empty(204)

    @delete(
        status_code=200,
        opt=documented(
            "Delete one's account",
            Documented(204, None, "The user and all posts are gone."),
            use_case=DeleteUser,
            body=DeleteUserBody,
            errors=[WrongPassword],
        )
        | HASHING,
    )
    async def delete_me(self, request: Call) -> Answer:
        """Delete one's account."""
        service = request.service
        body = await request.read(DeleteUserBody, faults=service.delete_user.faults)
        await service.delete_user(request.auth, password=body.password)
        return empty(204)

    @get(
        "/deleted_posts",
        opt=documented(
            "List one's deleted posts",
            Documented(200, DeletedPageAnswer, "The page.", headers=(LINK,)),
            use_case=ListDeletedPosts,
            query=[PAGE, PAGE_SIZE],
            errors=[PageOutOfRange],
        ),
    )
    async def list_deleted_posts(self, request: Call) -> Answer:
        """List one's deleted posts."""
        listing = request.service.list_deleted_posts
        page, page_size = read_numbered_page(request.query_string, faults=listing.faults)
        return _answer(await listing(request.auth, page=page, page_size=page_size))


def _answer(page: DeletedPage) -> Answer:
    path = "/api/users/me/deleted_posts/"
    following, preceding = (
        f"{path}?page={page.page + step}&page_size={page.page_size}" if is_there else None
        for step, is_there in ((1, page.has_next), (-1, page.has_previous))
    )
    answer = DeletedPageAnswer(
        count=page.count,
        page=page.page,
        page_size=page.page_size,
        has_next=page.has_next,
        has_previous=page.has_previous,
        next=following,
        previous=preceding,
        next_cursor=None,
        result=[present_deleted_post(post, deletion) for post, deletion in page.result],
    )
    return Answer(200, encoded(answer), links(following=following, preceding=preceding))
