"""Who calls: bearer tokens (RFC 6750)."""

import re
from collections.abc import Iterable
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from hashpost.application.service import Service
from hashpost.domain.errors import Unauthenticated
from hashpost.entrypoints.http.asgi import Header

HEADER_MAX_LENGTH: Final = 1100
_BEARER: Final = re.compile(rb"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


async def authenticated(
    connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler
) -> None:
    """Let the request pass if it carries an access token that holds, and note whose it is.

    Raises:
        Unauthenticated: it does not.
    """
    service: Service = connection.app.state.service
    connection.scope["auth"] = await service.authenticate(_token(connection.scope["headers"]))


def _token(headers: Iterable[Header]) -> str:
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1 or len(given[0]) > HEADER_MAX_LENGTH:
        raise Unauthenticated
    match = _BEARER.fullmatch(given[0])
    if match is None:
        raise Unauthenticated
    return match[1].decode("ascii")
