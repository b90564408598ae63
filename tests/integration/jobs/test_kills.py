"""A worker killed at any point: the mail is late, never lost, and doubled only where it must be."""

import signal
from pathlib import Path

import pytest

from hashpost.domain.message import State
from tests.integration.jobs.cells import ALL_POINTS, DOUBLING, run_cell


@pytest.mark.parametrize("broker", ["in process", "Redis"])
@pytest.mark.parametrize("point", ALL_POINTS)
def test_a_mail_survives_the_death_of_a_worker(
    migrated_url: str, point: str, broker: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    redis_url = request.getfixturevalue("empty_redis_url") if broker == "Redis" else None

    cell = run_cell(point, migrated_url, redis_url, tmp_path)

    assert cell.killed_by == -signal.SIGKILL
    assert cell.sent == (2 if point in DOUBLING else 1)
    assert cell.distinct == 1
    assert [message.state for message in cell.messages] == [State.DONE]
