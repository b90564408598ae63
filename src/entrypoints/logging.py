"""Logs: one line an event on stderr, as JSON or for a terminal.

What the standard library's loggers get (uvicorn's, the drivers') comes out the same way. Nothing
secret may be logged; what is called like a secret is masked all the same, in case somebody did.
"""

import logging
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from hashpost.entrypoints.settings import LogFormat, LogLevel

_SECRET_NAME = re.compile(r"password|passwd|secret|token|authorization|cookie|refresh$|access$")
_LEVELS = logging.getLevelNamesMapping()


def configure_logging(level: LogLevel, form: LogFormat, *, stream: TextIO | None = None) -> None:
    """Send every log of this process to the stream, stderr if none is given."""
    stream = stream or sys.stderr
    for_terminal = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _masked,
    ]
    rendering = _console(colors=stream.isatty()) if for_terminal else _json()
    handler = logging.StreamHandler(stream)
    handler.setLevel(level.upper())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), _uncolored, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=partial(_Lines, handler),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level.upper()]),
        cache_logger_on_first_use=False,
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """What a logger of ours, of that name, writes to: the stream of all the others.

    The standard library's way there, with a record of each event, takes several times as long.
    """

    handler: "logging.StreamHandler[TextIO]"
    name: str

    def msg(self, line: str) -> None:
        """Write the line; if that is impossible nobody can be told, and nobody fails for it."""
        self.handler.acquire()
        try:
            with suppress(OSError, ValueError):
                self.handler.stream.write(f"{line}\n")
                self.handler.flush()
        finally:
            self.handler.release()

    debug = info = warning = error = critical = msg


def _console(*, colors: bool) -> list[Processor]:
    """Without the values of local variables, which structlog would show with every traceback."""
    return [
        structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _json() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(default=repr, ensure_ascii=False),
    ]


def _uncolored(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Without the second, coloured form in which uvicorn gives its messages."""
    event.pop("color_message", None)
    return event


def _masked(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name in event:
        if _is_secret(name):
            event[name] = "***"
    return event


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.search(name.lower()))
