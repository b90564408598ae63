"""Signing up, logging in, staying logged in."""

from litestar import Controller, post

from hashpost.application.accounts import LogIn, Refresh, SignUp
from hashpost.domain.errors import InvalidCredentials, InvalidRefreshToken, UsernameTaken
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import NO_STORE
from hashpost.entrypoints.http.schemas import (
    LogInBody,
    RefreshBody,
    SignUpBody,
    TokensAnswer,
    UserAnswer,
    encoded,
    present_tokens,
    present_user,
)


class Accounts(Controller):
    """What is open to everybody: it leads to a token."""

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
            errors=[UsernameTaken],
        ),
    )
    async def sign_up(self, request: Call) -> Answer:
        """Sign up."""
        service = request.service
        body = await request.read(SignUpBody, faults=service.sign_up.faults)
        user = await service.sign_up(
            username=body.username, password=body.password, email=body.email
        )
        return Answer(201, encoded(present_user(user)))

    @post(
        "/token",
        opt=documented(
            "Log in",
            Documented(200, TokensAnswer, "The tokens of a new session."),
            use_case=LogIn,
            body=LogInBody,
            errors=[InvalidCredentials],
        ),
    )
    async def log_in(self, request: Call) -> Answer:
        """Log in."""
        service = request.service
        body = await request.read(LogInBody, faults=service.log_in.faults)
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
