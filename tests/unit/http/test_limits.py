"""1.3, rate limits: what is counted, for whom, and what the caller is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from hashpost.adapters.limits.process import ProcessCounts
from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidCredentials, Unavailable
from hashpost.entrypoints.http import create_app
from hashpost.entrypoints.http.limits import UNLIMITED, Policy, Quotas, RateLimits, address_of
from hashpost.entrypoints.http.problems import TooManyRequests
from hashpost.testing.clock import ManualClock
from tests.services import a_service
from tests.unit.http.calling import PASSWORD, Caller, problem_of

QUOTAS = Quotas(
    failed_logins_per_name=3,
    failed_logins_per_address=5,
    sign_ups=2,
    password_resets=2,
    writes=3,
)
WRONG = "wrong horse battery"


@dataclass
class Seconds:
    """A clock that is set by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


Clients = Callable[..., httpx.AsyncClient]


@pytest.fixture
def at(service: Service, seconds: Seconds) -> Clients:
    """Clients at addresses, of a service with limits."""
    app = create_app(service, rate_limits=RateLimits(ProcessCounts(seconds), QUOTAS))

    def client(address: str = "192.0.2.1") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 5000))
        return httpx.AsyncClient(transport=transport, base_url="http://hashpost.test")

    return client


@pytest.fixture
async def ada(service: Service, at: Clients) -> Caller:
    """Somebody who has used nothing up."""
    user = await service.sign_up(username="ada", password=PASSWORD)
    tokens = await service.log_in(username="ada", password=PASSWORD)
    return Caller(at(), user.id, tokens.access, tokens.refresh)


async def log_in(client: httpx.AsyncClient, password: str, username: str = "ada") -> httpx.Response:
    return await client.post("/api/token/", json={"username": username, "password": password})


async def sign_up(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    body = {"username": "eve", "password": PASSWORD} | body
    return await client.post("/api/create_user/", json=body)


async def reset(client: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await client.post("/api/password_reset/", json=body or {"username": "ada"})


def limits_of(answer: httpx.Response) -> tuple[str, str]:
    return answer.headers["RateLimit-Policy"], answer.headers["RateLimit"]


def assert_is_too_much(answer: httpx.Response, *, retry_after: int) -> None:
    assert problem_of(answer) == (429, "too-many-requests", [])
    assert answer.headers["Retry-After"] == str(retry_after)


# Writes


async def test_writes_are_counted_for_a_user_and_the_answer_tells_what_is_left(
    ada: Caller, seconds: Seconds
) -> None:
    answers = []
    for _ in range(4):
        answers.append(await ada.call("POST", "/api/posts/", {"text": "x"}))
        seconds.now += 10

    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    assert [limits_of(answer) for answer in answers] == [
        ('"writes";q=3;w=60', '"writes";r=2;t=60'),
        ('"writes";q=3;w=60', '"writes";r=1;t=50'),
        ('"writes";q=3;w=60', '"writes";r=0;t=40'),
        ('"writes";q=3;w=60', '"writes";r=0;t=30'),
    ]
    assert_is_too_much(answers[3], retry_after=30)


async def test_in_any_minute_there_are_no_more_writes_than_the_limit(
    ada: Caller, seconds: Seconds
) -> None:
    done = []
    for _ in range(40):
        seconds.now += 7.3
        if (await ada.call("PUT", "/api/favorite_hashtags/x/")).status_code == 204:
            done.append(seconds.now)

    assert len(done) > 12
    assert all(later - first >= 60 for first, later in zip(done, done[3:], strict=False))


async def test_waiting_as_long_as_told_is_enough(ada: Caller, seconds: Seconds) -> None:
    for _ in range(4):
        answer = await ada.call("POST", "/api/posts/", {"text": "x"})
        seconds.now += 0.7

    seconds.now += int(answer.headers["Retry-After"]) - 0.7

    assert (await ada.call("POST", "/api/posts/", {"text": "x"})).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/posts/", 415),
        ("PUT", "/api/posts/", 415),
        ("DELETE", "/api/favorite_hashtags/x/", 204),
        ("PUT", "/api/users/me/password/", 415),
    ],
)
async def test_every_method_but_get_and_head_counts_also_when_it_fails(
    ada: Caller, method: str, path: str, status: int
) -> None:
    answer = await ada.call(method, path)

    assert answer.status_code == status
    assert answer.headers["RateLimit"] == '"writes";r=2;t=60'


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_reads_are_not_limited(ada: Caller, method: str) -> None:
    answers = [await ada.call(method, "/api/posts/") for _ in range(9)]

    assert all(answer.is_success for answer in answers)
    assert "RateLimit" not in answers[0].headers


