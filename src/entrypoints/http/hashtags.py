"""What hashtags are used."""

from litestar import Controller, get

from hashpost.application.hashtags import PopularHashtags, TrendingHashtags
from hashpost.domain.popularity import POPULAR_LIMIT as POPULAR_LIMIT_DEFAULT
from hashpost.domain.trend import TRENDING_LIMIT as TRENDING_LIMIT_DEFAULT
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import (
    POPULAR_LIMIT,
    TRENDING_LIMIT,
    Documented,
    documented,
)
from hashpost.entrypoints.http.queries import read_limit
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.schemas import (
    HashtagCountAnswer,
    TrendingHashtagAnswer,
    encoded,
    present_counts,
    present_trending,
)


class Hashtags(Controller):
    """Rankings of hashtags."""

    path = "/api"
    tags = ("hashtags",)
    guards = (authenticated,)

    @get(
        "/popular_hashtags",
        opt=documented(
            "Rank the hashtags",
            Documented(200, list[HashtagCountAnswer], "Most used first."),
            use_case=PopularHashtags,
            query=[POPULAR_LIMIT],
        ),
    )
    async def popular(self, request: Call) -> Answer:
        """Rank the hashtags."""
        limit = read_limit(request.query_string, default=POPULAR_LIMIT_DEFAULT)
        counts = await request.service.popular_hashtags(request.auth, limit=limit)
        return Answer(200, encoded(present_counts(counts)))

    @get(
        "/trending_hashtags",
        opt=documented(
            "Rank the hashtags that are on the rise",
            Documented(200, list[TrendingHashtagAnswer], "Highest score first."),
            use_case=TrendingHashtags,
            query=[TRENDING_LIMIT],
        ),
    )
    async def trending(self, request: Call) -> Answer:
        """Rank the hashtags that are on the rise."""
        limit = read_limit(request.query_string, default=TRENDING_LIMIT_DEFAULT)
        hashtags = await request.service.trending_hashtags(request.auth, limit=limit)
        return Answer(200, encoded(present_trending(hashtags)))
