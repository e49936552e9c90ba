"""One weight's measurements, folded into totals per release: what counts, from when, and once only."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from genaiops.analysis.readings import Readings
from genaiops.api.llmapp_status import AnalysisStatus, Arm, Measured, Measurement, PodCounters, Verdict

CANDIDATE, STABLE = "candidate", "stable"
NOTHING = Arm(samples=0, hits=0)
KEPT = 10
"""Measurements of a metric that stay in the status."""


def start(now: datetime, readings: Readings) -> AnalysisStatus:
    """A window that opens at `now`, when the weight is live. What pods have counted so far does not count.

    With failures there is no baseline yet; it is the first complete measurement that `advance` gets.
    """
    return advance(AnalysisStatus(started_at=now), readings, now)


def advance(status: AnalysisStatus, readings: Readings, now: datetime) -> AnalysisStatus:
    """The window after one more measurement.

    With a failure nothing is counted, so that both releases are always compared over the same time; counters only grow,
    so the next complete measurement brings what this one missed.

    A pod seen for the first time did not exist at the baseline: all it has counted counts. A pod that is gone keeps
    what it contributed. A process that began anew counts from zero.
    """
    status = _with_values(status, readings.measurements)
    if readings.failures:
        return status.model_copy(
            update={
                "measured_at": now,
                "consecutive_errors": status.consecutive_errors + 1,
                "last_error": "; ".join(readings.failures)[:1024],
            }
        )
    totals = {role: dict(status.totals.get(role, {})) for role in (CANDIDATE, STABLE)}
    for uid, (role, counters) in readings.pods.items():
        # At the baseline every pod has last been read now.
        last = status.pods.get(uid) if status.baseline_at else counters
        for name, more in _counted_since(last, counters).items():
            total = totals[role].get(name, NOTHING)
            totals[role][name] = Arm(samples=total.samples + more.samples, hits=total.hits + more.hits)
    return status.model_copy(
        update={
            "baseline_at": status.baseline_at or now,
            "measured_at": now,
            "consecutive_errors": 0,
            "totals": totals,
            "waiting": _waiting(readings),
            "pods": {uid: counters for uid, (_, counters) in readings.pods.items()},
        }
    )


def kept(measured: Measured, measurement: Measurement) -> Measured:
    """The last measurements with one more; one that is there already is not added again."""
    if measured.measurements and measured.measurements[-1].at >= measurement.at:
        return measured
    return measured.model_copy(update={"measurements": [*measured.measurements, measurement][-KEPT:]})


def _with_values(status: AnalysisStatus, measurements: Mapping[str, Measurement]) -> AnalysisStatus:
    metrics = dict(status.metrics)
    for name, measurement in measurements.items():
        before = metrics.get(name, Measured())
        after = kept(before, measurement)
        if after is before:
            continue
        error = measurement.verdict is Verdict.ERROR
        metrics[name] = after.model_copy(
            update={
                "passed": before.passed + (measurement.verdict is Verdict.SUCCESSFUL),
                "failed": before.failed + (measurement.verdict is Verdict.FAILED),
                "consecutive_errors": before.consecutive_errors + 1 if error else 0,
            }
        )
    return status.model_copy(update={"metrics": metrics})


def _waiting(readings: Readings) -> dict[str, dict[str, int]]:
    """Requests that are slow already and have not ended. They are no counters: the newest reading is all there is."""
    waiting: dict[str, defaultdict[str, int]] = {CANDIDATE: defaultdict(int), STABLE: defaultdict(int)}
    for role, counters in readings.pods.values():
        for name, requests in counters.waiting.items():
            waiting[role][name] += requests
    return {role: dict(requests) for role, requests in waiting.items() if requests}


def _counted_since(last: PodCounters | None, now: PodCounters) -> dict[str, Arm]:
    """What a pod has counted since it was read last, by metric; None: it is read for the first time."""
    if last is None or _began_anew(last, now):
        return now.metrics
    # A metric that the spec got meanwhile, or whose initialDelay is over, has no earlier reading to count from: this
    # one is it.
    return {name: _minus(arm, last.metrics.get(name, arm)) for name, arm in now.metrics.items()}


def _began_anew(last: PodCounters, now: PodCounters) -> bool:
    if last.process_started != now.process_started:
        return True
    since = (_minus(arm, last.metrics[name]) for name, arm in now.metrics.items() if name in last.metrics)
    return any(not 0 <= more.hits <= more.samples for more in since)


def _minus(one: Arm, other: Arm) -> Arm:
    return Arm(samples=one.samples - other.samples, hits=one.hits - other.hits)
