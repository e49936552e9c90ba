"""What is judged in a rollout, against which limits, and how much has to be seen first."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from genaiops.api.base import ApiModel, Duration, Name, NonNegative, PositiveDuration, Rate, Signed
from genaiops.api.providers import JobProvider, Prometheus, Webhook
from genaiops.api.rules import Rule


class MetricName(StrEnum):
    """Metrics read from the data plane itself. All are shares: of requests, answers or ratings."""

    ERROR_RATE = "error-rate"
    LATENCY = "latency"
    TIME_TO_FIRST_TOKEN = "time-to-first-token"
    GUARDRAIL_VIOLATION_RATE = "guardrail-violation-rate"
    GUARDRAIL_BLOCK_RATE = "guardrail-block-rate"
    NEGATIVE_FEEDBACK_RATE = "negative-feedback-rate"
    TOKENS_PER_REQUEST = "tokens-per-request"
    COST_PER_REQUEST = "cost-per-request"
    DEFECT_RATE = "defect-rate"


ABOVE_THRESHOLD: Final = (
    MetricName.LATENCY,
    MetricName.TIME_TO_FIRST_TOKEN,
    MetricName.TOKENS_PER_REQUEST,
    MetricName.COST_PER_REQUEST,
)
"""Metrics that are the share above a threshold."""
_WITHOUT_DEFAULT: Final = ABOVE_THRESHOLD[2:]


def _cel(names: tuple[MetricName, ...]) -> str:
    return f"[{', '.join(repr(name.value) for name in names)}]"


_PROVIDED: Final = "(has(self.prometheus) || has(self.webhook) || has(self.job))"


class Metric(ApiModel):
    """What is measured, and how much of it is too much. Each limit that is set has to hold.

    Either a metric of the data plane, known by its name, or one of your own with a name of your own and exactly one of
    `prometheus`, `webhook` and `job`.
    """

    name: Name = Field(
        description="error-rate: requests answered with a server error. latency: requests slower than `threshold`. "
        "time-to-first-token: streams whose first text came later than `threshold`. "
        "guardrail-violation-rate: requests in whose answer an output guardrail found something. "
        "guardrail-block-rate: requests that a guardrail blocked. "
        "negative-feedback-rate: ratings that are negative. "
        "tokens-per-request, cost-per-request: requests that took more than `threshold` tokens or money. "
        "defect-rate: sampled answers that the app's `evaluator` did not pass. "
        "Or any other name for a metric of your own."
    )
    threshold: NonNegative | None = Field(
        default=None,
        description="Above it a request counts; taken up to the next bucket bound of the histogram. latency: seconds "
        "(0.01 × 2ⁿ, up to 81.92), default 10.24. time-to-first-token: seconds (up to 10), default 2.5. "
        "tokens-per-request (1, 2, 5, 10, … up to 1000000), cost-per-request (0.000001, 0.000002, 0.000005, … up to "
        "100, in the currency of the model's pricing): no default.",
    )
    evaluator: Name | None = Field(
        default=None, description="defect-rate: name of one of the evaluators in the app's spec.quality."
    )
    prometheus: Prometheus | None = Field(default=None, description="Its value is the answer to a query.")
    webhook: Webhook | None = Field(default=None, description="Its value is in the answer to a POST.")
    job: JobProvider | None = Field(default=None, description="Its value is what a container finds.")
    max: Signed | None = Field(default=None, description="The candidate's value must stay below this.")
    min: Signed | None = Field(
        default=None, description="The candidate's value must stay above this. Only for metrics of your own."
    )
    max_increase: NonNegative | None = Field(
        default=None,
        description="The candidate's value minus stable's must stay below this. Default 0.05 for a metric of the data "
        "plane that has no other limit.",
    )
    max_ratio: NonNegative | None = Field(
        default=None,
        description="The candidate's value divided by stable's must stay below this. For a share: can't be proven "
        "while stable has no hit; prefer maxIncrease for what is rare.",
    )
    min_samples: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Candidate requests before any verdict; absent: the analysis'."
    )
    count: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="Metrics of your own: Successful after so many measurements within the limits, at each weight.",
    )
    failure_limit: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Metrics of your own: so many measurements beyond a limit are forgiven, at each weight.",
    )
    max_consecutive_errors: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Metrics of your own: measurements in a row that may give no answer; absent: the analysis'.",
    )
    initial_delay: Duration = Field(
        default=timedelta(0), description="Time at each weight before it counts: for caches and models to warm up."
    )
    dry_run: bool = Field(default=False, description="Measure and show, never decide.")

    @property
    def provided(self) -> bool:
        """Whether it is a metric of the team's own."""
        return not (self.prometheus is None and self.webhook is None and self.job is None)

    @Rule(
        f"self.name in {_cel(tuple(MetricName))} ? !{_PROVIDED} : "
        "[has(self.prometheus), has(self.webhook), has(self.job)].exists_one(given, given)",
        f"name: one of {', '.join(MetricName)}, and nothing else with it; or a name of your own, with exactly one of "
        "prometheus, webhook and job",
    )
    def comes_from_one_place(self) -> bool:
        given = [self.prometheus is not None, self.webhook is not None, self.job is not None]
        return given.count(True) == (0 if self.name in set(MetricName) else 1)

    @Rule(
        # The threshold has no CEL type (it is a number or a string): dyn() asks only whether it is there.
        f"self.name in {_cel(ABOVE_THRESHOLD)} || !has(dyn(self).threshold)",
        f"threshold: only {', '.join(ABOVE_THRESHOLD)} have one; remove it, and limit a value with max or maxIncrease",
    )
    def threshold_only_for_what_is_above_it(self) -> bool:
        return self.name in ABOVE_THRESHOLD or self.threshold is None

    @Rule(
        f"!(self.name in {_cel(_WITHOUT_DEFAULT)}) || has(dyn(self).threshold)",
        f"threshold: {' and '.join(_WITHOUT_DEFAULT)} need one, the number above which a request is too expensive",
    )
    def threshold_where_there_is_no_default(self) -> bool:
        return self.name not in _WITHOUT_DEFAULT or self.threshold is not None

    @Rule(
        f"(self.name == '{MetricName.DEFECT_RATE}') == has(self.evaluator)",
        "evaluator: defect-rate needs it, no other metric takes it; name one of the app's spec.quality.evaluators",
    )
    def has_an_evaluator_where_it_needs_one(self) -> bool:
        return (self.name == MetricName.DEFECT_RATE) == (self.evaluator is not None)

    # No Rule: CEL can't tell a number from a string in a field that takes both, so only the operator can say it.
    @model_validator(mode="after")
    def _shares_are_limited_by_shares(self) -> Self:
        limits = (self.max, self.max_increase)
        if not self.provided and any(limit is not None and not 0 <= limit <= 1 for limit in limits):
            raise ValueError(
                "max, maxIncrease: this metric is a share of requests, so its limits go from 0 to 1; "
                "write 0.05 for 5 percent"
            )
        return self

    @Rule(
        f"{_PROVIDED} || !has(dyn(self).min)",
        "min: this metric is a share of bad requests, of which none are too few; remove it, or use max or maxIncrease",
    )
    def bad_shares_have_no_least(self) -> bool:
        return self.provided or self.min is None

    @Rule(
        f"!{_PROVIDED} || !has(self.minSamples)",
        "minSamples: a metric of your own gives one value and no samples; remove it, and say with count how many "
        "measurements it takes",
    )
    def values_have_no_samples(self) -> bool:
        return not self.provided or self.min_samples is None

    @Rule(
        f"{_PROVIDED} || (self.count == 1 && self.failureLimit == 0 && !has(self.maxConsecutiveErrors))",
        "count, failureLimit, maxConsecutiveErrors: this metric is judged on all its requests at once, by alpha and "
        "minSamples; remove them here (the analysis has a maxConsecutiveErrors)",
    )
    def shares_are_not_counted_by_measurements(self) -> bool:
        return self.provided or (self.count == 1 and self.failure_limit == 0 and self.max_consecutive_errors is None)

    @Rule(
        "!(has(self.prometheus) || has(self.webhook)) || has(dyn(self).max) || has(dyn(self).min) || "
        "has(dyn(self).maxIncrease) || has(dyn(self).maxRatio)",
        "max: a value without a limit decides nothing; write at least one of max, min, maxIncrease and maxRatio",
    )
    def values_are_limited(self) -> bool:
        limits = (self.max, self.min, self.max_increase, self.max_ratio)
        return (self.prometheus is None and self.webhook is None) or limits != (None,) * 4

    @Rule(
        "!has(self.job) || !(has(dyn(self).maxIncrease) || has(dyn(self).maxRatio))",
        "maxIncrease, maxRatio: a job is run for the candidate alone; use max or min, or compare inside the job",
    )
    def jobs_are_not_compared(self) -> bool:
        return self.job is None or (self.max_increase is None and self.max_ratio is None)


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
    names = (MetricName.ERROR_RATE, MetricName.LATENCY, MetricName.GUARDRAIL_VIOLATION_RATE)
    return [Metric(name=name) for name in names]


