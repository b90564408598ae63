"""1.3, 1.5: GET /api/trending_hashtags/."""

import httpx
import pytest

from hashpost.application.service import Service
from hashpost.testing.clock import ManualClock
from tests.unit.http.calling import Caller, Json
from tests.unit.http.conftest import Work

TRENDING = "/api/trending_hashtags/"


@pytest.fixture
async def people(client: httpx.AsyncClient) -> list[Caller]:
    return [await Caller.signed_up(client, f"user{number}") for number in range(7)]


@pytest.fixture
async def scored(people: list[Caller], service: Service, work: Work) -> None:
    """Today seven people write of the moon, one of them often, five of the sun, four of mars."""
    for number, person in enumerate(people):
        await person.write("#moon" + " #Sun" * (number < 5) + " #mars" * (number < 4))
    for _ in range(9):
        await people[0].write("#moon #mars")
    await service.ensure_schedules()
    await service.run_schedule("score-trends")
    await work()


async def test_hashtags_on_the_rise_are_ranked_with_what_their_score_is_made_of(
    people: list[Caller], scored: None
) -> None:
    answer = await people[0].get(TRENDING)

    assert answer.status_code == 200
    assert answer.json() == [
        {"name": "moon", "count": 16, "score": 36.0, "users_today": 7, "users_yesterday": 0},
        {"name": "sun", "count": 5, "score": 16.0, "users_today": 5, "users_yesterday": 0},
    ]
    assert answer.headers["Cache-Control"] == "private, no-cache"


async def test_a_score_is_halved_every_four_hours(
    people: list[Caller], scored: None, clock: ManualClock
) -> None:
    clock.advance(minutes=4 * 60)

    scores = [each["score"] for each in (await _ranking(people[0])).json()]

    assert scores == [18.0, 8.0]


async def test_the_ranking_has_no_more_than_was_asked_for(
    people: list[Caller], scored: None
) -> None:
    ranking: Json = (await people[0].get(f"{TRENDING}?limit=1")).json()

    assert [each["name"] for each in ranking] == ["moon"]


async def test_the_ranking_has_10_hashtags_by_default(
    people: list[Caller], service: Service, work: Work
) -> None:
    for person in people[:5]:
        await person.write(" ".join(f"#t{number}" for number in range(12)))
    await service.ensure_schedules()
    await service.run_schedule("score-trends")
    await work()

    assert len((await people[0].get(TRENDING)).json()) == 10
    assert len((await people[0].get(f"{TRENDING}?limit=50")).json()) == 12


async def test_nothing_is_trending_before_it_is_scored(people: list[Caller]) -> None:
    for person in people:
        await person.write("#moon")

    assert (await people[0].get(TRENDING)).json() == []


async def _ranking(caller: Caller) -> httpx.Response:
    """The ranking, after logging in again: the clock has moved on."""
    refreshed = await caller.call("POST", "/api/token/refresh/", {"refresh": caller.refresh})
    access = refreshed.json()["access"]
    return await Caller(caller.client, access=access).get(TRENDING)
