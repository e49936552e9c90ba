"""Requests that have not ended, by how long they have been under way.

A histogram shows a request when it ends. One that hangs is shown here, so that nobody takes silence for health.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class InFlight(Collector):
    """Chat completions under way. `bounds`: seconds by which they are told apart."""

    def __init__(self, bounds: Iterable[float]) -> None:
        self._bounds = (0.0, *bounds)
        self._started: dict[object, float] = {}

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """For the time of one request."""
        request = object()
        self._started[request] = perf_counter()
        try:
            yield
        finally:
            del self._started[request]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge per bound."""
        # Another thread serves the metrics: the list of the values is made in one go.
        now, started = perf_counter(), list(self._started.values())
        family = GaugeMetricFamily(
            "genaiops_requests_in_flight",
            "Chat completions that have not ended, by the seconds that they are older than.",
            labels=["older_than"],
        )
        for bound in self._bounds:
            family.add_metric([str(bound)], sum(now - begun >= bound for begun in started))
        yield family