_SAME_THRESHOLD: Final = (
    "(has(dyn(metric).threshold) ? has(dyn(other).threshold) && dyn(other).threshold == dyn(metric).threshold "
    ": !has(dyn(other).threshold))"
)


_SAME_EVALUATOR: Final = (
    "(has(metric.evaluator) ? has(other.evaluator) && other.evaluator == metric.evaluator : !has(other.evaluator))"
)


class Analysis(ApiModel):
    """Judging the candidate against stable on live traffic, at every weight anew."""

    interval: PositiveDuration = Field(
        default=timedelta(seconds=10), description="Time between two measurements: at least 500ms."
    )
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
        "duration(self.interval) >= duration('500ms')",
        "interval: shorter than 500ms, the pods would do nothing but be read; make it longer",
    )
    def leaves_pods_time(self) -> bool:
        return self.interval >= timedelta(milliseconds=500)

    @Rule(
        "duration(self.maxDuration) >= duration(self.interval)",
        "maxDuration: shorter than interval, so nothing would be measured in it; make it longer or interval shorter",
    )
    def measures_within_max_duration(self) -> bool:
        return self.max_duration >= self.interval

    @Rule(
        "self.metrics.all(metric, self.metrics.exists_one(other, other.name == metric.name && "
        f"{_SAME_THRESHOLD} && {_SAME_EVALUATOR}))",
        "metrics: two have the same name, and neither threshold nor evaluator tells them apart; remove one or give it "
        "another name, threshold or evaluator",
    )
    def metrics_are_unique(self) -> bool:
        known = [(metric.name, metric.threshold, metric.evaluator) for metric in self.metrics]
        return len(known) == len(set(known))
