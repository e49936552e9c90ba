"""From totals to verdicts, with the numbers in a sentence."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from genaiops.analysis.betting import log_evidence
from genaiops.analysis.counters import bound_of, measure, unit_of
from genaiops.analysis.evidence import evidence_of
from genaiops.analysis.limits import Of, limits_of
from genaiops.analysis.sequential import (
    Share,
    lower_difference,
    lower_ratio,
    lower_share,
    upper_difference,
    upper_ratio,
    upper_share,
)
from genaiops.analysis.values import NOTHING_MEASURED, judge_values
from genaiops.analysis.window import CANDIDATE, NOTHING, STABLE, kept
from genaiops.api.analysis import Analysis, Metric
from genaiops.api.base import format_duration
from genaiops.api.llmapp_status import AnalysisStatus, Arm, Measurement, MetricVerdict, Verdict

_ON_TOTALS = 0.1
"""Part of alpha for the bounds where evidence is gathered, too. They see what the evidence does not: requests that have
not ended, and after a promotion a release before that gets no requests any more."""


def judge_all(analysis: Analysis, status: AnalysisStatus, part: float) -> list[MetricVerdict]:
    """A verdict for each metric of the spec, in its order. `part`: of alpha, that is spent on this window.

    A good candidate must pass every limit at every weight, so the chance of aborting it falsely is shared among them
    (union bound): the parts of a rollout's windows come to at most 1, and the limits share a part equally. A bad one
    must get past the limit that it breaks, so the chance of passing it falsely is not shared.
    Metrics of the team's own take no share: their values come without a distribution, and are judged one by one.
    While measurements fail, every verdict is Error: what was seen before says nothing of now.
    """
    shares = [metric for metric in analysis.metrics if not metric.provided]
    tests = max(1, sum(len(limits_of(metric)) for metric in shares if not metric.dry_run)) / part

    def verdict(metric: Metric) -> MetricVerdict:
        if metric.provided:
            return judge_values(metric, status.metrics.get(measure(metric), NOTHING_MEASURED))
        if status.consecutive_errors:
            return _error(metric, status)
        least = analysis.min_samples if metric.min_samples is None else metric.min_samples
        arms = _arm(status, CANDIDATE, metric), _arm(status, STABLE, metric)
        gathered = {
            limit: log_evidence(logs)
            for of, limit in limits_of(metric)
            if of is Of.DIFFERENCE and (logs := evidence_of(status, metric, limit))
        }
        return judge(metric, *arms, alpha=analysis.alpha, min_samples=least, tests=tests, evidence=gathered)

    return [verdict(metric) for metric in analysis.metrics]


def unmeasurable(analysis: Analysis, status: AnalysisStatus) -> str | None:
    """Why it can't go on: a metric that decides could not be measured too often in a row. None while it can."""
    deciding = [metric for metric in analysis.metrics if not metric.dry_run]
    pods = any(not metric.provided for metric in deciding)
    if pods and status.consecutive_errors >= analysis.max_consecutive_errors:
        return f"{status.consecutive_errors} measurements in a row failed, the last: {status.last_error}"
    for metric in deciding:
        measured = status.metrics.get(measure(metric), NOTHING_MEASURED)
        if measured.consecutive_errors >= (metric.max_consecutive_errors or analysis.max_consecutive_errors):
            last = measured.measurements[-1].message if measured.measurements else "unknown"
            return f"{measured.consecutive_errors} measurements of {metric.name} in a row failed, the last: {last}"
    return None


def judge(
    metric: Metric,
    candidate: Arm,
    stable: Arm,
    *,
    alpha: Decimal,
    min_samples: int,
    tests: float = 1,
    evidence: Mapping[Decimal, float] = MappingProxyType({}),
) -> MetricVerdict:
    """One metric's verdict on one window.

    `evidence`: log of what betting.py has gathered against a limit of the difference.
    Failed: the lower bound of what is limited is above its limit, or the evidence that it is exceeded suffices; false
    with probability at most `alpha / tests`, however often it is asked. Successful: all upper bounds are below their
    limits; false with probability at most `alpha`. Otherwise Inconclusive, as is everything before the candidate has
    `min_samples`: that is what the spec asks for, even where the first few requests would be proof enough.

    `lower` and `upper` of the verdict are those of the difference; None where the metric has no limit on it or stable
    has no requests. Bounds in the message go by the levels above and are called the 1 - alpha bounds.
    """
    findings = list(_findings(metric, candidate, stable, float(alpha), tests, evidence))
    short = min_samples - candidate.samples
    if short > 0:
        verdict = Verdict.INCONCLUSIVE
    elif any(finding.above for finding in findings):
        verdict = Verdict.FAILED
    elif all(finding.below for finding in findings):
        verdict = Verdict.SUCCESSFUL
    else:
        verdict = Verdict.INCONCLUSIVE
    difference = next((finding for finding in findings if finding.of is Of.DIFFERENCE and finding.known), None)
    message = f"{_title(metric)} {_share(candidate)} against {_share(stable)} on stable: "
    message += ", and ".join(finding.sentence(alpha) for finding in findings)
    if short > 0:
        message += f"; {short} more requests to the candidate before any verdict"
    if metric.initial_delay:
        message += f"; counted from {format_duration(metric.initial_delay)} after the weight was live"
    return MetricVerdict(
        name=metric.name,
        verdict=verdict,
        candidate=candidate,
        stable=stable,
        lower=_decimal(difference.lower) if difference else None,
        upper=_decimal(difference.upper) if difference else None,
        message=message[:1024],
        dry_run=metric.dry_run,
    )


