"""Rate limits, as an operator sets them: over processes, behind proxies, and when Redis is lost."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import httpx
import pytest

from tests.integration.cli.serving import serving as serving_with
from tests.integration.taskiq.restarting import OwnRedis, own_redis

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"


@dataclass(frozen=True, slots=True)
class Limited:
    """A server with limits, and its caller, who connects anew to any of its processes each time."""

    client: httpx.Client
    log: Path


@contextmanager
def serving(
    folder: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> Iterator[Limited]:
    """A server with limits, which others are without in tests: what is empty counts as unset."""
    with (
        serving_with(
            folder, *arguments, settings={"RATE_LIMITS": "", **(settings or {})}
        ) as served,
        httpx.Client(base_url=served.url, headers={"Connection": "close"}, timeout=20) as client,
    ):
        yield Limited(client, served.log)


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    """A server with all limits as they are: its tests each come to another of them."""
    with serving(tmp_path_factory.mktemp("default")) as served:
        yield served


@dataclass(frozen=True, slots=True)
class Sharing:
    """Two servers over one database and one Redis, which can be killed."""

    own: OwnRedis
    servers: list[Limited]


@pytest.fixture(scope="module")
def sharing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharing]:
    """Whoever makes the servers lose their Redis waits until they have it again."""
    folder = tmp_path_factory.mktemp("sharing")
    with own_redis() as own, ExitStack() as stack:
        own.start()
        settings = {"REDIS_URL": own.url, "LIMIT_FAILED_LOGINS_PER_NAME": "4"}
        settings |= {"DATABASE_URL": f"sqlite:///{folder}/shared.db"}
        servers = []
        for name in ("one", "other"):
            (folder / name).mkdir()
            servers.append(stack.enter_context(serving(folder / name, settings=settings)))
        yield Sharing(own, servers)


def sign_up(served: Limited, username: str = "ada") -> httpx.Response:
    body = {"username": username, "password": PASSWORD}
    return served.client.post("/api/create_user/", json=body)


def log_in(served: Limited, password: str = PASSWORD, username: str = "ada") -> httpx.Response:
    return served.client.post("/api/token/", json={"username": username, "password": password})


def ask_for_reset(served: Limited, *forwarded: str) -> httpx.Response:
    headers = [("X-Forwarded-For", each) for each in forwarded]
    return served.client.post("/api/password_reset/", json={"username": "ada"}, headers=headers)


def reset(served: Limited, *forwarded: str) -> str:
    """What is left of password resets, to whom the server takes to have asked for one."""
    left: str = ask_for_reset(served, *forwarded).headers["RateLimit"]
    return left.partition("r=")[2][0]


def test_all_servers_count_in_one_place(sharing: Sharing) -> None:
    servers = sharing.servers
    sign_up(servers[0])

    statuses = [log_in(servers[number % 2], WRONG).status_code for number in range(6)]

    assert statuses == [401] * 4 + [429] * 2
    assert [log_in(each).status_code for each in servers] == [429, 429]


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_losing_redis_stops_nothing(sharing: Sharing, how: str) -> None:
    own, served = sharing.own, sharing.servers[0]
    sign_up(served, how)
    access = log_in(served, username=how).json()["access"]
    headers = {"Authorization": f"Bearer {access}"}
    told = lines_on_redis(served)

    def write(number: int) -> tuple[int, float]:
        begun = perf_counter()
        answer = served.client.put(f"/api/favorite_hashtags/tag{number}/", headers=headers)
        return answer.status_code, perf_counter() - begun

    before = [write(number) for number in range(5)]
    with ExitStack() as stack:
        if how == "killed":
            own.stop()
        else:
            stack.enter_context(own.hung())
        with ThreadPoolExecutor(4) as threads:
            during = list(threads.map(write, range(5, 45)))
    if how == "killed":
        own.start()
    after = [write(45)]
    while lines_on_redis(served) < told + 2 and len(after) < 100:
        sleep(0.1)
        after.append(write(45))

    assert {status for status, _ in before + during + after} == {204}
    assert max(seconds for _, seconds in during) < 2
    assert sorted(seconds for _, seconds in during)[30] < 0.5
    assert lines_on_redis(served) == told + 2  # away, and back


def lines_on_redis(served: Limited) -> int:
    return served.log.read_text().count("Redis, for rate limits")


def test_any_number_of_right_log_ins_at_once_succeeds_and_no_more_wrong_ones_than_the_limit(
    default: Limited,
) -> None:
    sign_up(default)
    with ThreadPoolExecutor(15) as threads:  # more than may fail, fewer than a slow machine drops
        right = list(threads.map(lambda _: log_in(default).status_code, range(30)))
        wrong = list(threads.map(lambda _: log_in(default, WRONG).status_code, range(30)))

    assert right == [200] * 30
    assert sorted(wrong) == [401] * 10 + [429] * 20


def test_off_switches_all_of_them_off(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"RATE_LIMITS": "off"}) as served:
        answers = [ask_for_reset(served) for _ in range(7)]

    assert {answer.status_code for answer in answers} == {202}
    assert not any("RateLimit" in answer.headers for answer in answers)


def test_each_number_is_a_setting(tmp_path: Path) -> None:
    settings = {
        "LIMIT_FAILED_LOGINS_PER_NAME": "1",
        "LIMIT_FAILED_LOGINS_PER_ADDRESS": "2",
        "LIMIT_SIGN_UPS": "3",
        "LIMIT_PASSWORD_RESETS": "4",
        "LIMIT_WRITES": "5",
    }
    with serving(tmp_path, settings=settings) as served:
        signed_up = sign_up(served)
        logged_in = log_in(served)
        headers = {"Authorization": f"Bearer {logged_in.json()['access']}"}
        wrote = served.client.put("/api/favorite_hashtags/x/", headers=headers)
        asked = ask_for_reset(served)

    answers: list[Any] = [logged_in, signed_up, asked, wrote]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == [
        '"failed-logins-name";q=1;w=60, "failed-logins-address";q=2;w=60',
        '"sign-ups";q=3;w=600',
        '"password-resets";q=4;w=600',
        '"writes";q=5;w=60',
    ]


def test_what_a_stranger_says_to_forward_is_not_believed(default: Limited) -> None:
    left = [reset(default), reset(default, "192.0.2.1"), reset(default, "192.0.2.2")]

    assert left == ["4", "3", "2"]


def test_behind_a_proxy_the_last_address_that_is_not_a_proxys_counts(tmp_path: Path) -> None:
    settings = {"TRUSTED_PROXIES": "127.0.0.0/8, 2001:db8::/32"}
    with serving(tmp_path, settings=settings) as served:
        assert reset(served, "192.0.2.1") == "4"
        assert reset(served, "192.0.2.1") == "3"
        assert reset(served, "192.0.2.2") == "4"
        # What a caller made up stands to the left of what the proxy added.
        assert reset(served, "198.51.100.9, 192.0.2.1") == "2"
        assert reset(served, "198.51.100.8", "192.0.2.1") == "1"
        # Proxies behind proxies.
        assert reset(served, "198.51.100.7, 192.0.2.1, 2001:db8::9, 127.0.0.3") == "0"
        # A proxy itself.
        assert reset(served) == "4"


def test_workers_behind_a_proxy_believe_it_as_well(tmp_path: Path) -> None:
    settings = {"TRUSTED_PROXIES": "127.0.0.1"}
    with serving(tmp_path, "--workers", "2", settings=settings) as served:
        assert [reset(served, f"192.0.2.{number}") for number in range(9)] == ["4"] * 9
