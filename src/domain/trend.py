"""Trending hashtags: those that many more people use today than did yesterday.

The chi-squared statistic of today's users against yesterday's, kept at its peak and halved as time
goes by, as in Mastodon's `Trends::Tags`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hashpost.domain.ids import first_id_at, start_of_day

THRESHOLD = 5
HALF_LIFE = timedelta(hours=4)
KEPT_FOR = timedelta(days=2)
SCORE_MIN = 1.0
TRENDING_LIMIT = 10
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Usage:
    """How many different users wrote a live post with a hashtag, today and yesterday (UTC)."""

    name: str
    users_today: int
    users_yesterday: int

    def score(self, *, threshold: int) -> float:
        """How far today goes beyond what yesterday let expect; 0 if it does not."""
        expected = max(1, self.users_yesterday)
        observed = self.users_today
        if observed < threshold or observed < expected:
            return 0.0
        return (observed - expected) ** 2 / expected


@dataclass(frozen=True, slots=True)
class Trend:
    """A hashtag with the peak of its score, and its usage when it was last scored."""

    usage: Usage
    peak: float
    peaked_at: datetime

    @property
    def name(self) -> str:
        """The key of the hashtag."""
        return self.usage.name

    def score(self, *, at: datetime) -> float:
        """What is left of the peak: half of it every four hours, nothing after two days."""
        age = max(at - self.peaked_at, timedelta(0))
        return 0.0 if age >= KEPT_FOR else self.peak * 0.5 ** (age / HALF_LIFE)

    def is_over(self, *, at: datetime) -> bool:
        """Whether too little of it is left to be a trend."""
        return self.score(at=at) < SCORE_MIN


@dataclass(frozen=True, slots=True)
class TrendingHashtag:
    """A trending hashtag as it is answered; `count` is the number of its live posts."""

    name: str
    count: int
    score: float
    users_today: int
    users_yesterday: int


def day_of(at: datetime) -> tuple[int, int]:
    """The ids of that moment's day in UTC: from the first on, and up to, but not with, the last."""
    start = start_of_day(at)
    return first_id_at(start), first_id_at(start + DAY)


def scored(
    before: Iterable[Trend], usages: Iterable[Usage], *, threshold: int, at: datetime
) -> tuple[Trend, ...]:
    """The trends of this moment, by name: higher scores become the peak, those that are over go.

    A hashtag of an earlier trend must have its usage among `usages`, or it counts as unused.
    """
    known = {trend.name: trend for trend in before if at - trend.peaked_at < KEPT_FOR}
    used = {usage.name: usage for usage in usages}
    trends = []
    for name in sorted(known.keys() | used.keys()):
        usage = used.get(name, Usage(name, 0, 0))
        score, old = usage.score(threshold=threshold), known.get(name)
        if old is None or score > old.peak:
            trend = Trend(usage, score, at)
        else:
            trend = Trend(usage, old.peak, old.peaked_at)
        if not trend.is_over(at=at):
            trends.append(trend)
    return tuple(trends)


def ranked(
    trends: Iterable[Trend], counts: Mapping[str, int], *, limit: int, at: datetime
) -> tuple[TrendingHashtag, ...]:
    """The trends of this moment with the highest scores, ties by name; `counts` as of now."""
    alive = [trend for trend in trends if not trend.is_over(at=at)]
    alive.sort(key=lambda trend: (-trend.score(at=at), trend.name))
    return tuple(
        TrendingHashtag(
            name=trend.name,
            count=counts.get(trend.name, 0),
            score=round(trend.score(at=at), 3),
            users_today=trend.usage.users_today,
            users_yesterday=trend.usage.users_yesterday,
        )
        for trend in alive[:limit]
    )
