"""What hashtags are used, and which there are in a text."""

from functools import partial

from litestar import Controller, get, post

from hashpost.application.hashtags import (
    CompleteHashtags,
    ExtractHashtags,
    PopularHashtags,
    TrendingHashtags,
)
from hashpost.domain.popularity import POPULAR_LIMIT as POPULAR_LIMIT_DEFAULT
from hashpost.domain.trend import TRENDING_LIMIT as TRENDING_LIMIT_DEFAULT
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import (
    COMPLETION_LIMIT,
    ETAG,
    POPULAR_LIMIT,
    PREFIX,
    TRENDING_LIMIT,
    Documented,
    documented,
)
from hashpost.entrypoints.http.queries import read_completion, read_limit
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.schemas import (
    ExtractHashtagsBody,
    HashtagAnswer,
    HashtagCountAnswer,
    TrendingHashtagAnswer,
    encoded,
    present_counts,
    present_hashtags,
    present_trending,
)


class Hashtags(Controller):
    """Hashtags: rankings, completion, and what a text has of them."""

    path = "/api"
    tags = ("hashtags",)
    before_request = staticmethod(authenticated)

    @get(
        "/popular_hashtags",
        opt=documented(
            "Rank the hashtags",
            Documented(200, list[HashtagCountAnswer], "Most used first.", headers=(ETAG,)),
            use_case=PopularHashtags,
            query=[POPULAR_LIMIT],
        ),
    )
    async def popular(self, request: Call) -> Answer:
        """Rank the hashtags."""
        limit = read_limit(request.query_string, default=POPULAR_LIMIT_DEFAULT)
        counts = await request.service.popular_hashtags(request.auth, limit=limit)
        return request.unless_known(Answer(200, encoded(present_counts(counts))))

    @get(
        "/trending_hashtags",
        opt=documented(
            "Rank the hashtags that are on the rise",
            Documented(200, list[TrendingHashtagAnswer], "Highest score first.", headers=(ETAG,)),
            use_case=TrendingHashtags,
            query=[TRENDING_LIMIT],
        ),
    )
    async def trending(self, request: Call) -> Answer:
        """Rank the hashtags that are on the rise."""
        limit = read_limit(request.query_string, default=TRENDING_LIMIT_DEFAULT)
        hashtags = await request.service.trending_hashtags(request.auth, limit=limit)
        return request.unless_known(Answer(200, encoded(present_trending(hashtags))))

    @get(
        "/hashtags",
        opt=documented(
            "Complete a hashtag",
            Documented(200, list[HashtagCountAnswer], "Most used first.", headers=(ETAG,)),
            use_case=CompleteHashtags,
            query=[PREFIX, COMPLETION_LIMIT],
        ),
    )
    async def complete(self, request: Call) -> Answer:
        """Complete a hashtag."""
        complete_hashtags = request.service.complete_hashtags
        wanted = read_completion(request.query_string, faults=complete_hashtags.faults)
        counts = await complete_hashtags(request.auth, wanted.prefix, limit=wanted.limit)
        return request.unless_known(Answer(200, encoded(present_counts(counts))))

    @post(
        "/hashtags/extract",
        opt=documented(
            "Find the hashtags in a text",
            Documented(200, list[HashtagAnswer], "Every occurrence, in the order of the text."),
            use_case=ExtractHashtags,
            body=ExtractHashtagsBody,
        ),
    )
    async def extract(self, request: Call) -> Answer:
        """Find the hashtags in a text."""
        extract_hashtags, key = request.service.extract_hashtags, request.idempotency_key
        faults = partial(extract_hashtags.faults, idempotency_key=key)
        body = await request.read(ExtractHashtagsBody, faults=faults)
        found = await extract_hashtags(request.auth, body.text, idempotency_key=key)
        return Answer(200, encoded(present_hashtags(found)))
