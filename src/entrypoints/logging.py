"""Logs: one line an event on stderr, as JSON or for a terminal.

What the standard library's loggers get (uvicorn's, the drivers') comes out the same way. Nothing
secret may be logged; what is called like a secret is masked all the same, in case somebody did.
"""

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from hashpost.entrypoints.settings import LogFormat, LogLevel

_SECRET_NAME = re.compile(r"password|passwd|secret|token|authorization|cookie|refresh$|access$")


def configure_logging(level: LogLevel, form: LogFormat, *, stream: TextIO | None = None) -> None:
    """Send every log of this process to the stream, stderr if none is given."""
    stream = stream or sys.stderr
    for_terminal = form == "console" or (form == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _uncolored,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _masked,
    ]
    handler = logging.StreamHandler(stream)
    handler.setLevel(level.upper())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_console(colors=stream.isatty()) if for_terminal else _json()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


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
        if _SECRET_NAME.search(name.lower()):
            event[name] = "***"
    return event
