"""The command that serves HTTP."""

import logging
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from threading import Event, Thread
from typing import Any

import click

from hashpost.entrypoints.cli.running import example, read_settings, run, start_logging
from hashpost.entrypoints.library import MEMORY, open_settings, require_lasting_key
from hashpost.entrypoints.settings import Settings, SettingsError, variable

WORKER = "hashpost.entrypoints.cli.application:worker"
"""Where each of several processes finds its application."""
_RUNS = "Uvicorn running on "
_LOOKS_EVERY = 0.02
"""Seconds between two looks at whether the server answers already."""


@click.command(
    epilog=example("  hashpost serve", "  hashpost serve --host 0.0.0.0 --port 80 --workers 4")
)
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 256), help="How many processes share the work.")
def serve(*, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C, then finish what is under way.

    Where it listens is printed as soon as it answers there.
    """
    settings = _chosen(read_settings(), host=host, port=port, workers=workers)
    require_lasting_key(settings)
    if settings.workers > 1 and settings.database_url.reveal() == MEMORY:
        raise SettingsError(
            [f"{variable('workers')} must be 1 with {MEMORY}, which processes cannot share"]
        )
    start_logging(settings)
    run(_try(settings))
    _announce(settings.host)
    from hashpost.entrypoints.cli.application import application
    from hashpost.entrypoints.http.server import serve as serve_http

    try:
        serve_http(
            WORKER if settings.workers > 1 else partial(application, settings),
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            trusted_proxies=settings.trusted_proxies,
        )
    except SystemExit as end:
        raise SystemExit(1 if end.code else 0) from end  # uvicorn has more of them


def _chosen(settings: Settings, **given: Any) -> Settings:
    """The settings, where an option was not given."""
    return replace(settings, **{name: each for name, each in given.items() if each is not None})


async def _try(settings: Settings) -> None:
    """Find out here, and not in every worker, what stands against serving.

    Raises:
        SchemaMismatch: the database has another schema.
        UnusableDatabase: it is none, or does not let us.
        Unavailable: it is away.
    """
    async with open_settings(settings):
        pass


def _announce(host: str) -> None:
    """Print where the server listens, whatever the level of the logs."""
    log = logging.getLogger("uvicorn.error")
    log.addFilter(_Announcement(host))
    log.setLevel(logging.INFO)


class _Announcement(logging.Filter):
    """Prints where the server listens, which only the server knows, instead of logging it.

    A supervisor of workers says so before any of them listens. Whoever reads it must be able to
    rely on it, so it is tried first.
    """

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is about anything else."""
        if not str(record.msg).startswith(_RUNS) or not isinstance(record.args, tuple):
            return True
        Thread(target=self._announce, args=(int(str(record.args[-1])),), daemon=True).start()
        return False

    def _announce(self, port: int) -> None:
        while not _answers(self._host, port):
            Event().wait(_LOOKS_EVERY)
        host = f"[{self._host}]" if ":" in self._host else self._host
        with suppress(OSError):
            click.echo(f"hashpost listens on http://{host}:{port}")
            click.echo(f"Its documentation is at http://{host}:{port}/api/docs/")


def _answers(host: str, port: int) -> bool:
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=1)
    with closing(connection), suppress(OSError, HTTPException):
        connection.request("HEAD", "/health/live")
        return connection.getresponse().status == HTTPStatus.OK
    return False
