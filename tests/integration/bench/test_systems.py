"""The floor answers as hashpost does, and the driver tells when somebody answers wrongly."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import httpx
import pytest

from bench.driver import Crowd, Request, WrongAnswer, drive
from bench.measuring import Bench
from bench.scenarios import SCENARIOS, Caller, Stock, requests
from bench.systems import System, floor, ours

MADE_UP = ("next_cursor", "id_post", "created_at", "access", "refresh")
READS = [name for name, each in SCENARIOS.items() if not each.writes]


@pytest.fixture(scope="module")
def stock(world_url: str) -> Stock:
    return Stock.of(world_url)


@pytest.fixture(scope="module")
def hashpost_served(world_url: str) -> Iterator[System]:
    with ours(world_url) as system:
        yield system


@pytest.fixture(scope="module")
def floor_served(world_url: str) -> Iterator[System]:
    with floor(world_url) as system:
        yield system


def answer(system: System, request: Request) -> Any:
    """What is answered, but for what each makes up by itself."""
    head, _, body = request.data.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    method, path, _ = line.split(" ")
    host, port = system.address
    response = httpx.request(
        method,
        f"http://{host}:{port}{path}",
        headers=dict(field.split(": ", 1) for field in fields),
        content=body,
    )
    assert response.status_code == request.status
    told = response.json()
    if isinstance(told, list):
        return told
    return {name: None if name in MADE_UP else value for name, value in told.items()}


@pytest.mark.parametrize("name", READS)
def test_the_floor_reads_what_hashpost_reads(
    hashpost_served: System, floor_served: System, stock: Stock, name: str
) -> None:
    request = next(SCENARIOS[name].make(Caller(stock)))

    assert answer(floor_served, request) == answer(hashpost_served, request)


@pytest.mark.parametrize("name", ["create", "log-in"])
def test_the_floor_writes_what_hashpost_writes(
    hashpost_served: System, floor_served: System, stock: Stock, name: str
) -> None:
    request = next(SCENARIOS[name].make(Caller(stock)))

    assert answer(floor_served, request) == answer(hashpost_served, request)


def test_a_round_has_a_rate_and_a_cost(floor_served: System, stock: Stock) -> None:
    asked = requests(SCENARIOS["users"], stock, seed=1)

    cost = Bench(0.2, None, callers=2).round(floor_served, asked)

    assert cost.rate > 0
    assert 0 < cost.server < 1000
    assert 0 < cost.p50 <= cost.p99


def test_another_status_than_expected_fails_the_bench(floor_served: System) -> None:
    nobody = Request(b"GET /api/posts/ HTTP/1.1\r\nHost: bench\r\n\r\n", 200)

    with pytest.raises(WrongAnswer, match="401"):
        drive(floor_served.address, [Crowd(2, repeat(nobody))], 0.1)


def test_an_answer_that_is_tolerated_does_not_count(floor_served: System) -> None:
    nobody = Request(b"GET /api/posts/ HTTP/1.1\r\nHost: bench\r\n\r\n", 200, tolerated=401)

    (done,) = drive(floor_served.address, [Crowd(2, repeat(nobody))], 0.1)

    assert done.latencies == []
    assert done.rate == 0
