"""What users ask and say about themselves."""

from litestar import Controller, get, put

from hashpost.application.profile import ChangePassword, ReadMe, SetDigest
from hashpost.domain.errors import WrongPassword
from hashpost.entrypoints.http.asgi import Answer, empty
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import HASHING, NO_STORE
from hashpost.entrypoints.http.schemas import (
    ChangePasswordBody,
    MeAnswer,
    SetDigestBody,
    encoded,
    present_me,
)


class Me(Controller):
    """The caller's own account."""

    path = "/api/users/me"
    tags = ("me",)
    guards = (authenticated,)
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
