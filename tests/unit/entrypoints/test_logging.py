"""Whatever is logged comes out in one form, and without secrets."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from hashpost.entrypoints.logging import configure_logging
from hashpost.entrypoints.settings import LogFormat, LogLevel, Secret
from tests.unit.entrypoints.logs import logs_put_back


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    with logs_put_back():
        yield


def configured(
    level: LogLevel = "info", form: LogFormat = "json", stream: io.StringIO | None = None
) -> io.StringIO:
    stream = stream or io.StringIO()
    configure_logging(level, form, stream=stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_kinds_of_loggers_give_the_same_form() -> None:
    stream = configured()

    with bound_contextvars(request_id="r1"):
        structlog.get_logger("ours").info("done", number=1)
        logging.getLogger("theirs").info("done with %s", 2)

    ours, theirs = events(stream)
    assert (ours["logger"], ours["message"], ours["number"]) == ("ours", "done", 1)
    assert (theirs["logger"], theirs["message"]) == ("theirs", "done with 2")
    assert ours.keys() - {"number"} == theirs.keys()
    assert ours["request_id"] == theirs["request_id"] == "r1"


def test_an_error_takes_one_line_with_its_traceback_and_without_variables() -> None:
    stream = configured()

    try:
        hidden = "hunter2".upper()
        raise ValueError(len(hidden))
    except ValueError:
        structlog.get_logger("ours").exception("failed")

    (event,) = events(stream)
    assert "ValueError: 7" in event["exception"]
    assert "HUNTER2" not in stream.getvalue()


def test_a_terminal_sees_no_variables_either() -> None:
    stream = configured(form="auto", stream=Terminal())

    try:
        hidden = "hunter2".upper()
        raise ValueError(len(hidden))
    except ValueError:
        structlog.get_logger("ours").exception("failed")

    assert "ValueError" in stream.getvalue()
    assert "HUNTER2" not in stream.getvalue()


@pytest.mark.parametrize(
    ("form", "stream", "beginning"),
    [
        ("auto", io.StringIO(), "{"),
        ("auto", Terminal(), "\x1b"),
        ("json", Terminal(), "{"),
        ("console", io.StringIO(), "2"),
    ],
)
def test_the_form_goes_by_the_setting_and_by_terminal(
    form: LogFormat, stream: io.StringIO, beginning: str
) -> None:
    configured(form=form, stream=stream)

    logging.getLogger("theirs").warning("here")

    assert stream.getvalue().startswith(beginning)


def test_colours_are_for_terminals_only() -> None:
    stream = configured(form="console")

    logging.getLogger("theirs").warning("here", extra={"color_message": "\x1b[1mhere"})

    assert "\x1b" not in stream.getvalue()
    assert "color_message" not in stream.getvalue()


def test_nothing_below_the_level_is_logged() -> None:
    stream = configured(level="warning")

    structlog.get_logger("ours").info("ours")
    logging.getLogger("theirs").info("theirs")
    logging.getLogger("theirs").warning("loud")

    assert [event["message"] for event in events(stream)] == ["loud"]


@pytest.mark.parametrize("name", ["password", "old_password", "Authorization", "access_token"])
def test_what_is_called_like_a_secret_is_masked(name: str) -> None:
    stream = configured()

    structlog.get_logger("ours").info("here", **{name: "hunter2"})
    logging.getLogger("theirs").info("here", extra={name: "hunter2"})

    assert [event[name] for event in events(stream)] == ["***", "***"]


def test_a_secret_masks_itself_wherever_it_is() -> None:
    stream = configured()

    structlog.get_logger("ours").info("here", url=[Secret("hunter2")])
    logging.getLogger("theirs").info("here %s", Secret("hunter2"))

    assert "***" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_nobody_fails_for_a_log_that_cannot_be_written() -> None:
    stream = configured()
    stream.close()

    structlog.get_logger("ours").info("here")


def test_warnings_are_logged() -> None:
    stream = configured()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old ways", stacklevel=1)

    assert "old ways" in stream.getvalue()
