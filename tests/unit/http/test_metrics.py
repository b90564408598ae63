"""1.3, /metrics."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.memory.storage import MemoryReading
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.application.service import Service
from hashpost.domain.errors import Unavailable
from hashpost.domain.timeline import HashtagPosts
from hashpost.entrypoints.http import create_app
from hashpost.entrypoints.http.edge import Limits
from hashpost.entrypoints.http.metrics import Metrics
from hashpost.testing.clock import ManualClock
from tests.services import ListedQueue, a_service
from tests.unit.http.calling import Caller, client_of
from tests.unit.http.conftest import Work

REQUESTS = "hashpost_http_requests_total"
SECONDS = "hashpost_http_request_duration_seconds"
IN_FLIGHT = "hashpost_http_requests_in_flight"
MESSAGES = "hashpost_messages"
OLDEST = "hashpost_oldest_message_seconds"
UNCOUNTED = "hashpost_uncounted"
DIFFERENCES = "hashpost_check_differences"
UP = "hashpost_storage_up"
WAITING = "hashpost_http_requests_waiting"
TURNED_AWAY = "hashpost_http_requests_turned_away_total"

Samples = dict[tuple[str, ...], float]


def read(text: str) -> Samples:
    """Every value by the name of its series and the values of its labels, in their order."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def scraped(client: httpx.AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return read(answer.text)


async def test_they_come_as_text_for_prometheus_which_nobody_keeps(nobody: Caller) -> None:
    answer = await nobody.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.text.endswith("\n")
    assert {family.name: family.type for family in text_string_to_metric_families(answer.text)} == {
        "hashpost_http_requests": "counter",
        SECONDS: "histogram",
        IN_FLIGHT: "gauge",
        WAITING: "gauge",
        TURNED_AWAY.removesuffix("_total"): "counter",
        UP: "gauge",
        MESSAGES: "gauge",
        OLDEST: "gauge",
        UNCOUNTED: "gauge",
    }


async def test_head_answers_as_get_does_without_a_body(nobody: Caller) -> None:
    answer = await nobody.call("HEAD", "/metrics/")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "series"),
    [
        ("GET", "/health/live", ("GET", "/health/live", "200")),
        ("HEAD", "/health/live", ("HEAD", "/health/live", "200")),
        ("OPTIONS", "/health/live", ("OPTIONS", "/health/live", "204")),
        ("POST", "/api/token/", ("POST", "/api/token", "415")),
        ("GET", "/api/posts/7/", ("GET", "/api/posts/{id_post:int}", "401")),
        ("GET", "/api/favorite_hashtags/posts/", ("GET", "/api/favorite_hashtags/posts", "401")),
        (
            "PUT",
            "/api/favorite_hashtags/x/",
            ("PUT", "/api/favorite_hashtags/{hashtag:str}", "401"),
        ),
        ("PATCH", "/api/posts/", ("PATCH", "/api/posts", "405")),
        ("BREW", "/api/posts/", ("other", "/api/posts", "405")),
        ("GET", "/nothing/", ("GET", "unmatched", "404")),
        ("BREW", "/nothing/", ("other", "unmatched", "404")),
    ],
)
async def test_every_answer_is_counted_by_method_route_and_status(
    nobody: Caller, method: str, path: str, series: tuple[str, str, str]
) -> None:
    for _ in range(3):
        await nobody.call(method, path)

    samples = await scraped(nobody.client)

    assert {name: value for name, value in samples.items() if name[0] == REQUESTS} == {
        (REQUESTS, *series): 3
    }
    assert samples[f"{SECONDS}_count", series[1]] == 3
    assert samples[f"{SECONDS}_bucket", "+Inf", series[1]] == 3
    assert 0 < samples[f"{SECONDS}_sum", series[1]] < 30


async def test_a_failure_is_counted_as_500(broken: Caller) -> None:
    with capture_logs():
        await broken.get("/health/ready")

    assert (await scraped(broken.client))[REQUESTS, "GET", "/health/ready", "500"] == 1


async def test_a_scrape_counts_itself_the_next_time(nobody: Caller) -> None:
    first, second = await scraped(nobody.client), await scraped(nobody.client)

    assert (REQUESTS, "GET", "/metrics", "200") not in first
    assert second[REQUESTS, "GET", "/metrics", "200"] == 1
    assert first[IN_FLIGHT,] == second[IN_FLIGHT,] == 1


async def test_no_series_tells_when_it_began(nobody: Caller) -> None:
    await nobody.get("/health/live")

    assert not [name for name in await scraped(nobody.client) if name[0].endswith("_created")]


async def test_applications_in_one_process_count_on_their_own(
    nobody: Caller, service: Service
) -> None:
    await nobody.get("/health/live")

    async with client_of(create_app(service)) as other:
        samples = await scraped(other)

    assert not [name for name in samples if name[0] == REQUESTS]


async def test_requests_that_are_worked_on_are_in_flight(service: Service) -> None:
    hanging = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        hanging.set()
        await asyncio.Event().wait()
        yield b""

    async with client_of(create_app(service, limits=Limits(body_seconds=0.2))) as client:
        request = asyncio.create_task(
            client.post(
                "/api/token/", content=parts(), headers={"Content-Type": "application/json"}
            )
        )
        await hanging.wait()
        during = await scraped(client)
        await request
        after = await scraped(client)

    assert (during[IN_FLIGHT,], after[IN_FLIGHT,]) == (2, 1)
    assert after[REQUESTS, "POST", "/api/token", "408"] == 1


