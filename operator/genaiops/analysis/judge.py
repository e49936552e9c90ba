"""From totals to verdicts, with the numbers in a sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from genaiops.analysis.counters import latency_bound, measure
from genaiops.analysis.sequential import Share, lower_difference, lower_share, upper_difference, upper_share
from genaiops.analysis.window import CANDIDATE, NOTHING, STABLE
from genaiops.api.analysis import Analysis, Metric, MetricName
from genaiops.api.llmapp_status import AnalysisStatus, Arm, MetricVerdict, Verdict

DEFAULT_MAX_INCREASE = Decimal("0.05")


def judge_all(analysis: Analysis, status: AnalysisStatus, stages: int) -> list[MetricVerdict]:
    """A verdict for each metric of the spec, in its order. `stages`: weights at which this rollout is judged.

    A good candidate must pass every limit at every weight, so the chance of aborting it falsely is shared among them
    (union bound). A bad one must get past the limit that it breaks, so the chance of passing it falsely is not shared.
    While measurements fail, every verdict is Error: what was seen before says nothing of now.
    """
    if status.consecutive_errors:
        return [_error(metric, status) for metric in analysis.metrics]
    tests = stages * sum(len(_limits(metric)) for metric in analysis.metrics if not metric.dry_run)
    return [
        judge(
            metric,
            _arm(status, CANDIDATE, metric),
            _arm(status, STABLE, metric),
            alpha=analysis.alpha,
            min_samples=analysis.min_samples,
            tests=max(1, tests),
        )
        for metric in analysis.metrics
    ]


def judge(
    metric: Metric, candidate: Arm, stable: Arm, *, alpha: Decimal, min_samples: int, tests: int = 1
) -> MetricVerdict:
    """One metric's verdict on one window.

    Failed: the lower bound of a limited share or difference is above its limit; false with probability at most
    `alpha / tests`, however often it is asked. Successful: all upper bounds are below their limits; false with
    probability at most `alpha`. Otherwise Inconclusive, as is everything before the candidate has `min_samples`:
    that is what the spec asks for, even where the first few requests would be proof enough.

    `lower` and `upper` of the verdict are those of the difference; None where the metric has no limit on it or stable
    has no requests. Bounds in the message go by the levels above and are called the 1 - alpha bounds.
    """
    findings = list(_findings(metric, candidate, stable, float(alpha), tests))
    short = min_samples - candidate.samples
    if short > 0:
        verdict = Verdict.INCONCLUSIVE
    elif any(finding.above for finding in findings):
        verdict = Verdict.FAILED
    elif all(finding.below for finding in findings):
        verdict = Verdict.SUCCESSFUL
    else:
        verdict = Verdict.INCONCLUSIVE
    difference = next((finding for finding in findings if finding.of_difference and finding.known), None)
    message = f"{_title(metric)} {_share(candidate)} against {_share(stable)} on stable: "
    message += ", and ".join(finding.sentence(alpha) for finding in findings)
    if short > 0:
        message += f"; {short} more requests to the candidate before any verdict"
    return MetricVerdict(
        name=str(metric.name),
        verdict=verdict,
        candidate=candidate,
        stable=stable,
        lower=_decimal(difference.lower) if difference else None,
        upper=_decimal(difference.upper) if difference else None,
        message=message,
        dry_run=metric.dry_run,
    )


def summary(verdicts: Sequence[MetricVerdict]) -> Verdict:
    """What they say together: Failed if one is, else Error if one is, Successful if all are or none decides."""
    said = {verdict.verdict for verdict in verdicts if not verdict.dry_run}
    if Verdict.FAILED in said:
        return Verdict.FAILED
    if Verdict.ERROR in said:
        return Verdict.ERROR
    return Verdict.SUCCESSFUL if said <= {Verdict.SUCCESSFUL} else Verdict.INCONCLUSIVE


# --- one limit ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Finding:
    """What the data say of one limit. Shares, not points."""

    limit: Decimal
    of_difference: bool
    lower: float
    upper: float
    known: bool = True

    @property
    def above(self) -> bool:
        return self.lower > self.limit

    @property
    def below(self) -> bool:
        return self.upper < self.limit

    def sentence(self, alpha: Decimal) -> str:
        # A limit of 0.05 points wants its bounds to more places than one of 5 points.
        exponent = (self.limit * 100).normalize().as_tuple().exponent
        places = max(1, 1 - exponent) if isinstance(exponent, int) else 1
        level = f"{((1 - alpha) * 100).normalize():f}%"
        if not self.known:
            return f"no request to stable to compare with, limit {_number(self.limit, places, '+')}"
        if self.of_difference:
            bounds = f"{_number(self.lower, places, '+')} to {_number(self.upper, places, '+')} points"
            return f"{bounds} at {level}, limit {_number(self.limit, places, '+')}"
        bounds = f"{_number(self.lower, places)} to {_number(self.upper, places)}%"
        return f"itself {bounds} at {level}, limit {_number(self.limit, places)}%"


def _limits(metric: Metric) -> list[tuple[bool, Decimal]]:
    """The metric's limits: whether on the difference to stable, and how much."""
    increase = metric.max_increase
    if increase is None and metric.max is None:
        increase = DEFAULT_MAX_INCREASE
    return [(of, limit) for of, limit in ((True, increase), (False, metric.max)) if limit is not None]


def _findings(metric: Metric, candidate: Arm, stable: Arm, alpha: float, tests: int) -> Iterator[_Finding]:
    c, s = (Share.of(arm.hits, arm.samples) for arm in (candidate, stable))
    for of_difference, limit in _limits(metric):
        if not of_difference:
            yield _Finding(limit, of_difference, lower_share(c, alpha / tests), upper_share(c, alpha))
        elif stable.samples:
            lower, upper = lower_difference(c, s, alpha / tests), upper_difference(c, s, alpha)
            yield _Finding(limit, of_difference, lower, upper)
        else:
            # A small share of the candidate's would be a small increase over anything, but where stable should have
            # requests and has none, something is wrong, and no reason to give the candidate more.
            yield _Finding(limit, of_difference, -1, 1, known=False)


# --- words -------------------------------------------------------------------------------------------------


def _title(metric: Metric) -> str:
    return f"latency above {latency_bound(metric)} s" if metric.name is MetricName.LATENCY else str(metric.name)


def _share(arm: Arm) -> str:
    return f"{arm.hits / arm.samples:.1%} ({arm.hits} of {arm.samples})" if arm.samples else "unknown (0 requests)"


def _number(share: float | Decimal, places: int, sign: str = "") -> str:
    return f"{float(share) * 100:{sign}.{places}f}"


def _decimal(share: float) -> Decimal:
    return Decimal(f"{share:.6f}")


def _arm(status: AnalysisStatus, role: str, metric: Metric) -> Arm:
    return status.totals.get(role, {}).get(measure(metric), NOTHING)


def _error(metric: Metric, status: AnalysisStatus) -> MetricVerdict:
    message = f"{_title(metric)}: not measured, {status.consecutive_errors} times in a row: {status.last_error}"
    return MetricVerdict(
        name=str(metric.name),
        verdict=Verdict.ERROR,
        candidate=_arm(status, CANDIDATE, metric),
        stable=_arm(status, STABLE, metric),
        message=message[:1024],
        dry_run=metric.dry_run,
    )
