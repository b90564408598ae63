"""Cancelling mails by the link in them."""

from typing import Final, cast

from litestar import Controller, get, post
from litestar.params import FromPath

from hashpost.application.profile import Unsubscribe
from hashpost.entrypoints.http import bodies
from hashpost.entrypoints.http.asgi import Answer, Header, Receive
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.problems import RequestTimeout, TooLarge
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import segment

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
# A form without an action goes to where it came from.
_ASK: Final = _PAGE.format(
    title="Cancel the weekly digest?",
    content="""<p>hashpost will send you no more weekly digests.</p>
<p>You can order them again at any time.</p>
<form method="post">
<button type="submit">Cancel the weekly digest</button>
</form>""",
).encode()
_DONE: Final = _PAGE.format(
    title="The weekly digest is cancelled",
    content="<p>hashpost will send you no more weekly digests. You can close this page.</p>",
).encode()
_HEADERS: Final[tuple[Header, ...]] = (
    (
        b"content-security-policy",
        b"default-src 'none'; img-src data:; form-action 'self'; frame-ancestors 'none'; "
        b"base-uri 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
)
_HTML: Final = b"text/html; charset=utf-8"


class Unsubscribing(Controller):
    """For whoever has a mail, logged in or not: its token says whose it is."""

    path = "/unsubscribe/{token:str}"
    tags = ("unsubscribe",)

    @get(
        opt=documented(
            "A page that cancels the weekly digest",
            Documented(200, "text/html", "A page with one button."),
        ),
    )
    async def ask_to_unsubscribe(self, request: Call, token: FromPath[str]) -> Answer:
        """A page with one button, which posts to this very path. By itself it changes nothing.

        So whatever fetches the links of a mail before its reader does cancels nothing.
        """
        request.service.unsubscribe.check(segment(token) or "")
        return Answer(200, _ASK, _HEADERS, _HTML)

    @post(
        opt=documented(
            "Cancel the weekly digest by one click",
            Documented(200, "text/html", "A page that says so."),
            use_case=Unsubscribe,
            errors=[RequestTimeout, TooLarge],
        ),
    )
    async def unsubscribe(self, request: Call, token: FromPath[str]) -> Answer:
        """Cancel the weekly digest by one click (RFC 8058), whatever the body says."""
        await bodies.read(cast(Receive, request.receive))
        await request.service.unsubscribe(segment(token) or "")
        return Answer(200, _DONE, _HEADERS, _HTML)
