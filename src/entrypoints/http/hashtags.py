"""What hashtags are used."""

from litestar import Controller, get

from hashpost.application.hashtags import PopularHashtags
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.auth import authenticated
from hashpost.entrypoints.http.openapi import POPULAR_LIMIT, Documented, documented
from hashpost.entrypoints.http.queries import read_limit
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.schemas import HashtagCountAnswer, encoded, present_counts


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
        limit = read_limit(request.query_string)
        counts = await request.service.popular_hashtags(request.auth, limit=limit)
        return Answer(200, encoded(present_counts(counts)))
