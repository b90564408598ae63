"""Telling of an outage in a line, however long it lasts and whoever runs into it."""

from dataclasses import dataclass

import structlog

_log = structlog.get_logger("hashpost.outages")


@dataclass(slots=True)
class Outage:
    """Something that may be away: logs once that it is, and once that it is back."""

    of: str
    is_on: bool = False

    def began(self, error: Exception) -> None:
        """Somebody has met with it."""
        if not self.is_on:
            self.is_on = True
            _log.warning("away", what=self.of, error=f"{type(error).__name__}: {error}".strip(": "))

    def is_over(self) -> None:
        """Somebody has not."""
        if self.is_on:
            self.is_on = False
            _log.info("back", what=self.of)
