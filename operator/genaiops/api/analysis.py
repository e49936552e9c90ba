"""What is judged in a rollout, against which limits, and how much has to be seen first."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from genaiops.api.base import ApiModel, NonNegative, PositiveDuration, Rate
from genaiops.api.rules import Rule


class MetricName(StrEnum):
    """Metrics read from the data plane itself. All are shares of requests."""

    ERROR_RATE = "error-rate"
    LATENCY = "latency"
    GUARDRAIL_VIOLATION_RATE = "guardrail-violation-rate"


class Metric(ApiModel):
    """A share of requests, and how much of it is too much. Each limit that is set has to hold."""

    name: MetricName = Field(
        description="error-rate: requests answered with a server error. latency: requests slower than `threshold`. "
        "guardrail-violation-rate: requests in whose answer an output guardrail found something."
    )
    threshold: NonNegative | None = Field(
        default=None,
        description="latency: seconds above which a request is slow; taken up to the next bucket bound of the "
        "histogram (0.01 s × 2ⁿ, up to 81.92 s). Default 10.24.",
    )
    max: Rate | None = Field(default=None, description="The candidate's share must stay below this.")
    max_increase: Rate | None = Field(
        default=None,
        description="The candidate's share minus stable's must stay below this. Default 0.05 where `max` is absent.",
    )
    dry_run: bool = Field(default=False, description="Measure and show, never decide.")

    @Rule(
        # The threshold has no CEL type (it is a number or a string): dyn() asks only whether it is there.
        "self.name == 'latency' || !has(dyn(self).threshold)",
        "threshold: only latency has one; remove it, and limit a share with max or maxIncrease",
    )
    def threshold_only_for_latency(self) -> bool:
        return self.name is MetricName.LATENCY or self.threshold is None


class OnInconclusive(StrEnum):
    """What happens when maxDuration passes without a verdict."""

    PAUSE = "Pause"
    ABORT = "Abort"


class OnNoData(StrEnum):
    """What happens when maxDuration passes without one request to judge."""

    PAUSE = "Pause"
    ABORT = "Abort"
    CONTINUE = "Continue"


def _default_metrics() -> list[Metric]:
    return [Metric(name=name) for name in MetricName]


class Analysis(ApiModel):
    """Judging the candidate against stable on live traffic, at every weight anew."""

    interval: PositiveDuration = Field(default=timedelta(seconds=10), description="Time between two measurements.")
    metrics: list[Metric] = Field(
        default_factory=_default_metrics,
        max_length=16,
        description="What is judged; an empty list judges nothing.",
    )
    min_samples: int = Field(default=30, ge=1, le=1_000_000, description="Candidate requests before any verdict.")
    max_duration: PositiveDuration = Field(
        default=timedelta(minutes=30),
        description="Time at one weight without a verdict before onInconclusive.",
    )
    alpha: Rate = Field(
        default=Decimal("0.05"),
        description="Chance, over a whole rollout and however often one looks, that a candidate within its limits is "
        "aborted.",
    )
    on_inconclusive: OnInconclusive = Field(
        default=OnInconclusive.PAUSE, description="At maxDuration without a verdict. It is never a pass."
    )
    on_no_data: OnNoData = Field(default=OnNoData.PAUSE, description="At maxDuration without a single request.")
    max_consecutive_errors: int = Field(
        default=5, ge=1, le=1000, description="Failed measurements in a row before the rollout is aborted."
    )

    @Rule(
        "duration(self.maxDuration) >= duration(self.interval)",
        "maxDuration: shorter than interval, so nothing would be measured in it; make it longer or interval shorter",
    )
    def measures_within_max_duration(self) -> bool:
        return self.max_duration >= self.interval

    @Rule(
        "self.metrics.all(metric, metric.name == 'latency' || "
        "self.metrics.exists_one(other, other.name == metric.name))",
        "metrics: only latency may be there twice, with different thresholds; remove the one too many",
    )
    def metrics_are_unique(self) -> bool:
        names = [metric.name for metric in self.metrics if metric.name is not MetricName.LATENCY]
        return len(names) == len(set(names))

    @Rule(
        "self.metrics.all(metric, metric.name != 'latency' || self.metrics.exists_one(other, "
        "other.name == 'latency' && (has(dyn(metric).threshold) ? has(dyn(other).threshold) && "
        "dyn(other).threshold == dyn(metric).threshold : !has(dyn(other).threshold))))",
        "metrics: two latency metrics have the same threshold; remove one or give it another threshold",
    )
    def latency_thresholds_are_unique(self) -> bool:
        thresholds = [metric.threshold for metric in self.metrics if metric.name is MetricName.LATENCY]
        return len(thresholds) == len(set(thresholds))
