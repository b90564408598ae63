"""Signing up, logging in, staying logged in."""

from collections.abc import Iterator

import msgspec
from litestar import Controller, post

from hashpost.application.accounts import LogIn, Refresh, Revoke, SignUp
from hashpost.application.profile import ConfirmPasswordReset, RequestPasswordReset
from hashpost.application.service import Service
from hashpost.domain.errors import (
    FieldError,
    InvalidCredentials,
    InvalidRefreshToken,
    InvalidResetToken,
    UsernameTaken,
    require,
)
from hashpost.entrypoints.http.asgi import Answer, empty
from hashpost.entrypoints.http.bodies import Faults
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.problems import TooManyRequests
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import HASHING, NO_STORE
from hashpost.entrypoints.http.schemas import (
    ConfirmPasswordResetBody,
    LogInBody,
    RefreshBody,
    RequestPasswordResetBody,
    SignUpBody,
    TokensAnswer,
    UserAnswer,
    encoded,
    present_tokens,
    present_user,
)


def _reset_faults(service: Service) -> Faults:
    def faults(*, username: str | None, email: str | None) -> Iterator[FieldError]:
        yield from service.request_password_reset.faults(username=username, email=email)
        if username is not None and email is not None:
            yield FieldError("username", "a username or an email, not both")

    return faults


class Accounts(Controller):
    """What is open to everybody: it leads to a token, or to a password that does."""

    path = "/api"
    tags = ("accounts",)
    opt = NO_STORE

    @post(
        "/create_user",
        opt=documented(
            "Sign up",
            Documented(201, UserAnswer, "The new user."),
            use_case=SignUp,
            body=SignUpBody,
            errors=[UsernameTaken, TooManyRequests],
        )
        | HASHING,
    )
    async def sign_up(self, request: Call) -> Answer:
        """Sign up."""
        service = request.service
        body = await request.read(SignUpBody, faults=service.sign_up.faults)
        members = msgspec.structs.asdict(body)
        require(service.sign_up.faults(**members))
        # A taken name counts: it costs a hash, and tells who is here.
        await request.rate_limits.sign_up(request.asgi_scope)
        user = await service.sign_up(**members)
        return Answer(201, encoded(present_user(user)))

    @post(
        "/token",
        opt=documented(
            "Log in",
            Documented(200, TokensAnswer, "The tokens of a new session."),
            use_case=LogIn,
            body=LogInBody,
            errors=[InvalidCredentials, TooManyRequests],
        )
        | HASHING,
    )
    async def log_in(self, request: Call) -> Answer:
        """Log in."""
        service = request.service
        body = await request.read(LogInBody, faults=service.log_in.faults)
        async with request.rate_limits.log_in(request.asgi_scope, body.username):
            tokens = await service.log_in(username=body.username, password=body.password)
        return Answer(200, encoded(present_tokens(tokens)))

    @post(
        "/token/refresh",
        opt=documented(
            "Stay logged in",
            Documented(200, TokensAnswer, "The next tokens of the session."),
            use_case=Refresh,
            body=RefreshBody,
            errors=[InvalidRefreshToken],
        ),
    )
    async def refresh(self, request: Call) -> Answer:
        """Stay logged in."""
        body = await request.read(RefreshBody)
        tokens = await request.service.refresh(body.refresh)
        return Answer(200, encoded(present_tokens(tokens)))

    @post(
        "/token/revoke",
        opt=documented(
            "Log out",
            Documented(204, None, "The session of that token has ended, if there was one."),
            use_case=Revoke,
            body=RefreshBody,
        ),
    )
    async def revoke(self, request: Call) -> Answer:
        """Log out."""
        body = await request.read(RefreshBody)
        await request.service.revoke(body.refresh)
        return empty(204)

    @post(
        "/password_reset",
        opt=documented(
            "Ask for a new password",
            Documented(202, None, "A mail goes out if there is such a user with an address."),
            use_case=RequestPasswordReset,
            body=RequestPasswordResetBody,
            errors=[TooManyRequests],
        ),
    )
    async def request_password_reset(self, request: Call) -> Answer:
        """Ask for a new password."""
        service = request.service
        body = await request.read(RequestPasswordResetBody, faults=_reset_faults(service))
        members = msgspec.structs.asdict(body)
        service.request_password_reset.check(**members)
        await request.rate_limits.password_reset(request.asgi_scope)
        await service.request_password_reset(**members)
        return empty(202)

    @post(
        "/password_reset/confirm",
        opt=documented(
            "Set a new password by a token from a mail",
            Documented(204, None, "It is set, and every token of the user is dead."),
            use_case=ConfirmPasswordReset,
            body=ConfirmPasswordResetBody,
            errors=[InvalidResetToken],
        )
        | HASHING,
    )
    async def confirm_password_reset(self, request: Call) -> Answer:
        """Set a new password by a token from a mail."""
        service = request.service
        body = await request.read(
            ConfirmPasswordResetBody, faults=service.confirm_password_reset.faults
        )
        await service.confirm_password_reset(token=body.token, new_password=body.new_password)
        return empty(204)
