"""What `serve` serves; apart from the command, because it takes long to import."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from hashpost.adapters.limits.process import ProcessCounts
from hashpost.application.service import Service
from hashpost.entrypoints.cli.running import start_logging
from hashpost.entrypoints.http import create_app_opening
from hashpost.entrypoints.http.asgi import Application
from hashpost.entrypoints.http.limits import Counts, Quotas, RateLimits
from hashpost.entrypoints.settings import Settings


def application(settings: Settings) -> Application:
    """The application over the service that the settings describe, open while a server runs."""
    return create_app_opening(
        lambda: _opened(settings), open_rate_limits=lambda: _rate_limits(settings)
    )


def worker() -> Application:
    """The application of one worker process, which has the environment but not our options."""
    settings = Settings.read(os.environ)
    start_logging(settings)
    return application(settings)


def _opened(settings: Settings) -> AbstractAsyncContextManager[Service]:
    """Imported where it is opened: a process that only watches over others needs no taskiq."""
    from hashpost.entrypoints.background import serving

    return serving(settings)


@asynccontextmanager
async def _rate_limits(settings: Settings) -> AsyncIterator[RateLimits | None]:
    """The limits that the settings ask for."""
    if settings.rate_limits == "off":
        yield None
        return
    quotas = Quotas(
        failed_logins_per_name=settings.limit_failed_logins_per_name,
        failed_logins_per_address=settings.limit_failed_logins_per_address,
        sign_ups=settings.limit_sign_ups,
        password_resets=settings.limit_password_resets,
        writes=settings.limit_writes,
    )
    async with _counts(settings) as counts:
        yield RateLimits(counts, quotas)


@asynccontextmanager
async def _counts(settings: Settings) -> AsyncIterator[Counts]:
    """Where it is counted: in Redis for all processes if there is one, else in this process."""
    if settings.redis_url is None:
        yield ProcessCounts()
        return
    from hashpost.adapters.limits.shared import RedisCounts

    counts = RedisCounts(settings.redis_url.reveal())
    try:
        yield counts
    finally:
        await counts.close()
