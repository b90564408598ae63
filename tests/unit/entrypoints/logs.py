"""Logging is set up for a whole process; a test that does so puts it back."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def logs_put_back() -> Iterator[None]:
    """Let logs go afterwards where they went before."""
    loggers = [logging.getLogger(name) for name in (None, "alembic", "uvicorn.error")]
    before = [(logger, logger.level, logger.handlers[:], logger.filters[:]) for logger in loggers]
    try:
        yield
    finally:
        for logger, level, handlers, filters in before:
            logger.setLevel(level)
            logger.handlers[:] = handlers
            logger.filters[:] = filters
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()
