"""1.3, health."""

import pytest
from structlog.testing import capture_logs

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.domain.errors import Unavailable
from hashpost.entrypoints.http import create_app
from hashpost.testing.clock import ManualClock
from tests.services import a_service
from tests.unit.http.calling import Caller, client_of, problem_of


class Away(MemoryStorage):
    """A storage that is away."""

    async def ping(self) -> None:
        raise Unavailable


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_a_healthy_server_says_so(nobody: Caller, path: str) -> None:
    answer = await nobody.get(path)

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_server_whose_storage_is_away_lives_but_is_not_ready(
    clock: ManualClock, hasher: Argon2Hasher
) -> None:
    async with client_of(create_app(a_service(Away(), clock, hasher))) as client:
        with capture_logs():
            live = await client.get("/health/live")
            ready = await client.get("/health/ready")

    assert live.status_code == 200
    assert problem_of(ready) == (503, "unavailable", [])
    assert int(ready.headers["Retry-After"]) > 0
