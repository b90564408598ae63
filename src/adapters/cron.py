"""Cron expressions, by the `cronsim` library."""

from datetime import UTC, datetime, timedelta

from hashpost.domain.ids import from_unix_ms, unix_ms

_FIELDS = 5
_MINUTE_MS = 60_000


class CronTimetable:
    """Five fields as in Debian's cron, read in UTC: minute, hour, day, month, day of the week."""

    def check(self, expression: str) -> None:
        """Return if it is an expression of five fields.

        Raises:
            ValueError: it is none.
        """
        from cronsim import CronSim, CronSimError

        try:
            if len(expression.split()) != _FIELDS:
                raise CronSimError("not five fields")
            CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(
                f"five fields (minute, hour, day, month, weekday), such as 0 3 * * 1; {error}"
            ) from error

    def latest(self, expression: str, *, at: datetime) -> datetime | None:
        """The last moment, not after `at`, that the expression names."""
        # It looks strictly before its start, and cares for whole minutes only.
        return self._next(expression, _minute(at) + timedelta(minutes=1), reverse=True)

    def following(self, expression: str, *, at: datetime) -> datetime | None:
        """The first moment after `at` that the expression names."""
        return self._next(expression, _minute(at), reverse=False)

    def _next(self, expression: str, start: datetime, *, reverse: bool) -> datetime | None:
        from cronsim import CronSim

        return next(CronSim(expression, start, reverse=reverse), None)


def _minute(at: datetime) -> datetime:
    return from_unix_ms(unix_ms(at) // _MINUTE_MS * _MINUTE_MS)
