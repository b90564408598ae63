"""Random histories on the SQL adapter, on SQLite and on PostgreSQL, with roll-ups between."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from hashpost.adapters.sql import SqlStorage
from hashpost.testing.machine import ServiceMachine
from hashpost.testing.subjects import InProcess, Subject
from tests.integration.sql.emptying import empty
from tests.integration.sql.test_tallies import FINE
from tests.services import a_hasher, in_process


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_service_and_model_agree_in_sql(migrated_url: str, runner: asyncio.Runner) -> None:
    hasher = a_hasher()
    storage = runner.run(SqlStorage.open(migrated_url, measure=FINE, rolls_up=False))

    class Machine(ServiceMachine):
        @rule()
        def roll_up(self) -> None:
            """Counts are folded in, some time or other."""
            assert runner.run(storage.roll_up())

        def new_subject(self) -> Subject:
            empty(migrated_url)
            subject: InProcess = in_process(storage, runner, hasher)
            return subject

    try:
        run_state_machine_as_test(
            Machine, settings=settings(max_examples=100, stateful_step_count=50)
        )
    finally:
        runner.run(storage.close())
        hasher.close()
