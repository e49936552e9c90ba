"""Metrics that give one value a measurement: within its limits or beyond, and what many of them say together."""

from decimal import Decimal

from genaiops.api.analysis import Metric
from genaiops.api.llmapp_status import Arm, Measured, Measurement, MetricVerdict, Verdict

NOTHING_MEASURED = Measured()


def has_limits(metric: Metric) -> bool:
    """Whether values are compared with anything. Only a job may have none: then its exit code is the value."""
    return (metric.max, metric.min, metric.max_increase, metric.max_ratio) != (None,) * 4


def judged(metric: Metric, measurement: Measurement) -> Measurement:
    """The measurement with what its value says: Failed beyond a limit, Successful within all, else Inconclusive.

    A value that equals a limit is within it. Without a value, or without stable's where it is compared with, nothing is
    known. An error stays one.
    """
    if measurement.verdict is Verdict.ERROR:
        return measurement
    value, stable = measurement.value, measurement.stable
    beyond = [
        not has_limits(metric) and bool(value),
        metric.max is not None and value is not None and value > metric.max,
        metric.min is not None and value is not None and value < metric.min,
    ]
    compared = metric.max_increase is not None or metric.max_ratio is not None
    if value is not None and stable is not None:
        beyond += [
            metric.max_increase is not None and value - stable > metric.max_increase,
            metric.max_ratio is not None and value > metric.max_ratio * stable,
        ]
    if any(beyond):
        verdict = Verdict.FAILED
    elif value is None or (compared and stable is None):
        verdict = Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.SUCCESSFUL
    return measurement.model_copy(update={"verdict": verdict})


def is_over(metric: Metric, measured: Measured) -> bool:
    """Whether enough was measured for a verdict that no further measurement can take back but by failing."""
    return measured.failed > metric.failure_limit or measured.passed >= metric.count


def judge_values(metric: Metric, measured: Measured) -> MetricVerdict:
    """What the measurements at one weight say, as in Argo Rollouts.

    Failed: more than `failureLimit` were beyond a limit. Error: the last gave no answer. Successful: `count` were
    within all limits. Else Inconclusive; a measurement without data is neither good nor bad.
    """
    if measured.failed > metric.failure_limit:
        verdict = Verdict.FAILED
    elif measured.consecutive_errors:
        verdict = Verdict.ERROR
    elif measured.passed >= metric.count:
        verdict = Verdict.SUCCESSFUL
    else:
        verdict = Verdict.INCONCLUSIVE
    return MetricVerdict(
        name=metric.name,
        verdict=verdict,
        candidate=Arm(samples=measured.passed + measured.failed, hits=measured.failed),
        stable=Arm(samples=0, hits=0),
        message=_sentence(metric, measured)[:1024],
        dry_run=metric.dry_run,
    )


def _sentence(metric: Metric, measured: Measured) -> str:
    if not measured.measurements:
        return f"{metric.name}: not measured yet"
    last = measured.measurements[-1]
    if last.verdict is Verdict.ERROR:
        return f"{metric.name}: not measured, {measured.consecutive_errors} times in a row: {last.message}"
    what = "no data" if last.value is None else _text(last.value)
    if metric.max_increase is not None or metric.max_ratio is not None:
        what += f" against {'no data' if last.stable is None else _text(last.stable)} on stable"
    limits = {
        "max": metric.max,
        "min": metric.min,
        "maxIncrease": metric.max_increase,
        "maxRatio": metric.max_ratio,
    }
    said = ", ".join(f"{name} {_text(limit)}" for name, limit in limits.items() if limit is not None)
    judged = measured.passed + measured.failed
    ended = f"{measured.failed} of {judged} measurements beyond it, {metric.failure_limit} forgiven"
    needed = f", {metric.count} within it to pass" if measured.passed < metric.count else ""
    told = f" ({last.message})" if last.message else ""
    return f"{metric.name} {what}{told}: limit {said or 'exit code 0'}; {ended}{needed}"


def _text(value: Decimal) -> str:
    return f"{value:.6g}"
