"""Rate limits, as an operator sets them: over processes, behind proxies, and when Redis is lost."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest

from tests.integration.cli.serving import Served
from tests.integration.cli.serving import serving as serving_with
from tests.integration.taskiq.restarting import OwnRedis, own_redis

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"


@pytest.fixture
def own() -> Iterator[OwnRedis]:
    """A Redis to be killed."""
    with own_redis() as own:
        own.start()
        yield own


def serving(
    folder: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> AbstractContextManager[Served]:
    """A server with limits, which others are without in tests: what is empty counts as unset."""
    return serving_with(folder, *arguments, settings={"RATE_LIMITS": "", **(settings or {})})


def sign_up(served: Served, username: str = "ada") -> httpx.Response:
    body = {"username": username, "password": PASSWORD}
    return httpx.post(f"{served.url}/api/create_user/", json=body)


def log_in(served: Served, password: str = PASSWORD) -> httpx.Response:
    return httpx.post(
        f"{served.url}/api/token/", json={"username": "ada", "password": password}, timeout=20
    )


def reset(served: Served, *forwarded: str) -> str:
    """What is left of password resets, to whom the server takes to have asked for one."""
    headers = [("X-Forwarded-For", each) for each in forwarded]
    answer = httpx.post(
        f"{served.url}/api/password_reset/", json={"username": "ada"}, headers=headers
    )
    left: str = answer.headers["RateLimit"]
    return left.partition("r=")[2][0]


def test_all_servers_count_in_one_place(tmp_path: Path, own: OwnRedis) -> None:
    settings = {"REDIS_URL": own.url, "LIMIT_FAILED_LOGINS_PER_NAME": "4"}
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(tmp_path, settings=settings)) for _ in range(2)]
        sign_up(servers[0])

        statuses = [log_in(servers[number % 2], WRONG).status_code for number in range(6)]

        assert statuses == [401] * 4 + [429] * 2
        assert [log_in(each).status_code for each in servers] == [429, 429]


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_losing_redis_stops_nothing(tmp_path: Path, own: OwnRedis, how: str) -> None:
    with serving(tmp_path, settings={"REDIS_URL": own.url}) as served:
        sign_up(served)
        access = log_in(served).json()["access"]
        client = httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {access}"})

        def write(number: int) -> tuple[int, float]:
            begun = perf_counter()
            answer = client.put(f"/api/favorite_hashtags/tag{number}/")
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
        after = [write(number) for number in range(45, 50)]
        client.close()

    assert {status for status, _ in before + during + after} == {204}
    assert max(seconds for _, seconds in during) < 2
    assert sorted(seconds for _, seconds in during)[30] < 0.5
    assert served.log.read_text().count("Redis, for rate limits") in (1, 2)  # away, and back


def test_any_number_of_right_log_ins_at_once_succeeds_and_no_more_wrong_ones_than_the_limit(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as served:
        sign_up(served)
        with ThreadPoolExecutor(30) as threads:
            right = list(threads.map(lambda _: log_in(served).status_code, range(30)))
            wrong = list(threads.map(lambda _: log_in(served, WRONG).status_code, range(30)))

    assert right == [200] * 30
    assert sorted(wrong) == [401] * 10 + [429] * 20


def test_off_switches_all_of_them_off(tmp_path: Path) -> None:
    with serving(tmp_path, settings={"RATE_LIMITS": "off"}) as served:
        answers = [sign_up(served, f"user{number}") for number in range(12)]

    assert {answer.status_code for answer in answers} == {201}
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
        wrote = httpx.put(f"{served.url}/api/favorite_hashtags/x/", headers=headers)
        asked = httpx.post(f"{served.url}/api/password_reset/", json={"username": "ada"})

    answers: list[Any] = [logged_in, signed_up, asked, wrote]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == [
        '"failed-logins-name";q=1;w=60, "failed-logins-address";q=2;w=60',
        '"sign-ups";q=3;w=600',
        '"password-resets";q=4;w=600',
        '"writes";q=5;w=60',
    ]


def test_what_a_stranger_says_to_forward_is_not_believed(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        left = [reset(served), reset(served, "192.0.2.1"), reset(served, "192.0.2.2")]

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
