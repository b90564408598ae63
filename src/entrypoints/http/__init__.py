"""The HTTP API: from bytes to use cases and back.

A handler is parse, call, present; what holds for every answer belongs to the one outermost layer,
`edge`. No rule of the domain and no SQL may live here, and nothing else may import it but the
commands that serve it.
"""

from hashpost.entrypoints.http.app import create_app, create_app_opening, openapi_document

__all__ = ["create_app", "create_app_opening", "openapi_document"]
