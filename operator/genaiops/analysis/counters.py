"""What a pod has counted since its process began, from the Prometheus text its runtime exposes."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from genaiops.api.analysis import Metric, MetricName
from genaiops.api.base import format_duration
from genaiops.api.llmapp_status import Arm, PodCounters

_REQUESTS: Final = "gen_ai_server_request_duration_seconds"
_FIRST_TOKENS: Final = "gen_ai_server_time_to_first_token_seconds"
_TOKENS: Final = "genaiops_request_tokens"
_COSTS: Final = "genaiops_request_cost"
_IN_FLIGHT: Final = "genaiops_requests_in_flight"
_PROCESS_START: Final = "process_start_time_seconds"

_ANSWERED, _CLIENT_ERROR = "", "client_error"


def _round_numbers(least: int, most: int) -> tuple[Decimal, ...]:
    """1, 2, 5, 10, 20, 50, … from 10^least to 5 × 10^most."""
    return tuple(Decimal(digit).scaleb(power) for power in range(least, most + 1) for digit in (1, 2, 5))


class _Above(NamedTuple):
    """A metric that is the share of a histogram above a threshold."""

    family: str
    bounds: tuple[Decimal, ...]
    default: Decimal | None
    unit: str


_ABOVE: Final = {
    MetricName.LATENCY: _Above(
        _REQUESTS, tuple(Decimal("0.01") * 2**n for n in range(14)), default=Decimal("10.24"), unit=" s"
    ),
    MetricName.TIME_TO_FIRST_TOKEN: _Above(
        _FIRST_TOKENS,
        tuple(Decimal(n) / 1000 for n in (1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000)),
        default=Decimal("2.5"),
        unit=" s",
    ),
    MetricName.TOKENS_PER_REQUEST: _Above(_TOKENS, (*_round_numbers(0, 5), Decimal(10**6)), None, unit=" tokens"),
    MetricName.COST_PER_REQUEST: _Above(_COSTS, (*_round_numbers(-6, 1), Decimal(100)), None, unit=""),
}


class _Labelled(NamedTuple):
    """A metric that is the share of a counter with one value of a label."""

    family: str
    label: str
    hit: str
    miss: str
    of_releases: bool = False
    """Whether others than the release's own pods count it, each series with a label `release`."""


_LABELLED: Final = {
    MetricName.GUARDRAIL_VIOLATION_RATE: _Labelled("genaiops_answers_total", "violated", "true", "false"),
    MetricName.GUARDRAIL_BLOCK_RATE: _Labelled("genaiops_guarded_requests_total", "blocked", "true", "false"),
    MetricName.NEGATIVE_FEEDBACK_RATE: _Labelled("genaiops_feedback_total", "rating", "down", "up", of_releases=True),
    MetricName.DEFECT_RATE: _Labelled("genaiops_sampled_answers_total", "defect", "true", "false", of_releases=True),
}


class CountersError(ValueError):
    """A text that can't be counted from. The message names the series and what is wrong with it."""


def bound_of(metric: Metric) -> Decimal | None:
    """The bucket bound above which a request counts: the metric's threshold or the next bound above it.

    A threshold beyond the last bound is returned as it is; `read_counters` refuses it. None where a metric has none.
    """
    above = _above(metric)
    threshold = above.default if above and metric.threshold is None else metric.threshold
    if above is None or threshold is None:
        return None
    return next((bound for bound in above.bounds if bound >= threshold), threshold)


def unit_of(metric: Metric) -> str:
    """What a threshold is counted in, as it stands behind the number."""
    above = _above(metric)
    return above.unit if above else ""


def measure(metric: Metric) -> str:
    """The name under which a metric is counted: metrics that count the same have the same (``latency@10.24``)."""
    bound = bound_of(metric)
    name = metric.name if bound is None else f"{metric.name}@{bound:f}"
    name = f"{name}:{metric.evaluator}" if metric.evaluator else name
    return f"{name}+{format_duration(metric.initial_delay)}" if metric.initial_delay else name


def counted_elsewhere(metric: Metric) -> bool:
    """Whether pods of other releases, or of none, count it too: somebody rates an answer of a release that they don't
    belong to, a collector judges the answers of all."""
    labelled = None if metric.provided else _LABELLED.get(MetricName(metric.name))
    return labelled is not None and labelled.of_releases


def read_counters(text: str, metrics: Iterable[Metric], release: str = "", *, own: bool = True) -> PodCounters:
    """One pod's counters for these metrics of the data plane, by `measure`.

    A series that names a release counts for that `release` only; any other for the pod's `own`.
    A series that is not there counts 0: Prometheus clients show a labelled series from its first event on.
    Raises CountersError for what no honest counter shows (NaN, infinite, negative, a share of a request, the same
    series twice, a bucket below a smaller one) and for a threshold beyond the histogram.
    """
    read = _read(text, release, own)
    counted, waiting = {}, {}
    for metric in metrics:
        counted[measure(metric)] = _count(metric, read)
        if metric.name == MetricName.LATENCY and (requests := read.in_flight[_bound_within(metric)]):
            waiting[measure(metric)] = requests
    return PodCounters(process_started=read.process_started, metrics=counted, waiting=waiting)


