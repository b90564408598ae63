"""What `serve` serves; apart from the command, because it takes long to import."""

import os
from contextlib import AbstractAsyncContextManager

from hashpost.application.service import Service
from hashpost.entrypoints.cli.running import start_logging
from hashpost.entrypoints.http import create_app_opening
from hashpost.entrypoints.http.asgi import Application
from hashpost.entrypoints.settings import Settings


def application(settings: Settings) -> Application:
    """The application over the service that the settings describe, open while a server runs."""
    return create_app_opening(lambda: _opened(settings))


def worker() -> Application:
    """The application of one worker process, which has the environment but not our options."""
    settings = Settings.read(os.environ)
    start_logging(settings)
    return application(settings)


def _opened(settings: Settings) -> AbstractAsyncContextManager[Service]:
    """Imported where it is opened: a process that only watches over others needs no taskiq."""
    from hashpost.entrypoints.background import serving

    return serving(settings)
