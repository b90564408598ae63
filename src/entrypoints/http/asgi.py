"""The words of ASGI, as types, and an answer in them."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Header = tuple[bytes, bytes]
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; what every answer has is added by the edge.

    Without a type it has no content.
    """

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()
    content_type: bytes | None = b"application/json"

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        headers = list(self.headers)
        if self.content_type is not None:
            headers.append((b"content-type", self.content_type))
        if self.status not in (204, 304):  # which must not have this one (RFC 9110, 8.6)
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def empty(status: int) -> Answer:
    """An answer that its status says all of."""
    return Answer(status, content_type=None)
