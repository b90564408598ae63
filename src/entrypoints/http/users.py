"""What everybody may know of a user."""

from litestar import Controller, get
from litestar.params import FromPath

from hashpost.application.profile import ReadUser
from hashpost.domain.errors import UserNotFound
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.schemas import ProfileAnswer, encoded, present_profile


class Users(Controller):
    """Users, as others see them."""

    path = "/api/users"
    tags = ("users",)
    before_request = staticmethod(authenticated)

    @get(
        "/{user_id:int}",
        opt=documented(
            "Read of a user",
            Documented(200, ProfileAnswer, "The user."),
            use_case=ReadUser,
            errors=[UserNotFound],
        ),
    )
    async def read_user(self, request: Call, user_id: FromPath[int]) -> Answer:
        """Read of a user."""
        profile = await request.service.read_user(request.auth, user_id)
        return Answer(200, encoded(present_profile(profile)))
