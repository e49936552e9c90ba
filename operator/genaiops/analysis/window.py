"""One weight's measurements, folded into totals per release: what counts, from when, and once only."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from genaiops.api.llmapp_status import AnalysisStatus, Arm, PodCounters

CANDIDATE, STABLE = "candidate", "stable"
NOTHING = Arm(samples=0, hits=0)

Readings = Mapping[str, tuple[str, PodCounters]]
"""By pod uid: the role of its release (``candidate`` or ``stable``) and its counters."""


def start(now: datetime, readings: Readings, failures: Sequence[str] = ()) -> AnalysisStatus:
    """A window that opens at `now`, when the weight is live. What pods have counted so far does not count.

    With failures there is no baseline yet; it is the first complete measurement that `advance` gets.
    """
    return advance(AnalysisStatus(started_at=now), readings, failures, now)


def advance(status: AnalysisStatus, readings: Readings, failures: Sequence[str], now: datetime) -> AnalysisStatus:
    """The window after one more measurement.

    `readings` are the counters of every live pod of both releases, read in one go; `failures` say which live pods
    could not be read, and why. A pod is live while its runtime container runs; one that was never ready has served
    nobody and may be left out. With a failure nothing is counted, so that both releases are always compared over the
    same time; counters only grow, so the next complete measurement brings what this one missed.

    A pod seen for the first time did not exist at the baseline: all it has counted counts. A pod that is gone keeps
    what it contributed. A process that began anew counts from zero.
    """
    if failures:
        return status.model_copy(
            update={
                "measured_at": now,
                "consecutive_errors": status.consecutive_errors + 1,
                "last_error": "; ".join(failures)[:1024],
            }
        )
    totals = {role: dict(status.totals.get(role, {})) for role in (CANDIDATE, STABLE)}
    for uid, (role, counters) in readings.items():
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
            "pods": {uid: counters for uid, (_, counters) in readings.items()},
        }
    )


def _counted_since(last: PodCounters | None, now: PodCounters) -> dict[str, Arm]:
    """What a pod has counted since it was read last, by metric; None: it is read for the first time."""
    if last is None or _began_anew(last, now):
        return now.metrics
    # A metric that the spec got meanwhile has no earlier reading to count from: this one is it.
    return {name: _minus(arm, last.metrics.get(name, arm)) for name, arm in now.metrics.items()}


def _began_anew(last: PodCounters, now: PodCounters) -> bool:
    if last.process_started != now.process_started:
        return True
    since = (_minus(arm, last.metrics[name]) for name, arm in now.metrics.items() if name in last.metrics)
    return any(not 0 <= more.hits <= more.samples for more in since)


def _minus(one: Arm, other: Arm) -> Arm:
    return Arm(samples=one.samples - other.samples, hits=one.hits - other.hits)
