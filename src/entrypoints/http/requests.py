"""The request that handlers get."""

from collections.abc import Iterator
from typing import Any, Final, TypeVar, cast

import msgspec
from litestar import Request
from litestar.datastructures import State

from hashpost.application.service import Service
from hashpost.domain.errors import FieldError
from hashpost.domain.session import Access
from hashpost.entrypoints.http import bodies, conditional
from hashpost.entrypoints.http.asgi import Answer, Receive, Scope
from hashpost.entrypoints.http.bodies import Faults
from hashpost.entrypoints.http.limits import RateLimits

S = TypeVar("S", bound=msgspec.Struct)

SERVICE: Final = "hashpost.service"
"""The key in the scope of the use cases."""


def no_faults(**_: object) -> Iterator[FieldError]:
    """What the domain finds wrong with members that can only be of a wrong type: nothing."""
    yield from ()


class Call(Request[Any, Access, State]):
    """A request; `auth` says who acts, on routes that are not open."""

    @property
    def service(self) -> Service:
        """The use cases."""
        service: Service = self.asgi_scope[SERVICE]
        return service

    @property
    def rate_limits(self) -> RateLimits:
        """What callers must keep to."""
        rate_limits: RateLimits = self.app.state.rate_limits
        return rate_limits

    @property
    def asgi_scope(self) -> Scope:
        """The scope, in ASGI's words."""
        return cast(Scope, self.scope)

    @property
    def query_string(self) -> bytes:
        """The query, as it came."""
        query: bytes = self.scope["query_string"]
        return query

    @property
    def versions(self) -> frozenset[str] | None:
        """Of which versions a post must have one to be changed, by If-Match; None for any."""
        return conditional.versions(self.scope["headers"])

    def unless_known(self, answer: Answer, *, version: str | None = None) -> Answer:
        """The answer, or 304; see `conditional.unless_known`."""
        return conditional.unless_known(self.scope["headers"], answer, version=version)

    @property
    def idempotency_key(self) -> str | None:
        """The caller's name for this request, as it came; two of them make none that is valid."""
        given = [value for name, value in self.scope["headers"] if name == b"idempotency-key"]
        return b", ".join(given).decode("latin-1") if given else None

    async def read(self, kind: type[S], *, faults: Faults = no_faults) -> S:
        """The body, as a `kind`; `faults` as for `bodies.parse`.

        Raises:
            UnsupportedMediaType: it is not said to be JSON.
            MalformedRequest: it is not one JSON object in UTF-8.
            InvalidInput: names every wrong member.
        """
        bodies.require_json(self.scope["headers"])
        return bodies.parse(await bodies.read(cast(Receive, self.receive)), kind, faults=faults)
