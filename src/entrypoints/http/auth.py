"""Who calls: bearer tokens (RFC 6750)."""

from collections.abc import Iterable
from typing import Any, Final, cast

from litestar import Request

from hashpost.domain.errors import Unauthenticated
from hashpost.entrypoints.http.asgi import Header
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import READS

HEADER_MAX_LENGTH: Final = 1100
_SCHEME: Final = b"bearer"


async def authenticated(request: Request[Any, Any, Any]) -> None:
    """Let the request pass if it carries an access token that holds, and note whose it is.

    It comes before the handler, and not as one of the framework's guards: each of these would be
    given copies, made anew for every request.

    Raises:
        Unauthenticated: it does not.
        TooManyRequests: it writes, and its user has written too much.
    """
    call = cast(Call, request)
    scope = call.asgi_scope
    scope["auth"] = access = await call.service.authenticate(_token(scope["headers"]))
    if scope["method"] not in READS:
        await call.rate_limits.write(scope, access.user_id)


def _token(headers: Iterable[Header]) -> str:
    given = [value for name, value in headers if name == b"authorization"]
    if len(given) != 1 or len(given[0]) > HEADER_MAX_LENGTH:
        raise Unauthenticated
    scheme, _, token = given[0].partition(b" ")
    if scheme.lower() != _SCHEME:
        raise Unauthenticated
    return token.lstrip(b" ").decode("latin-1")  # what else it must be is the token's to know
