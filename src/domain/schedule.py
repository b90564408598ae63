"""Schedules: when periodic jobs run, as data that an operator may change at any time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from hashpost.domain.errors import FieldError
from hashpost.domain.message import Argument

DAYS_MAX = 36_500


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a periodic job runs, by a cron expression in UTC, and with which arguments.

    Its slots are the moments that the expression names after `since`, when it was last changed:
    what would have been before that was not missed.
    """

    job: str
    cron: str
    is_enabled: bool
    since: datetime
    arguments: Mapping[str, Argument]

    def switched(self, *, on: bool, at: datetime) -> "Schedule":
        """The schedule, enabled or disabled; unchanged if it is so already."""
        return self if self.is_enabled == on else replace(self, is_enabled=on, since=at)

    def moved(self, cron: str, *, at: datetime) -> "Schedule":
        """The schedule with another cron expression."""
        return replace(self, cron=cron, since=at)

    def told(self, arguments: Mapping[str, Argument]) -> "Schedule":
        """The schedule with some arguments changed."""
        return replace(self, arguments={**self.arguments, **arguments})

    def argument_faults(self, arguments: Mapping[str, Argument]) -> Iterator[FieldError]:
        """What is wrong with new arguments: unknown ones, and days that are none."""
        for name, value in arguments.items():
            if name not in self.arguments:
                known = ", ".join(self.arguments) or "none"
                yield FieldError(name, f"not an argument of {self.job}, which has: {known}")
            elif type(value) is not int or not 1 <= value <= DAYS_MAX:
                yield FieldError(name, f"1 to {DAYS_MAX}")