def _count(metric: Metric, read: "_Exposition") -> Arm:
    if labelled := _LABELLED.get(MetricName(metric.name)):
        found = [one for one in read.labelled[labelled.family] if one.labels.get("evaluator") == metric.evaluator]
        hits = sum(one.whole() for one in found if one.labels[labelled.label] == labelled.hit)
        return Arm(samples=sum(one.whole() for one in found), hits=hits)
    if metric.name == MetricName.ERROR_RATE:
        # A caller's own mistake says nothing of the release.
        requests = [one for one in read.histograms[_REQUESTS] if one.error_type != _CLIENT_ERROR]
        samples = sum(one.count for one in requests)
        return Arm(samples=samples, hits=sum(one.count for one in requests if one.error_type != _ANSWERED))
    bound = _bound_within(metric)
    histograms = read.histograms[_ABOVE[MetricName(metric.name)].family]
    hits = sum(one.above(bound) for one in histograms)
    # Nor does it say that the release was fast. But a caller who went away after so long has seen that it was slow.
    told = sum(one.count if one.error_type != _CLIENT_ERROR else one.above(bound) for one in histograms)
    return Arm(samples=told, hits=hits)


def _bound_within(metric: Metric) -> float:
    above, bound = _above(metric), bound_of(metric)
    assert above is not None
    assert bound is not None, "the API has no such metric without a threshold"
    if bound > above.bounds[-1]:
        raise CountersError(
            f"{metric.name}: threshold {bound}{above.unit} is above the histogram's last bound: "
            f"use at most {above.bounds[-1]}"
        )
    return float(bound)


def _above(metric: Metric) -> _Above | None:
    return None if metric.provided else _ABOVE.get(MetricName(metric.name))


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
class _Histogram:
    """One histogram: of requests, those of one error type."""

    family: str
    labels: Mapping[str, str]
    count: int = 0
    buckets: dict[float, int] = field(default_factory=dict)
    """How many were at most so much."""

    @property
    def error_type(self) -> str:
        return self.labels.get("error_type", _ANSWERED)

    def above(self, bound: float) -> int:
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
        return str(_Sample(self.family, self.labels, self.count))


@dataclass
class _Exposition:
    histograms: dict[str, list[_Histogram]]
    """By family."""
    labelled: dict[str, list[_Sample]]
    """By family."""
    in_flight: defaultdict[float, int]
    """Requests that have not ended, by the seconds they are older than."""
    process_started: int | None
    """Milliseconds since 1970; None where the runtime does not tell."""


_LABELS: Final = {labelled.family: labelled for labelled in _LABELLED.values()}
_FAMILIES: Final = [above.family for above in _ABOVE.values()]
_HISTOGRAM: Final = {f"{family}_{part}": family for family in _FAMILIES for part in ("count", "bucket")}
_WANTED: Final = (*_LABELS, *_FAMILIES, _IN_FLIGHT, _PROCESS_START)


def _read(text: str, release: str, own: bool) -> _Exposition:
    histograms: dict[tuple[str, frozenset[tuple[str, str]]], _Histogram] = {}
    labelled: dict[str, list[_Sample]] = {one.family: [] for one in _LABELLED.values()}
    in_flight: defaultdict[float, int] = defaultdict(int)
    process_started = None
    for sample in _samples(text):
        one = _LABELS.get(sample.name)
        if one:
            value = sample.labels.get(one.label, "")
            if value not in (one.hit, one.miss):
                raise CountersError(f'{sample}: the label {one.label} is "{value}", not "{one.hit}" or "{one.miss}"')
            if sample.whole() and (sample.labels["release"] == release if "release" in sample.labels else own):
                labelled[one.family].append(sample)
        elif sample.name == _PROCESS_START:
            process_started = sample.whole(unit=0.001)
        elif not own:
            continue
        elif sample.name == _IN_FLIGHT:
            in_flight[_number(sample, "older_than")] = sample.whole()
        elif family := _HISTOGRAM.get(sample.name):
            labels = {name: value for name, value in sample.labels.items() if name != "le"}
            histogram = histograms.setdefault((family, frozenset(labels.items())), _Histogram(family, labels))
            if "le" in sample.labels:
                histogram.buckets[_number(sample, "le")] = sample.whole()
            else:
                histogram.count = sample.whole()
    by_family: dict[str, list[_Histogram]] = {family: [] for family in _FAMILIES}
    for histogram in histograms.values():
        histogram.check()
        by_family[histogram.family].append(histogram)
    return _Exposition(by_family, labelled, in_flight, process_started)


def _number(sample: _Sample, label: str) -> float:
    try:
        return float(sample.labels.get(label, ""))
    except ValueError as error:
        raise CountersError(f"{sample}: the label {label} is not a number") from error


def _samples(text: str) -> Iterator[_Sample]:
    # Only the lines that matter are parsed: nonsense in other series is no reason to measure nothing.
    wanted = (line for line in text.split("\n") if line.startswith(_WANTED))
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
