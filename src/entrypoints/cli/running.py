"""What all commands share: how they fail, and how they get at settings and a service."""

import json
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from datetime import datetime
from typing import Any, BinaryIO, TextIO, TypeVar

import click

from hashpost.domain.errors import HashpostError, InvalidInput, Unavailable
from hashpost.entrypoints.library import MEMORY
from hashpost.entrypoints.settings import (
    Settings,
    SettingsError,
    sqlite_path,
    strangers,
    variable,
)

T = TypeVar("T")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")


class Commands(click.Group):
    """A group whose commands fail with a line for each reason, never with a traceback."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """In the order of their use."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error becomes a message and an exit status."""
        try:
            return super().invoke(ctx)
        except (SettingsError, InvalidInput) as error:
            fail(ctx, _lines(error), status=2)
        except HashpostError as error:
            fail(ctx, [_told(error)], status=1)
        except BrokenPipeError:
            _let_go_of_stdout()
            ctx.exit(1)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            fail(ctx, [f"{place}{error.strerror or error}"], status=1)
        except KeyboardInterrupt:
            ctx.exit(128 + signal.SIGINT)


def fail(ctx: click.Context, reasons: list[str], *, status: int) -> None:
    """Say why on stderr, a line for each reason, and exit with that status."""
    for reason in reasons:
        click.echo(f"hashpost: {reason}", err=True)
    ctx.exit(status)


def _lines(error: SettingsError | InvalidInput) -> list[str]:
    if isinstance(error, SettingsError):
        return list(error.problems)
    return [f"{wrong.field}: {wrong.detail}" for wrong in error.errors]


def _told(error: HashpostError) -> str:
    """What happened, in one line, with the first thing a driver said where one failed."""
    told = error.detail.splitlines()[0]
    cause = error.__cause__ if isinstance(error, Unavailable) else None
    said = str(getattr(cause, "orig", cause) or "").strip().partition("\n")[0]
    return told if said in told else f"{told} ({said})"


def _let_go_of_stdout() -> None:
    """Whoever read it has gone; what is still buffered must not fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def stdin() -> BinaryIO:
    """Where data comes from.

    Raises:
        OSError: whoever started this has closed it.
    """
    return _standard(sys.stdin, "stdin")


def stdout() -> BinaryIO:
    """Where data goes.

    Raises:
        OSError: whoever started this has closed it.
    """
    return _standard(sys.stdout, "stdout")


def _standard(stream: TextIO | None, name: str) -> BinaryIO:
    if stream is None:
        raise OSError(f"{name} is closed")
    return stream.buffer


def read_settings() -> Settings:
    """The settings of this process's environment; what is misspelt is told on stderr.

    Raises:
        SettingsError: some cannot be used.
    """
    for warning in strangers(os.environ):
        click.echo(f"hashpost: {warning}", err=True)
    return Settings.read(os.environ)


def start_logging(settings: Settings) -> None:
    """Log as the settings say."""
    from hashpost.entrypoints.logging import configure_logging

    configure_logging(settings.log_level, settings.log_format)


def database_settings(*, existing: bool = False) -> Settings:
    """The settings of a command that works on a database which others use too.

    Raises:
        SettingsError: some cannot be used, or nothing would be kept, or an `existing` database is
            wanted and there is no such file.
    """
    settings = read_settings()
    name, url = variable("database_url"), settings.database_url.reveal()
    if url == MEMORY:
        raise SettingsError([f"{name} is {MEMORY} and ends with this command: name a database"])
    path = sqlite_path(url)
    if existing and path is not None and not path.exists():
        raise SettingsError([f"{name} names {path}, and there is no such file"])
    start_logging(settings)
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's asynchronous part to its end."""
    import asyncio

    return asyncio.run(work)


def print_json(value: object) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on a terminal, else a line a row with tabs between and no heading."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(map(_cell, row)))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(_cell(each)) for each in row))
    Console().print(table)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    text = "" if value is None else str(value)
    return "".join(each if each.isprintable() else " " for each in text)


def rfc3339(at: datetime) -> str:
    """A moment as everywhere outside: RFC 3339, UTC, milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def example(*lines: str) -> str:
    """An epilog for `--help`, each line kept as it is."""
    return "\n".join(["\b", "Example:" if len(lines) == 1 else "Examples:", *lines])
