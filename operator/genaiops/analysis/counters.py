"""What a pod has counted since its process began, from the Prometheus text its runtime exposes."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from genaiops.api.analysis import Metric, MetricName
from genaiops.api.llmapp_status import Arm, PodCounters

LATENCY_BOUNDS = tuple(Decimal("0.01") * 2**n for n in range(14))
"""Upper bounds of the runtime's latency buckets, seconds."""
DEFAULT_LATENCY_THRESHOLD = Decimal("10.24")

_REQUESTS = "gen_ai_server_request_duration_seconds"
_ANSWERS = "genaiops_answers_total"
_PROCESS_START = "process_start_time_seconds"

_ANSWERED, _CLIENT_ERROR = "", "client_error"


class CountersError(ValueError):
    """A text that can't be counted from. The message names the series and what is wrong with it."""


def latency_bound(metric: Metric) -> Decimal:
    """The bucket bound, in seconds, above which a request is slow: the metric's threshold or the next bound above it.

    A threshold beyond the last bound is returned as it is; `read_counters` refuses it.
    """
    threshold = DEFAULT_LATENCY_THRESHOLD if metric.threshold is None else metric.threshold
    return next((bound for bound in LATENCY_BOUNDS if bound >= threshold), threshold)


def measure(metric: Metric) -> str:
    """The name under which a metric is counted: metrics that count the same have the same (``latency@10.24``)."""
    return f"{metric.name}@{latency_bound(metric)}" if metric.name is MetricName.LATENCY else str(metric.name)


def read_counters(text: str, metrics: Iterable[Metric]) -> PodCounters:
    """One pod's counters for these metrics, by `measure`.

    A series that is not there counts 0: Prometheus clients show a labelled series from its first event on.
    Raises CountersError for what no honest counter shows (NaN, infinite, negative, a share of a request, the same
    series twice, a bucket below a smaller one) and for a latency threshold beyond the histogram.
    """
    read = _read(text)
    return PodCounters(
        process_started=read.process_started,
        metrics={measure(metric): _count(metric, read) for metric in metrics},
    )


def _count(metric: Metric, read: "_Exposition") -> Arm:
    if metric.name is MetricName.GUARDRAIL_VIOLATION_RATE:
        return Arm(samples=sum(read.answers.values()), hits=read.answers["true"])
    # A caller's own mistake says nothing of the release.
    requests = [one for one in read.requests if one.error_type != _CLIENT_ERROR]
    samples = sum(one.count for one in requests)
    if metric.name is MetricName.ERROR_RATE:
        return Arm(samples=samples, hits=sum(one.count for one in requests if one.error_type != _ANSWERED))
    bound = latency_bound(metric)
    if bound > LATENCY_BOUNDS[-1]:
        raise CountersError(
            f"latency: threshold {bound} s is above the histogram's last bound: use at most {LATENCY_BOUNDS[-1]}"
        )
    return Arm(samples=samples, hits=sum(one.slower_than(float(bound)) for one in requests))


# --- the text ----------------------------------------------------------------------------------------------


class _Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float

    def whole(self, unit: float = 1) -> int:
        """The value in this unit. Raises CountersError where it is no count of anything."""
        value = self.value / unit
        if not (math.isfinite(value) and value >= 0 and (unit < 1 or value.is_integer())):
            raise CountersError(f"{self} is {self.value}: a counter is a whole number from 0 up")
        return int(value)

    def __str__(self) -> str:
        labels = ",".join(f'{name}="{value}"' for name, value in self.labels.items())
        return f"{self.name}{{{labels}}}" if labels else self.name


@dataclass
class _Requests:
    """One latency histogram: the requests of one error type."""

    labels: Mapping[str, str]
    count: int = 0
    buckets: dict[float, int] = field(default_factory=dict)
    """Requests that took at most so many seconds."""

    @property
    def error_type(self) -> str:
        return self.labels.get("error_type", _ANSWERED)

    def slower_than(self, bound: float) -> int:
        if bound not in self.buckets:
            raise CountersError(f'{self} has no bucket le="{bound}": the runtime counts with other bounds')
        return self.count - self.buckets[bound]

    def check(self) -> None:
        """Raise CountersError unless the buckets rise and end at the count."""
        least = 0
        for bound, count in sorted(self.buckets.items()):
            if count < least:
                raise CountersError(f'{self}: bucket le="{bound}" has {count}, fewer than the {least} of the one below')
            least = count
        if self.buckets.get(math.inf) != self.count:
            raise CountersError(f'{self}: bucket le="+Inf" has {self.buckets.get(math.inf)}, _count has {self.count}')

    def __str__(self) -> str:
        return str(_Sample(_REQUESTS, self.labels, self.count))


@dataclass
class _Exposition:
    requests: list[_Requests]
    answers: dict[str, int]
    """By the label `violated`: ``true`` or ``false``."""
    process_started: int | None
    """Milliseconds since 1970; None where the runtime does not tell."""


def _read(text: str) -> _Exposition:
    requests: dict[frozenset[tuple[str, str]], _Requests] = {}
    answers = {"true": 0, "false": 0}
    process_started = None
    for sample in _samples(text):
        if sample.name == _ANSWERS:
            violated = sample.labels.get("violated", "")
            if violated not in answers:
                raise CountersError(f'{sample}: the label violated is "{violated}", not "true" or "false"')
            answers[violated] += sample.whole()
        elif sample.name == _PROCESS_START:
            process_started = sample.whole(unit=0.001)
        elif sample.name in (f"{_REQUESTS}_count", f"{_REQUESTS}_bucket"):
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            one = requests.setdefault(frozenset(labels.items()), _Requests(labels))
            if "le" in sample.labels:
                one.buckets[_bound(sample)] = sample.whole()
            else:
                one.count = sample.whole()
    for one in requests.values():
        one.check()
    return _Exposition(list(requests.values()), answers, process_started)


def _bound(sample: _Sample) -> float:
    try:
        return float(sample.labels["le"])
    except ValueError as error:
        raise CountersError(f"{sample}: the label le is not a number of seconds") from error


def _samples(text: str) -> Iterator[_Sample]:
    # Only the lines that matter are parsed: nonsense in other series is no reason to measure nothing.
    wanted = (line for line in text.split("\n") if line.startswith((_REQUESTS, _ANSWERS, _PROCESS_START)))
    seen = set()
    for line in wanted:
        try:
            samples = [sample for family in text_string_to_metric_families(line) for sample in family.samples]
        except ValueError as error:
            raise CountersError(f"{line[:200]!r} is not in the Prometheus text format: {error}") from error
        for name, labels, value, *_ in samples:
            series = (name, frozenset(labels.items()))
            if series in seen:
                raise CountersError(f"{_Sample(name, labels, value)} is there twice")
            seen.add(series)
            yield _Sample(name, labels, value)