def recorded(analysis: Analysis, status: AnalysisStatus, verdicts: Sequence[MetricVerdict]) -> AnalysisStatus:
    """The window with what its shares said when they were measured last. `verdicts` are those of `judge_all`.

    Saying the same of one measurement twice changes nothing.
    """
    if status.measured_at is None:
        return status
    metrics = dict(status.metrics)
    for metric, verdict in zip(analysis.metrics, verdicts, strict=True):
        if not metric.provided:
            name = measure(metric)
            metrics[name] = kept(metrics.get(name, NOTHING_MEASURED), _measurement(verdict, status.measured_at))
    return status.model_copy(update={"metrics": metrics})


def _measurement(verdict: MetricVerdict, at: datetime) -> Measurement:
    error = verdict.verdict is Verdict.ERROR
    candidate, stable = verdict.candidate, verdict.stable
    return Measurement(
        at=at,
        verdict=verdict.verdict,
        value=_decimal(candidate.hits / candidate.samples) if candidate.samples and not error else None,
        stable=_decimal(stable.hits / stable.samples) if stable.samples and not error else None,
        samples=candidate.samples,
        lower=verdict.lower,
        upper=verdict.upper,
        message=verdict.message[:256] if error else "",
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

    of: Of
    limit: Decimal
    lower: float
    upper: float
    known: bool = True
    evidence: float = -math.inf
    """Log of what was gathered that the limit is exceeded."""
    enough: float = math.inf
    """Log of what suffices."""

    @property
    def above(self) -> bool:
        return self.lower > self.limit or self.evidence >= self.enough

    @property
    def below(self) -> bool:
        return self.upper < self.limit

    def sentence(self, alpha: Decimal) -> str:
        # A limit of 0.05 points wants its bounds to more places than one of 5 points.
        exponent = (self.limit * 100).normalize().as_tuple().exponent
        places = max(1, 1 - exponent) if isinstance(exponent, int) else 1
        level = f"{((1 - alpha) * 100).normalize():f}%"
        if self.of is Of.RATIO:
            if not self.known:
                return f"no request to stable to compare with, limit {_times(float(self.limit))}"
            return f"{_times(self.lower)} to {_times(self.upper)} at {level}, limit {_times(float(self.limit))}"
        if not self.known:
            return f"no request to stable to compare with, limit {_number(self.limit, places, '+')}"
        if self.of is Of.DIFFERENCE:
            bounds = f"{_number(self.lower, places, '+')} to {_number(self.upper, places, '+')} points"
            told = f"{bounds} at {level}, limit {_number(self.limit, places, '+')}"
            if self.lower <= self.limit and self.above:
                told += f" exceeded by {_odds(self.evidence)} evidence, {_odds(self.enough)} suffices"
            return told
        bounds = f"{_number(self.lower, places)} to {_number(self.upper, places)}%"
        return f"itself {bounds} at {level}, limit {_number(self.limit, places)}%"


def _findings(
    metric: Metric, candidate: Arm, stable: Arm, alpha: float, tests: float, evidence: Mapping[Decimal, float]
) -> Iterator[_Finding]:
    c, s = (Share.of(arm.hits, arm.samples) for arm in (candidate, stable))
    for of, limit in limits_of(metric):
        if of is Of.SHARE:
            yield _Finding(of, limit, lower_share(c, alpha / tests), upper_share(c, alpha))
        elif not stable.samples:
            # A small share of the candidate's would be a small increase over anything, but where stable should have
            # requests and has none, something is wrong, and no reason to give the candidate more.
            yield _Finding(of, limit, -1, math.inf, known=False)
        elif of is Of.DIFFERENCE:
            # Two ways to fail share alpha.
            part = _ON_TOTALS if limit in evidence else 1.0
            lower, upper = lower_difference(c, s, part * alpha / tests), upper_difference(c, s, alpha)
            enough = math.log(tests / ((1 - part) * alpha)) if part < 1 and alpha else math.inf
            yield _Finding(of, limit, lower, upper, evidence=evidence.get(limit, -math.inf), enough=enough)
        else:
            yield _Finding(of, limit, lower_ratio(c, s, alpha / tests), upper_ratio(c, s, alpha))


# --- words -------------------------------------------------------------------------------------------------


def _title(metric: Metric) -> str:
    if metric.evaluator:
        return f"{metric.name} by {metric.evaluator}"
    bound = bound_of(metric)
    return metric.name if bound is None else f"{metric.name} above {bound}{unit_of(metric)}"


def _share(arm: Arm) -> str:
    return f"{arm.hits / arm.samples:.1%} ({arm.hits} of {arm.samples})" if arm.samples else "unknown (0 requests)"


def _number(share: float | Decimal, places: int, sign: str = "") -> str:
    return f"{float(share) * 100:{sign}.{places}f}"


def _odds(log: float) -> str:
    return f"{math.exp(min(log, 20.7)):,.0f} to 1"


def _times(ratio: float) -> str:
    return "any multiple" if math.isinf(ratio) else f"{ratio:.3g}×"


def _decimal(share: float) -> Decimal:
    return Decimal(f"{share:.6f}")


def _arm(status: AnalysisStatus, role: str, metric: Metric) -> Arm:
    """What was counted of the metric, with the requests that are slow already and go on."""
    name = measure(metric)
    counted = status.totals.get(role, {}).get(name, NOTHING)
    waiting = status.waiting.get(role, {}).get(name, 0)
    return Arm(samples=counted.samples + waiting, hits=counted.hits + waiting)


def _error(metric: Metric, status: AnalysisStatus) -> MetricVerdict:
    message = f"{_title(metric)}: not measured, {status.consecutive_errors} times in a row: {status.last_error}"
    return MetricVerdict(
        name=metric.name,
        verdict=Verdict.ERROR,
        candidate=_arm(status, CANDIDATE, metric),
        stable=_arm(status, STABLE, metric),
        message=message[:1024],
        dry_run=metric.dry_run,
    )
