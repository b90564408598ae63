"""Whether it runs, and whether it can serve."""

from litestar import Controller, get

from hashpost.domain.errors import Unavailable
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.openapi import Documented, documented
from hashpost.entrypoints.http.requests import Call
from hashpost.entrypoints.http.routing import ALWAYS_SERVED
from hashpost.entrypoints.http.schemas import HealthAnswer, encoded


class Health(Controller):
    """For whoever watches over the process."""

    path = "/health"
    tags = ("health",)
    opt = ALWAYS_SERVED

    @get(
        "/live",
        opt=documented(
            "Whether the process runs",
            Documented(200, HealthAnswer, "It does."),
        ),
    )
    async def live(self) -> Answer:
        """The process runs and answers. If it does not, start it anew."""
        return Answer(200, encoded(HealthAnswer()))

    @get(
        "/ready",
        opt=documented(
            "Whether requests can be served",
            Documented(200, HealthAnswer, "They can."),
            errors=[Unavailable],
        ),
    )
    async def ready(self, request: Call) -> Answer:
        """The storage answers. If it does not, send no requests here for now."""
        await request.service.check_readiness()
        return Answer(200, encoded(HealthAnswer()))
