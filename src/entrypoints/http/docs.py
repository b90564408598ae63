"""The OpenAPI document, and a page that shows it without the help of other hosts."""

from functools import cache
from importlib.resources import files
from typing import Final

from litestar import Controller, get

from hashpost.entrypoints.http.asgi import Answer, Header
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import NO_CACHE

DOCUMENT_PATH: Final = "/api/schema/openapi.json"

_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hashpost</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/api/docs/assets/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/assets/swagger-ui-bundle.js"></script>
<script src="/api/docs/assets/start.js"></script>
</body>
</html>
"""
# Without validatorUrl it would show a badge that a host on the internet draws.
_START: Final = b"""SwaggerUIBundle({
  url: "/api/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  validatorUrl: null,
});
"""
_POLICY: Final[Header] = (
    b"content-security-policy",
    b"default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)
_JAVASCRIPT: Final = b"text/javascript; charset=utf-8"
_ASSETS: Final = {
    "swagger-ui.css": b"text/css; charset=utf-8",
    "swagger-ui-bundle.js": _JAVASCRIPT,
    "start.js": _JAVASCRIPT,
}


class Docs(Controller):
    """What this API is, for programs and for people."""

    path = "/api"
    tags = ("docs",)
    opt = NO_CACHE

    @get(
        "/schema/openapi.json",
        opt=documented(
            "This document",
            Documented(200, "application/json", "The OpenAPI document."),
        ),
    )
    async def schema(self, request: Call) -> Answer:
        """The OpenAPI 3.1 document of all routes."""
        return Answer(200, request.app.state.openapi)

    @get(
        "/docs",
        opt=documented(
            "A page to try this API on",
            Documented(200, "text/html", "The page."),
        ),
    )
    async def page(self) -> Answer:
        """The same for people, in a page that works without internet."""
        return Answer(200, _PAGE, (_POLICY,), b"text/html; charset=utf-8")

    @get([f"/docs/assets/{name}" for name in _ASSETS])
    async def asset(self, request: Call) -> Answer:
        """A file that the page needs."""
        name = request.scope["path"].rpartition("/")[2]
        return Answer(200, _asset(name), (), _ASSETS[name])


@cache
def _asset(name: str) -> bytes:
    if name == "start.js":
        return _START
    return files("litestar_offline_docs").joinpath("static", name).read_bytes()
