"""Whether it runs, whether it can serve, and what is measured of it."""

from litestar import Controller, get

from hashpost.domain.errors import Unavailable
from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.metrics import CONTENT_TYPE, Metrics
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


class Monitoring(Controller):
    """For whoever watches over many processes."""

    path = "/metrics"
    tags = ("health",)
    opt = ALWAYS_SERVED

    @get(
        opt=documented(
            "What is measured",
            Documented(200, "text/plain", "Metrics in the text format of Prometheus."),
        ),
    )
    async def metrics(self, request: Call) -> Answer:
        """Requests that this process answered, and what the storage tells of messages.

        A storage that is away does not stand against it: `hashpost_storage_up` is 0 then.
        """
        metrics: Metrics = request.app.state.metrics
        return Answer(200, await metrics.text(request.service), (), CONTENT_TYPE)