async def test_reads_go_on_when_writing_is_over(ada: Caller) -> None:
    for _ in range(4):
        await ada.call("POST", "/api/posts/", {"text": "x"})

    assert (await ada.get("/api/posts/")).status_code == 200


async def test_users_do_not_share_a_limit_but_a_users_addresses_do(
    service: Service, ada: Caller, at: Clients
) -> None:
    await service.sign_up(username="bob", password=PASSWORD)
    tokens = await service.log_in(username="bob", password=PASSWORD)
    for _ in range(4):
        await ada.call("POST", "/api/posts/", {"text": "x"})

    elsewhere = replace(ada, client=at("198.51.100.7"))
    bob = replace(ada, access=tokens.access)

    assert (await elsewhere.call("POST", "/api/posts/", {"text": "x"})).status_code == 429
    assert (await bob.call("POST", "/api/posts/", {"text": "x"})).status_code == 201


async def test_whoever_is_nobody_is_not_counted(ada: Caller) -> None:
    stranger = replace(ada, access="x")

    answers = [await stranger.call("POST", "/api/posts/", {"text": "x"}) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {401}
    assert "RateLimit" not in answers[0].headers


async def test_what_is_too_much_changes_nothing(service: Service, ada: Caller) -> None:
    for _ in range(5):
        await ada.call("POST", "/api/posts/", {"text": "x"})

    assert (await service.list_posts(ada.id)).count == 3


# Log-ins


async def test_failed_log_ins_are_counted_for_a_name_and_an_address(
    ada: Caller, seconds: Seconds
) -> None:
    answers = [await log_in(ada.client, WRONG) for _ in range(3)]
    seconds.now += 15.5
    right = await log_in(ada.client, PASSWORD)

    assert [answer.status_code for answer in answers] == [401] * 3
    assert limits_of(answers[0]) == (
        '"failed-logins-name";q=3;w=60, "failed-logins-address";q=5;w=60',
        '"failed-logins-name";r=2;t=60, "failed-logins-address";r=4;t=60',
    )
    assert_is_too_much(right, retry_after=45)
    seconds.now += 45
    assert (await log_in(ada.client, PASSWORD)).status_code == 200


async def test_a_name_is_the_same_in_whatever_case_and_from_wherever(
    ada: Caller, at: Clients
) -> None:
    for number, name in enumerate(("ada", "ADA", "aDa")):
        await log_in(at(f"192.0.2.{number}"), WRONG, name)

    assert (await log_in(at("192.0.2.9"), PASSWORD, "Ada")).status_code == 429
    assert (await log_in(at("192.0.2.9"), WRONG, "eve")).status_code == 401


async def test_many_names_from_one_address_are_too_much_as_well(ada: Caller, at: Clients) -> None:
    answers = [await log_in(ada.client, WRONG, f"user{number}") for number in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert (await log_in(ada.client, PASSWORD)).status_code == 429
    assert (await log_in(at("192.0.2.9"), PASSWORD)).status_code == 200


async def test_right_log_ins_are_not_counted(ada: Caller) -> None:
    answers = [await log_in(ada.client, PASSWORD) for _ in range(9)]

    assert [answer.status_code for answer in answers] == [200] * 9
    assert answers[8].headers["RateLimit"] == (
        '"failed-logins-name";r=3;t=60, "failed-logins-address";r=5;t=60'
    )


async def test_any_number_of_right_log_ins_at_once_succeeds(ada: Caller) -> None:
    answers = await asyncio.gather(*(log_in(ada.client, PASSWORD) for _ in range(40)))

    assert [answer.status_code for answer in answers] == [200] * 40


class CountingHasher(Argon2Hasher):
    """Counts what it is asked to verify."""

    verified = 0

    async def verify(self, password: str, password_hash: str | None) -> bool:
        self.verified += 1
        return await super().verify(password, password_hash)


@pytest.fixture
async def guessed(clock: ManualClock) -> AsyncIterator[tuple[httpx.AsyncClient, CountingHasher]]:
    hasher = CountingHasher(time_cost=1, memory_kib=8)
    service = a_service(MemoryStorage(), clock, hasher)
    await service.sign_up(username="ada", password=PASSWORD)
    app = create_app(service, rate_limits=RateLimits(ProcessCounts(), QUOTAS))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hashpost.test") as client:
        yield client, hasher
    hasher.close()


async def test_guesses_at_once_get_no_more_tries_than_one_after_the_other(
    guessed: tuple[httpx.AsyncClient, CountingHasher],
) -> None:
    client, hasher = guessed

    answers = await asyncio.gather(*(log_in(client, f"guess {n}") for n in range(40)))

    assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 37
    assert hasher.verified == 3


async def test_wrong_and_right_ones_at_once_never_verify_more_wrong_ones_than_the_limit(
    guessed: tuple[httpx.AsyncClient, CountingHasher],
) -> None:
    client, _ = guessed
    passwords = [PASSWORD, f"{WRONG} 1", PASSWORD, PASSWORD, f"{WRONG} 2"] * 8

    answers = await asyncio.gather(*(log_in(client, each) for each in passwords))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) == 3
    # Until the third failure the right ones got in; then nobody does.
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert set(statuses) == {200, 401, 429}


@pytest.mark.parametrize("body", [{"username": "ada"}, {"username": 1, "password": WRONG}, {}])
async def test_what_cannot_be_a_log_in_is_not_counted(ada: Caller, body: Any) -> None:
    for _ in range(6):
        assert (await ada.client.post("/api/token/", json=body)).status_code == 400

    assert (await log_in(ada.client, WRONG)).status_code == 401


# What attempts promise


@dataclass
class SlowCounts:
    """Counts in the process, and takes its time."""

    counts: ProcessCounts = field(default_factory=ProcessCounts)

    async def take(self, key: str, *, limit: int, seconds: int) -> Any:
        await asyncio.sleep(0.002)
        count = await self.counts.take(key, limit=limit, seconds=seconds)
        await asyncio.sleep(0.002)
        return count

    async def look(self, key: str, *, limit: int, seconds: int) -> Any:
        await asyncio.sleep(0.001)
        count = await self.counts.look(key, limit=limit, seconds=seconds)
        await asyncio.sleep(0.001)
        return count


async def fails_after(limits: RateLimits, delay: float, error: type[Exception]) -> str:
    try:
        async with limits.log_in({"client": ("192.0.2.1", 1)}, "ada"):
            await asyncio.sleep(delay)
            raise error
    except (InvalidCredentials, TooManyRequests, Unavailable) as failure:
        return type(failure).__name__


async def test_no_try_slips_through_while_a_failure_is_being_counted() -> None:
    limits = RateLimits(SlowCounts(), QUOTAS)

    results = await asyncio.gather(
        *(fails_after(limits, number % 7 / 1000, InvalidCredentials) for number in range(60))
    )

    assert results.count("InvalidCredentials") == 3
    assert results.count("TooManyRequests") == 57


class LateCounts(ProcessCounts):
    """Tells what was counted when it was asked, but not before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def look(self, key: str, *, limit: int, seconds: int) -> Any:
        count = await super().look(key, limit=limit, seconds=seconds)
        await self.may_answer.wait()
        return count


async def test_what_was_told_before_an_attempt_failed_is_not_relied_on() -> None:
    counts = LateCounts()
    limits = RateLimits(counts, replace(UNLIMITED, failed_logins_per_name=1))
    counts.may_answer.set()
    first = asyncio.create_task(fails_after(limits, 0.02, InvalidCredentials))
    await asyncio.sleep(0.005)
    counts.may_answer.clear()
    second = asyncio.create_task(fails_after(limits, 0, InvalidCredentials))
    assert await first == "InvalidCredentials"

    counts.may_answer.set()

    assert await second == "TooManyRequests"


async def test_an_attempt_that_fails_for_another_reason_is_not_counted() -> None:
    limits = RateLimits(SlowCounts(), QUOTAS)

    results = await asyncio.gather(*(fails_after(limits, 0.001, Unavailable) for _ in range(20)))

    assert results == ["Unavailable"] * 20
    assert await fails_after(limits, 0, InvalidCredentials) == "InvalidCredentials"


async def test_an_attempt_that_is_given_up_makes_room_for_another() -> None:
    limits = RateLimits(SlowCounts(), QUOTAS)
    stuck = [asyncio.create_task(fails_after(limits, 60, Unavailable)) for _ in range(3)]
    await asyncio.sleep(0.05)
    waiting = asyncio.create_task(fails_after(limits, 0, InvalidCredentials))
    given_up = asyncio.create_task(fails_after(limits, 0, InvalidCredentials))
    await asyncio.sleep(0.05)
    assert not waiting.done()

    given_up.cancel()
    stuck[0].cancel()

    async with asyncio.timeout(5):
        assert await waiting == "InvalidCredentials"
    for task in stuck:
        task.cancel()


async def test_nothing_is_remembered_of_attempts_that_are_over() -> None:
    limits = RateLimits(SlowCounts(), QUOTAS)

    await asyncio.gather(*(fails_after(limits, 0, InvalidCredentials) for _ in range(9)))

    assert limits._names._doors == limits._addresses._doors == {}


# Sign-ups and password resets


async def test_sign_ups_are_counted_for_an_address_taken_names_as_well(at: Clients) -> None:
    answers = [await sign_up(at()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 409, 429]
    assert limits_of(answers[1]) == ('"sign-ups";q=2;w=600', '"sign-ups";r=0;t=600')
    assert_is_too_much(answers[2], retry_after=600)
    assert (await sign_up(at("192.0.2.9"), username="fay")).status_code == 201


@pytest.mark.parametrize(
    "body", [{"username": ""}, {"password": "short"}, {"email": "x"}, {"age": 7}]
)
async def test_sign_ups_with_wrong_input_are_not_counted(at: Clients, body: Any) -> None:
    for _ in range(5):
        assert (await sign_up(at(), **body)).status_code == 400

    assert (await sign_up(at())).status_code == 201


async def test_a_sign_up_that_is_too_much_costs_no_hash(at: Clients, hasher: Argon2Hasher) -> None:
    for _ in range(2):
        await sign_up(at())
    hasher.hash = None  # type: ignore[assignment,method-assign]
    try:
        answer = await sign_up(at())
    finally:
        del hasher.hash

    assert answer.status_code == 429


async def test_password_resets_are_counted_for_an_address(at: Clients) -> None:
    answers = [await reset(at()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert limits_of(answers[0]) == ('"password-resets";q=2;w=600', '"password-resets";r=1;t=600')
    assert_is_too_much(answers[2], retry_after=600)
    assert (await reset(at("192.0.2.9"))).status_code == 202


@pytest.mark.parametrize(
    "body", [{"email": None}, {"username": "x" * 1001}, {"username": "ada", "email": "a@b.org"}]
)
async def test_resets_with_wrong_input_are_not_counted(at: Clients, body: Any) -> None:
    for _ in range(5):
        assert (await reset(at(), **body)).status_code == 400

    assert (await reset(at())).status_code == 202


# Addresses


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_address_is_one_of_ipv4_or_the_first_half_of_one_of_ipv6(
    host: str, address: str
) -> None:
    assert address_of({"client": (host, 1)}) == address


def test_a_server_without_addresses_has_one_caller() -> None:
    assert address_of({"client": None}) == address_of({}) == ""


async def test_addresses_of_one_ipv6_network_share_a_limit(at: Clients) -> None:
    statuses = [
        (await sign_up(at(address), username=f"user{number}")).status_code
        for number, address in enumerate(
            ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:3", "2001:db8:0:1::1")
        )
    ]

    assert statuses == [201, 201, 429, 201]


# Limits that are off


@asynccontextmanager
async def client_with(service: Service, quotas: Quotas) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(service, rate_limits=RateLimits(ProcessCounts(), quotas))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://hashpost.test") as client:
        yield client


async def test_a_limit_of_0_is_none_and_is_not_told_of(service: Service, ada: Caller) -> None:
    async with client_with(service, replace(QUOTAS, failed_logins_per_name=0)) as client:
        answers = [await log_in(client, WRONG) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[0].headers["RateLimit"] == '"failed-logins-address";r=4;t=60'


async def test_without_limits_nothing_is_counted(service: Service, ada: Caller) -> None:
    async with client_with(service, UNLIMITED) as client:
        answers = [await log_in(client, WRONG) for _ in range(40)]
        answers += [await sign_up(client, username="?") for _ in range(15)]
        answers += [await reset(client) for _ in range(15)]
        caller = replace(ada, client=client)
        answers += [await caller.call("PUT", "/api/favorite_hashtags/x/") for _ in range(10)]

    assert {answer.status_code for answer in answers} == {400, 401, 202, 204}
    assert not any("RateLimit" in answer.headers for answer in answers)


def test_whom_is_counted_cannot_be_read_from_where_it_is_counted() -> None:
    policy = Policy("sign-ups", 10, 600)

    assert policy.key("192.0.2.1") != policy.key("192.0.2.2")
    assert "192" not in policy.key("192.0.2.1")
    assert len(policy.key("x" * 60_000)) < 60
