"""Random histories on the memory adapter."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis.stateful import run_state_machine_as_test

from hashpost.adapters.memory import MemoryStorage
from hashpost.testing.machine import ServiceMachine
from hashpost.testing.subjects import Subject
from tests.services import a_hasher, in_process


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def test_service_and_model_agree_in_memory(runner: asyncio.Runner) -> None:
    hasher = a_hasher()

    class Machine(ServiceMachine):
        def new_subject(self) -> Subject:
            return in_process(MemoryStorage(), runner, hasher)

    run_state_machine_as_test(Machine)
    hasher.close()
