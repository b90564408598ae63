"""The ASGI application, over a service."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.metadata import version
from typing import cast

import msgspec
from litestar import HttpMethod, Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.plugins import PluginProtocol

from hashpost.adapters.limits.process import ProcessCounts
from hashpost.application.service import Service
from hashpost.entrypoints.http.accounts import Accounts
from hashpost.entrypoints.http.asgi import Application, Receive, Scope, Send
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.docs import Docs
from hashpost.entrypoints.http.edge import Edge, Limits
from hashpost.entrypoints.http.favorites import Favorites
from hashpost.entrypoints.http.hashtags import Hashtags
from hashpost.entrypoints.http.health import Health, Monitoring
from hashpost.entrypoints.http.limits import UNLIMITED, RateLimits
from hashpost.entrypoints.http.me import Me
from hashpost.entrypoints.http.metrics import Metrics
from hashpost.entrypoints.http.openapi import Endpoint, Json, document
from hashpost.entrypoints.http.posts import Posts
from hashpost.entrypoints.http.requests import SERVICE, Call
from hashpost.entrypoints.http.routing import NO_STORE, PRIVATE, TARGET, Route, Routes, Target
from hashpost.entrypoints.http.timelines import Timelines
from hashpost.entrypoints.http.unsubscribe import Unsubscribing
from hashpost.entrypoints.http.users import Users

OpenService = Callable[[], AbstractAsyncContextManager[Service]]
OpenRateLimits = Callable[[], AbstractAsyncContextManager[RateLimits | None]]


def create_app(
    service: Service, *, limits: Limits | None = None, rate_limits: RateLimits | None = None
) -> Application:
    """The ASGI application over an open service, whose opening and closing is the caller's.

    Without `rate_limits`, callers may do everything as often as they like.
    """
    litestar = _litestar()
    litestar.state.rate_limits = rate_limits or RateLimits(ProcessCounts(), UNLIMITED)
    litestar.state.metrics = metrics = Metrics()
    litestar.state.openapi = msgspec.json.encode(_document(litestar))
    return Edge(
        _Handlers(litestar, service), Routes(_routes(litestar)), limits or Limits(), metrics
    )


def create_app_opening(
    open_service: OpenService,
    *,
    limits: Limits | None = None,
    open_rate_limits: OpenRateLimits = nullcontext,
) -> Application:
    """The ASGI application over a service that is open while the server runs (ASGI lifespan)."""
    return _Opening(open_service, open_rate_limits, limits)


def routes() -> list[Route]:
    """Every route there is."""
    return list(_routes(_litestar()))


def openapi_document() -> Json:
    """The OpenAPI document, without any service."""
    return _document(_litestar())


class _Litestar(Litestar):
    """The framework without its plugins for pydantic and attrs, which are long in loading."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return plugins


def _litestar() -> Litestar:
    return _Litestar(
        route_handlers=[
            Accounts,
            Me,
            Users,
            Unsubscribing,
            Posts,
            Timelines,
            Favorites,
            Hashtags,
            Health,
            Monitoring,
            Docs,
        ],
        request_class=Call,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
        state=State(),
    )


def _handlers(litestar: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Every handler with its path template, but those for OPTIONS that the framework adds."""
    for route in litestar.routes:
        for handler in sorted(getattr(route, "route_handlers", ()), key=_methods):
            if HttpMethod.OPTIONS not in handler.http_methods:
                yield route.path, handler


def _methods(handler: HTTPRouteHandler) -> list[str]:
    return sorted(map(str, handler.http_methods))


def _routes(litestar: Litestar) -> Iterator[Route]:
    by_template: dict[str, list[HTTPRouteHandler]] = {}
    for template, handler in _handlers(litestar):
        by_template.setdefault(template, []).append(handler)
    for template, handlers in by_template.items():
        is_open = not any(map(_is_guarded, handlers))
        options = (NO_STORE if is_open else PRIVATE) | handlers[0].opt
        yield Route(
            template=template,
            methods=frozenset(method for each in handlers for method in _methods(each)),
            cache_control=options["cache_control"],
            always_served=bool(options.get("always_served")),
            hashing=frozenset(
                method for each in handlers if each.opt.get("hashing") for method in _methods(each)
            ),
        )


def _document(litestar: Litestar) -> Json:
    endpoints = (
        Endpoint(
            template=template,
            method=method,
            name=handler.handler_name,
            handler_doc=handler.fn.__doc__ or "",
            tags=handler.resolve_tags(),
            is_open=not _is_guarded(handler),
            operation=handler.opt["operation"],
        )
        for template, handler in _handlers(litestar)
        if "operation" in handler.opt
        for method in _methods(handler)
    )
    return document(endpoints, version=version("hashpost"))


def _is_guarded(handler: HTTPRouteHandler) -> bool:
    return handler.resolve_before_request() is authenticated


class _Handlers:
    """Calls the framework's handler for what the edge has found the path to lead to.

    The framework's own routing would look for it once more, and its handling of errors would pass
    them on: both are the edge's.
    """

    def __init__(self, litestar: Litestar, service: Service) -> None:
        self._litestar = litestar
        self._service = service
        self._routes = {each.path: cast(Application, each.handle) for each in litestar.routes}
        self._handlers = {
            (template, method): handler
            for template, handler in _handlers(litestar)
            for method in _methods(handler)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that has been matched."""
        target: Target = scope[TARGET]
        template = target.route.template
        scope["litestar_app"] = self._litestar
        scope[SERVICE] = self._service
        scope["route_handler"] = self._handlers[template, scope["method"]]
        scope["path_params"] = target.parameters
        await self._routes[template](scope, receive, send)


class _Opening:
    """Opens the service when the server starts, and closes it when the server has drained."""

    def __init__(
        self,
        open_service: OpenService,
        open_rate_limits: OpenRateLimits,
        limits: Limits | None,
    ) -> None:
        self._open_service = open_service
        self._open_rate_limits = open_rate_limits
        self._limits = limits
        self._app: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        else:
            raise RuntimeError("The server does not speak the lifespan protocol of ASGI")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        # An error in here is the server's to report, and to exit with.
        async with self._open_service() as service, self._open_rate_limits() as rate_limits:
            self._app = create_app(service, limits=self._limits, rate_limits=rate_limits)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
