"""Ids: 53-bit integers that hold the millisecond of their birth and ascend in time.

`id == unix_ms << 11 | low`, with 11 low bits to tell apart what is born in one millisecond. 53 bits
fit the integers that JSON and JavaScript hold exactly (RFC 8259, section 6); they last until 2109.
"""

from datetime import UTC, datetime, timedelta

LOW_BITS = 11
MAX_ID = 2**53 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def unix_ms(at: datetime) -> int:
    """The Unix time of an aware `at`, in whole milliseconds, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


def from_unix_ms(milliseconds: int) -> datetime:
    """The moment, in UTC, that many milliseconds after the Unix epoch."""
    return _EPOCH + milliseconds * _MILLISECOND


def start_of_day(at: datetime) -> datetime:
    """The beginning of that moment's day in UTC."""
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def first_id_at(at: datetime) -> int:
    """The lowest id of that millisecond."""
    return unix_ms(at) << LOW_BITS


def time_of(identifier: int) -> datetime:
    """When the thing with this id was made, in UTC, to the millisecond."""
    return from_unix_ms(identifier >> LOW_BITS)


def is_id(number: int) -> bool:
    """Whether the number is in the range of ids, 1 … 2^53−1."""
    return 1 <= number <= MAX_ID
