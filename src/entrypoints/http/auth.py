"""Who calls: bearer tokens (RFC 6750)."""

import re
from collections.abc import Iterable
from typing import Any, Final, cast

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from hashpost.application.service import Service
from hashpost.domain.errors import Unauthenticated
from hashpost.entrypoints.http.asgi import Header, Scope
from hashpost.entrypoints.http.limits import RateLimits
from hashpost.entrypoints.http.routing import READS

HEADER_MAX_LENGTH: Final = 1100
_BEARER: Final = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


async def authenticated(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """Let the request pass if it carries an access token that holds, and note whose it is.

    Raises:
        Unauthenticated: it does not.
        TooManyRequests: it writes, and its user has written too much.
    """
    state = connection.app.state
    service: Service = state.service
    scope = cast(Scope, connection.scope)
    scope["auth"] = access = await service.authenticate(_token(scope["headers"]))
    if scope["method"] not in READS:
        rate_limits: RateLimits = state.rate_limits
        await rate_limits.write(scope, access.user_id)


def _token(headers: Iterable[Header]) -> str:
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1 or len(given[0]) > HEADER_MAX_LENGTH:
        raise Unauthenticated
    match = _BEARER.fullmatch(given[0])
    if match is None:
        raise Unauthenticated
    return match[1].decode("ascii")
