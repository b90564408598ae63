"""How values are written."""

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from hashpost.entrypoints.http.schemas import timestamp

times = st.datetimes(timezones=st.just(UTC))


@given(times)
@example(datetime(2026, 11, 22, 6, 21, tzinfo=UTC))
@example(datetime(2026, 11, 22, 6, 21, 0, 999, tzinfo=UTC))
def test_a_time_is_written_in_utc_to_the_millisecond(at: datetime) -> None:
    assert timestamp(at) == at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
