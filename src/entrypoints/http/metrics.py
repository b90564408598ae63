"""What is measured, for Prometheus."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from hashpost.application.periodic import SELF_CHECK
from hashpost.application.ports import MessageCount
from hashpost.application.service import Service
from hashpost.domain.errors import Unavailable
from hashpost.domain.message import OPEN, State
from hashpost.entrypoints.http.gate import Gate

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4.encode()
UNMATCHED: Final = "unmatched"
"""The route of requests for which there is none."""

_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NUMBER: Final = re.compile(r"[0-9]+", re.ASCII)


class Metrics:
    """What one process has measured since it began to serve.

    The registry is its own: the library's is one for the whole process, and would count several
    applications in it as one. `storage_seconds` is how long the storage may take to tell what is
    in it.
    """

    def __init__(self, *, storage_seconds: float = 1.0) -> None:
        self._storage_seconds = storage_seconds
        self._registry = CollectorRegistry()
        requests = Counter(
            "hashpost_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        seconds = Histogram(
            "hashpost_http_request_duration_seconds",
            "Time from a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        in_flight = Gauge(
            "hashpost_http_requests_in_flight",
            "Requests that are being worked on, this one too.",
            registry=self._registry,
        )
        self._in_flight = 0
        in_flight.set_function(lambda: self._in_flight)
        # The library would take a lock to find a series, and make texts of its labels.
        self._counter_of = cache(requests.labels)
        self._histogram_of = cache(seconds.labels)
        self._gates: Mapping[str, Gate] = {}

    def watch(self, gates: Mapping[str, Gate]) -> None:
        """Tell of these gates from now on, by their names."""
        self._gates = gates

    def began(self) -> None:
        """Note that a request has begun."""
        self._in_flight += 1

    def ended(self) -> None:
        """Note that nothing of a request that had begun is left to do."""
        self._in_flight -= 1

    def answered(self, *, method: str, route: str | None, status: int, seconds: float) -> None:
        """Note an answer, by the template of its route; None where there is none."""
        # A method may be any word that a caller thinks of, and each would be a series of its own.
        name = method if method in _METHODS else "other"
        self._counter_of(name, route or UNMATCHED, status).inc()
        self._histogram_of(route or UNMATCHED).observe(seconds)

    async def text(self, service: Service) -> bytes:
        """All of it, and what the storage of the service tells, as Prometheus reads it."""
        stored = await _within(self._storage_seconds, service)
        return generate_latest(_Families([*self._measured(), *_waiting(self._gates), *stored]))

    def _measured(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            # When a series began is of no use to anybody, and doubles their number.
            family.samples = [each for each in family.samples if not each.name.endswith("_created")]
            yield family


def _waiting(gates: Mapping[str, Gate]) -> list[Metric]:
    labels = ("gate", "line")
    waiting = GaugeMetricFamily(
        "hashpost_http_requests_waiting", "Requests that wait for others to be done.", labels=labels
    )
    turned_away = CounterMetricFamily(
        "hashpost_http_requests_turned_away",
        "Requests that were not worked on, because too much was asked at once.",
        labels=labels,
    )
    for name, gate in gates.items():
        for line_name, line in (("reads", gate.reads), ("writes", gate.writes)):
            waiting.add_metric((name, line_name), len(line.waiting))
            turned_away.add_metric((name, line_name), line.turned_away)
    return [waiting, turned_away]


class _Families:
    """Metrics that are there already, as something that collects them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Them."""
        return self._families


async def _within(seconds: float, service: Service) -> list[Metric]:
    """What the storage tells in that time, or that it is away.

    A storage that hangs may take its time to be cancelled, too: nobody waits for that.
    """
    reading = asyncio.create_task(_stored(service))
    reading.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        await asyncio.wait({reading}, timeout=seconds)
        return reading.result() if reading.done() else [_storage_up(0)]
    except Unavailable:
        return [_storage_up(0)]
    finally:
        reading.cancel()


async def _stored(service: Service) -> list[Metric]:
    counts = await service.list_messages.counts()
    checks = await service.list_messages(state=State.DONE, job=SELF_CHECK, limit=1)
    uncounted = await service.check_storage.uncounted()
    now = service.sweep_outbox.clock()
    differences = (_NUMBER.match(check.outcome or "") for check in checks)
    return [
        _storage_up(1),
        _messages(counts),
        _oldest(counts, now),
        _uncounted(uncounted),
        *(_check_differences(int(number[0])) for number in differences if number),
    ]


def _storage_up(value: int) -> Metric:
    return GaugeMetricFamily("hashpost_storage_up", "Whether the storage answers.", value)


def _uncounted(value: int) -> Metric:
    return GaugeMetricFamily(
        "hashpost_uncounted",
        "Posts and changes that the next roll-up counts in, and every reader until then.",
        value,
    )


def _messages(counts: Iterable[MessageCount]) -> Metric:
    family = GaugeMetricFamily(
        "hashpost_messages", "Messages in the outbox.", labels=("job", "state")
    )
    for each in counts:
        family.add_metric((each.job, each.state), each.count)
    return family


def _oldest(counts: Iterable[MessageCount], now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "hashpost_oldest_message_seconds",
        "Age of the oldest message in a state in which it is yet to be done; 0 without one.",
        labels=("state",),
    )
    for state in OPEN:
        made = min((each.oldest for each in counts if each.state is state), default=now)
        family.add_metric((state,), max((now - made).total_seconds(), 0.0))
    return family


def _check_differences(value: int) -> Metric:
    return GaugeMetricFamily(
        "hashpost_check_differences", "Differences that the last self-check found.", value
    )
