"""A clock that stands still until it is told to move."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 22, 6, 21, 0, 123000, tzinfo=UTC)


@dataclass(slots=True)
class ManualClock:
    """The port `Clock`, moved by hand: `clock.advance(minutes=15)`."""

    now: datetime = START

    def __call__(self) -> datetime:
        """The time it was set to."""
        return self.now

    def advance(
        self, *, milliseconds: int = 0, seconds: int = 0, minutes: int = 0, days: int = 0
    ) -> None:
        """Move on, or back for negative numbers."""
        self.now += timedelta(
            milliseconds=milliseconds, seconds=seconds, minutes=minutes, days=days
        )