async def test_they_are_told_also_when_too_much_is_asked(service: Service) -> None:
    async with client_of(
        create_app(service, limits=Limits(passwords_at_once=0, waiting_max=0))
    ) as client:
        assert (await client.post("/api/token/", json={})).status_code == 503

        samples = await scraped(client)

    assert samples[REQUESTS, "POST", "/api/token", "503"] == 1
    assert samples[TURNED_AWAY, "passwords", "writes"] == 1
    assert samples[TURNED_AWAY, "work", "writes"] == 0


async def test_requests_that_wait_for_others_are_counted(service: Service) -> None:
    limits = Limits(at_once=0, waiting_seconds=60)
    async with client_of(create_app(service, limits=limits)) as client:
        reading = asyncio.create_task(client.get("/api/posts/"))
        await asyncio.sleep(0.01)

        during = await scraped(client)
        reading.cancel()

    assert during[WAITING, "work", "reads"] == 1
    assert during[WAITING, "work", "writes"] == 0


# What the storage tells


async def test_messages_are_counted_by_job_and_state(client: httpx.AsyncClient, work: Work) -> None:
    await Caller.signed_up(client, "eve", email="eve@example.org")
    await Caller.signed_up(client, "dan", email="dan@example.org")
    before = await scraped(client)

    await work()
    after = await scraped(client)

    assert (before[UP,], after[UP,]) == (1, 1)
    assert _series(before, MESSAGES) == {(MESSAGES, "welcome-mail", "queued"): 2}
    assert _series(after, MESSAGES) == {(MESSAGES, "welcome-mail", "done"): 2}


async def test_the_oldest_open_message_of_each_state_tells_its_age(
    client: httpx.AsyncClient, clock: ManualClock, work: Work
) -> None:
    await Caller.signed_up(client, "eve", email="eve@example.org")
    clock.advance(seconds=90)
    await client.post("/api/password_reset/", json={"username": "eve"})
    clock.advance(seconds=1, milliseconds=500)

    before = _series(await scraped(client), OLDEST)
    await work()
    after = _series(await scraped(client), OLDEST)

    nothing = {(OLDEST, state): 0 for state in ("queued", "running", "waiting")}
    assert before == nothing | {(OLDEST, "queued"): 91.5}
    assert after == nothing


async def test_the_newest_self_check_tells_how_many_differences_there_are(
    clock: ManualClock, hasher: Argon2Hasher
) -> None:
    storage, queue = MemoryStorage(), ListedQueue()
    service = a_service(storage, clock, hasher, queue=queue)
    await service.ensure_schedules()

    async with client_of(create_app(service)) as client:
        before = await scraped(client)
        await _run(service, queue, "self-check")
        sound = await scraped(client)
        ada = await Caller.signed_up(client, "ada")
        await ada.write("#moon #sun")
        storage._state.timelines[HashtagPosts("moon")].clear()
        unchecked = await scraped(client)
        clock.advance(seconds=1)
        await _run(service, queue, "self-check")
        clock.advance(seconds=1)
        await _run(service, queue, "score-trends")
        broken = await scraped(client)

    assert (DIFFERENCES,) not in before
    assert sound[DIFFERENCES,] == unchecked[DIFFERENCES,] == 0
    assert broken[DIFFERENCES,] > 0


async def test_a_storage_that_is_away_is_told_of_and_nothing_else_of_it(
    clock: ManualClock, hasher: Argon2Hasher
) -> None:
    async with client_of(create_app(a_service(Away(), clock, hasher))) as client:
        await client.get("/health/live")
        samples = await scraped(client)

    assert samples[UP,] == 0
    assert samples[REQUESTS, "GET", "/health/live", "200"] == 1
    assert {name for name, *_ in samples} & {MESSAGES, OLDEST, DIFFERENCES} == set()


async def test_a_storage_that_hangs_is_not_waited_for(
    clock: ManualClock, hasher: Argon2Hasher
) -> None:
    storage = Hanging()
    service = a_service(storage, clock, hasher)

    async with asyncio.timeout(5):
        text = await Metrics(storage_seconds=0.01).text(service)

    assert read(text.decode())[UP,] == 0
    assert not storage.let_go.is_set()
    storage.let_go.set()
    await asyncio.sleep(0.01)


async def test_a_scrape_that_is_given_up_leaves_nothing_behind(
    clock: ManualClock, hasher: Argon2Hasher
) -> None:
    storage = Hanging()
    scrape = asyncio.create_task(
        Metrics(storage_seconds=60).text(a_service(storage, clock, hasher))
    )
    await asyncio.sleep(0.01)

    scrape.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scrape
    storage.let_go.set()
    await asyncio.sleep(0.01)

    assert storage.was_cancelled


class Away(MemoryStorage):
    """A storage that is away."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryReading]:
        await self.ping()
        async with super().reading() as reading:
            yield reading

    async def ping(self) -> None:
        raise Unavailable


class Hanging(MemoryStorage):
    """A storage that does not answer, and takes its time to be cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = asyncio.Event()
        self.was_cancelled = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[MemoryReading]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            await self.let_go.wait()
            raise
        async with super().reading() as reading:
            yield reading


def _series(samples: Samples, name: str) -> Samples:
    return {series: value for series, value in samples.items() if series[0] == name}


async def _run(service: Service, queue: ListedQueue, job: str) -> None:
    await service.run_schedule(job)
    attempt = await service.run_message(queue.told.pop())
    assert attempt is not None
    assert attempt.error is None
