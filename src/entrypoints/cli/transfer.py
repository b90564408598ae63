"""Commands that move posts in and out."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, Any, BinaryIO

import click

from hashpost.application.transfer import ImportedBatch, ImportLine
from hashpost.domain.errors import Unavailable
from hashpost.entrypoints.cli.running import (
    as_json,
    database_settings,
    example,
    fail,
    print_json,
    run,
    stdin,
    stdout,
)
from hashpost.entrypoints.cli.stopping import Stop, Stopped
from hashpost.entrypoints.library import open_settings
from hashpost.entrypoints.settings import Settings


@dataclass(slots=True)
class Summary:
    """What became of the lines: new posts, lines known from an earlier run, refused ones."""

    imported: int = 0
    known: int = 0
    rejected: int = 0


class Source(click.File):
    """A file to read, or stdin when it is "-"."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> IO[Any]:
        """The file, open.

        Raises:
            OSError: stdin is closed.
        """
        if value == "-":
            stdin()
        return super().convert(value, param, ctx)


@click.command(
    "import",
    epilog=example("  hashpost import posts.jsonl", "  zcat posts.jsonl.gz | hashpost import -"),
)
@click.argument("file", type=Source("rb"))
@as_json
@click.pass_context
def import_posts(ctx: click.Context, *, file: BinaryIO, as_json: bool) -> None:
    """Import posts from JSON lines in FILE, or from stdin when it is "-".

    Each line holds "author", "text" and perhaps "created_at" (RFC 3339; else the post is of now).
    An unknown author becomes a user whom no password lets in. Lines that hold no post are reported
    and left out, and the exit status is 1. After a crash, or an interruption, run it again with the
    same file: it goes on, and nothing is doubled.
    """
    settings = database_settings()
    summary = Summary()
    with Stop() as stop, _progress(file) as (report, advance):
        work = _Import(summary, stop, report, advance)
        try:
            run(work.run(settings, file))
        except Unavailable:
            report(f"hashpost: {_told(summary)} before this; run it again to go on")
            raise
    if as_json:
        print_json(asdict(summary))
    else:
        click.echo(_told(summary))
    if stop.signal is not None:
        reason = f"stopped by {stop.signal.name} before the end; run it again to go on"
        fail(ctx, [reason], status=128 + stop.signal)
    if summary.rejected:
        ctx.exit(1)


def _told(summary: Summary) -> str:
    return (
        f"imported {summary.imported}, known already {summary.known}, rejected {summary.rejected}"
    )


@dataclass(frozen=True, slots=True)
class _Import:
    summary: Summary
    stop: Stop
    report: Callable[[str], None]
    advance: Callable[[int], None]

    async def run(self, settings: Settings, file: BinaryIO) -> None:
        async with open_settings(settings) as service:
            async for batch in service.import_posts(self._lines(file)):
                self._count(batch)

    def _lines(self, file: BinaryIO) -> Iterator[ImportLine]:
        """All good lines, until somebody asks to stop; what was read till then is imported."""
        from hashpost.entrypoints.cli.lines import LineReader

        reader = LineReader(file, self._reject)
        posts = reader.posts()
        with suppress(Stopped):
            while True:
                with self.stop.waiting():
                    line = next(posts, None)
                self.advance(reader.bytes_read)
                if line is None:
                    return
                yield line

    def _reject(self, number: int, reason: str) -> None:
        self.summary.rejected += 1
        self.report(f"line {number}: {reason}")

    def _count(self, batch: ImportedBatch) -> None:
        self.summary.imported += batch.imported
        self.summary.known += batch.known
        for rejected in batch.rejected:
            faults = "; ".join(f"{error.field}: {error.detail}" for error in rejected.errors)
            self._reject(rejected.number, faults)


@contextmanager
def _progress(
    file: BinaryIO,
) -> Iterator[tuple[Callable[[str], None], Callable[[int], None]]]:
    """How to report a line, and how far it has come: with a bar on a terminal."""
    if not sys.stderr.isatty():
        yield lambda line: click.echo(line, err=True), lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        "importing", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        task = progress.add_task("", total=_size(file))
        yield (
            lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
            lambda position: progress.update(task, completed=position),
        )


def _size(file: BinaryIO) -> int | None:
    """How many bytes there are to read, where that is known."""
    with suppress(OSError):
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            return status.st_size
    return None


@click.command(
    "export", epilog=example("  hashpost export > posts.jsonl", "  hashpost export | gzip > p.gz")
)
def export_posts() -> None:
    """Print all live posts as JSON lines, oldest first.

    Importing them elsewhere gives the same timelines. Passwords, addresses and ids are not in it.
    """
    run(_export(database_settings(existing=True), stdout()))


async def _export(settings: Settings, out: BinaryIO) -> None:
    from hashpost.entrypoints.cli.lines import encoded

    async with open_settings(settings) as service:
        async for post in service.export_posts():
            out.write(encoded(post))
    out.flush()
