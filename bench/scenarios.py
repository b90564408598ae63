"""What is asked, scenario by scenario."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Final

import psycopg

from bench.driver import Request
from bench.world import (
    CALLERS,
    PASSWORD,
    Zipf,
    hashtag,
    hashtags_of,
    sentences,
    text,
    username,
)
from hashpost.adapters.tokens import JwtAccessTokens
from hashpost.domain.session import Access

KEY: Final = "a secret key that is only for benches"
PAGE_SIZE = 20
_PREPARED = 4096
"""Requests that are made before the clock starts; they come again and again."""
_TOKENS_HOLD = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Stock:
    """What a database holds that `bench.fill` filled: what requests are about."""

    user_ids: Sequence[int]
    hashtags: int
    posts: int
    """Those that are live."""
    hottest: int
    """Posts under the hottest hashtag."""

    @classmethod
    def of(cls, url: str) -> "Stock":
        """What that database holds."""
        with psycopg.connect(url) as connection:
            user_ids = [id_ for (id_,) in connection.execute("SELECT id FROM users ORDER BY id")]
            (posts, live) = connection.execute(
                "SELECT count(*), count(*) FILTER (WHERE deleted_at IS NULL) FROM posts"
            ).fetchone() or (0, 0)
            (hottest,) = connection.execute(
                "SELECT count(*) FROM post_hashtags WHERE name = %s", [hashtag(0)]
            ).fetchone() or (0,)
        return cls(user_ids, hashtags_of(posts), live, hottest)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of request; `make` gives as many of them as are wanted, without an end.

    Where the title has a place for a page, `page` tells which one there is to be had.
    """

    name: str
    _title: str
    make: Callable[["Caller"], Iterator[Request]]
    page: Callable[[Stock], int] = lambda _: 1
    writes: bool = False

    def title(self, stock: Stock) -> str:
        """What is asked of a database that holds that."""
        return self._title.format(page=self.page(stock))


class Caller:
    """Writes requests of users who have a session, one after the other."""

    def __init__(self, stock: Stock, *, seed: int = 1) -> None:
        self.stock = stock
        self.draw = random.Random(seed)
        self.zipf = Zipf(self.draw, stock.hashtags)
        tokens = JwtAccessTokens([KEY.encode()])
        now = datetime.now(UTC)
        self._bearers = [
            tokens.issue(Access(user_id, 0, user_id, now + _TOKENS_HOLD), at=now)
            for user_id in stock.user_ids[:CALLERS]
        ]
        self._turns = cycle(self._bearers)

    def get(self, path: str) -> Request:
        """A reading of somebody's."""
        return Request(_head("GET", path, next(self._turns)) + b"\r\n", 200)

    def get_of_first(self, path: str) -> Request:
        """A reading of the one who has favourites."""
        return Request(_head("GET", path, self._bearers[0]) + b"\r\n", 200)

    def post(self, names: Sequence[str]) -> Request:
        """A new post with these hashtags."""
        words = text(self.draw.choice(sentences()), list(dict.fromkeys(names)))
        return Request(
            _head("POST", "/api/posts/", next(self._turns)) + _body(f'{{"text":"{words}"}}'), 201
        )

    def log_in(self) -> Request:
        """A log-in of somebody's."""
        name = username(self.draw.randrange(CALLERS))
        body = _body(f'{{"username":"{name}","password":"{PASSWORD}"}}')
        # So many wait for so long, on a slow machine, that some are sent away.
        return Request(_head("POST", "/api/token/", None) + body, 200, tolerated=503)


def requests(scenario: Scenario, stock: Stock, *, seed: int) -> Iterator[Request]:
    """The requests of a scenario, some thousands of different ones, in a circle."""
    made = islice(scenario.make(Caller(stock, seed=seed)), _PREPARED)
    return cycle(list(made))


def _head(method: str, path: str, bearer: str | None) -> bytes:
    authorization = "" if bearer is None else f"Authorization: Bearer {bearer}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{authorization}".encode()


def _body(json: str) -> bytes:
    return f"Content-Type: application/json\r\nContent-Length: {len(json)}\r\n\r\n{json}".encode()


# The scenarios


def _posts_page(wanted: int) -> Scenario:
    def page(stock: Stock) -> int:
        return _existing(wanted, stock.posts)

    def make(caller: Caller) -> Iterator[Request]:
        while True:
            yield caller.get(f"/api/posts/?page={page(caller.stock)}")

    return Scenario(f"posts-page-{wanted}", "all posts, page {page:,}", make, page)


def _hottest_page(wanted: int) -> Scenario:
    def page(stock: Stock) -> int:
        return _existing(wanted, stock.hottest)

    def make(caller: Caller) -> Iterator[Request]:
        while True:
            yield caller.get(f"/api/hashtags/{hashtag(0)}/posts/?page={page(caller.stock)}")

    return Scenario(f"hottest-page-{wanted}", "hottest hashtag, page {page:,}", make, page)


def _existing(wanted: int, posts: int) -> int:
    """That page, or the last full one."""
    return max(1, min(wanted, posts // PAGE_SIZE))


def _hashtags(caller: Caller) -> Iterator[Request]:
    while True:
        rank = caller.draw.randrange(caller.stock.hashtags)
        yield caller.get(f"/api/hashtags/{hashtag(rank)}/posts/")


def _users(caller: Caller) -> Iterator[Request]:
    while True:
        yield caller.get(f"/api/users/{caller.draw.choice(caller.stock.user_ids)}/posts/")


def _popular(caller: Caller) -> Iterator[Request]:
    while True:
        yield caller.get("/api/popular_hashtags/")


def _favorites(caller: Caller) -> Iterator[Request]:
    while True:
        yield caller.get_of_first("/api/favorite_hashtags/posts/")


def _create(caller: Caller) -> Iterator[Request]:
    while True:
        yield caller.post(caller.zipf.names(2))


def _even(caller: Caller) -> Iterator[Request]:
    """Every hashtag is as likely as any other."""
    while True:
        yield caller.post(_evenly(caller, 2))


def _trend(caller: Caller) -> Iterator[Request]:
    """The same, but every other post carries one and the same hashtag."""
    while True:
        yield caller.post([hashtag(0), *_evenly(caller, 1)])
        yield caller.post(_evenly(caller, 2))


def _evenly(caller: Caller, count: int) -> list[str]:
    ranks = caller.draw.choices(range(caller.stock.hashtags), k=count)
    return [hashtag(rank) for rank in ranks]


def _mix(caller: Caller) -> Iterator[Request]:
    readings = [_posts_page(1).make(caller), _hashtags(caller), _users(caller)]
    creates = _create(caller)
    while True:
        for number in range(9):
            yield next(readings[number % 3])
        yield next(creates)


def _log_in(caller: Caller) -> Iterator[Request]:
    while True:
        yield caller.log_in()


SCENARIOS: Final = {
    each.name: each
    for each in (
        _posts_page(1),
        _posts_page(1_000),
        _posts_page(45_000),
        _hottest_page(1),
        _hottest_page(1_000),
        Scenario("hashtags", "any hashtag, page 1", _hashtags),
        Scenario("users", "any user, page 1", _users),
        Scenario("popular", "popular hashtags", _popular),
        Scenario("favorites", "50 favourites, page 1", _favorites),
        Scenario("create", "create, two hashtags", _create, writes=True),
        Scenario("even", "create, hashtags evenly spread", _even, writes=True),
        Scenario("trend", "create, half with one hashtag", _trend, writes=True),
        Scenario("mix", "90 % reads, 10 % creates", _mix, writes=True),
        Scenario("log-in", "log-in", _log_in, writes=True),
    )
}
