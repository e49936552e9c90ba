"""Evidence against a candidate's limits, kept from reading to reading."""

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from genaiops.analysis.betting import NOTHING_GATHERED, gathered, going_on_from, log_evidence
from genaiops.analysis.counters import measure
from genaiops.analysis.limits import Of, limits_of
from genaiops.analysis.readings import Readings
from genaiops.analysis.window import CANDIDATE, NOTHING, STABLE, advance, start
from genaiops.api.analysis import Analysis, Metric
from genaiops.api.llmapp_status import AnalysisStatus, Arm

_KEPT: Final = Decimal("0.000001")


def evidence_of(window: AnalysisStatus, metric: Metric, limit: Decimal) -> Sequence[float] | None:
    """What the window has gathered against a limit of the difference; None where nothing is looked for yet."""
    if kept := window.evidence.get(_name(metric, limit)):
        return [float(log) for log in kept]
    if older := window.evidence.get(f"{measure(metric)}>{limit:f}"):
        # Of the operator before an upgrade amid the window: it averaged other alternatives, with equal weights.
        return going_on_from(log_evidence([float(log) for log in older]) - math.log(len(older)))
    return None


def _name(metric: Metric, limit: Decimal) -> str:
    """Under which the evidence is kept: with another limit, it begins anew."""
    return f"{measure(metric)}>stable+{limit:f}"


def measured(analysis: Analysis, window: AnalysisStatus | None, readings: Readings, now: datetime) -> AnalysisStatus:
    """The window with one more reading, and with what it has shown; a new one where there is none."""
    if window is None:
        return start(now, readings)
    return with_evidence(analysis, window, advance(window, readings, now))


def with_evidence(analysis: Analysis, before: AnalysisStatus, after: AnalysisStatus) -> AnalysisStatus:
    """The window after a reading, with the evidence that this reading has added against limits of the difference."""
    limits = [
        (metric, limit)
        for metric in analysis.metrics
        if not metric.provided
        for of, limit in limits_of(metric)
        if of is Of.DIFFERENCE
    ]
    evidence = {}
    for metric, limit in limits:
        seen, block = _block(before, after, STABLE, metric)
        _, candidate = _block(before, after, CANDIDATE, metric)
        if limit >= 1 or not 0 <= candidate.hits <= candidate.samples or not 0 <= block.hits <= block.samples:
            continue
        logs = gathered(evidence_of(before, metric, limit) or NOTHING_GATHERED, seen, candidate, block, float(limit))
        # Rounded down: what is lost by writing it never counts against the candidate.
        evidence[_name(metric, limit)] = [Decimal(log).quantize(_KEPT, ROUND_FLOOR) for log in logs]
    return after.model_copy(update={"evidence": evidence})


def _block(before: AnalysisStatus, after: AnalysisStatus, role: str, metric: Metric) -> tuple[Arm, Arm]:
    """What was counted before, and since."""
    name = measure(metric)
    seen = before.totals.get(role, {}).get(name, NOTHING)
    now = after.totals.get(role, {}).get(name, NOTHING)
    return seen, Arm(samples=now.samples - seen.samples, hits=now.hits - seen.hits)
