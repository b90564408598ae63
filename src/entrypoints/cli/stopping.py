"""Stopping in good order."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A wait was given up because somebody asked to stop."""


class Stop:
    """Hears SIGINT and SIGTERM as long as it is entered: the first asks to stop, the second kills.

    Work under way goes on to its next good end, where it asks for `signal`; a wait within
    `waiting` is given up at once.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._waits = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._hear) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Give the block up with `Stopped` when somebody asks, or has asked, to stop."""
        self._waits = True
        try:
            if self.signal is not None:
                raise Stopped
            yield
        finally:
            self._waits = False

    def _hear(self, number: int, _: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        if self._waits:
            raise Stopped
