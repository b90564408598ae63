"""Applications for servers in processes of their own, by import string."""

import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hashpost.application.service import Service
from hashpost.entrypoints.http import create_app_opening
from hashpost.entrypoints.http.asgi import Application
from hashpost.entrypoints.http.server import serve
from tests.integration.http.conftest import service_in_memory


def sound() -> Application:
    """Tells on stderr when it opens and closes its service."""
    log_on_stderr()
    return create_app_opening(_told)


def broken() -> Application:
    """Cannot open its service."""
    log_on_stderr()
    return create_app_opening(_unopenable)


def log_on_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")


@asynccontextmanager
async def _told() -> AsyncIterator[Service]:
    async with service_in_memory() as service:
        logging.getLogger("test").warning("opened")
        yield service
        logging.getLogger("test").warning("closed")


@asynccontextmanager
async def _unopenable() -> AsyncIterator[Service]:
    if logging.getLogger("test").isEnabledFor(logging.INFO):
        raise ValueError("no such database")
    async with service_in_memory() as service:
        yield service


if __name__ == "__main__":
    log_on_stderr()
    serve(
        f"tests.integration.http.programs:{sys.argv[1]}",
        host="127.0.0.1",
        port=int(sys.argv[2]),
        workers=int(sys.argv[3]),
    )
    logging.getLogger("test").warning("returned")
