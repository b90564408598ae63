"""Cron expressions against the contract."""

from hashpost.adapters.cron import CronTimetable
from hashpost.testing import contracts


class TestCronTimetable(contracts.CronTimesContract):
    def cron(self) -> CronTimetable:
        return CronTimetable()
