"""What the operator tells Prometheus of itself and of the apps."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from genaiops.api.base import Phase
from genaiops.api.llmapp_status import Result
from genaiops.controller.store import Key
from genaiops.rollout.snapshot import Plan, Snapshot

RECONCILE_SECONDS: Final = Histogram(
    "genaiops_reconcile_seconds", "Time of one reconcile.", ["kind"], buckets=(0.005, 0.02, 0.1, 0.5, 2, 10)
)
RECONCILE_ERRORS: Final = Counter(
    "genaiops_reconcile_errors_total", "Reconciles that failed and are retried.", ["kind"]
)
QUEUE_LENGTH: Final = Gauge("genaiops_queue_length", "Objects waiting for a reconcile.")
LEADER: Final = Gauge("genaiops_leader", "1 on the operator that acts.")
PHASE: Final = Gauge("genaiops_app_phase", "1 for the phase that the app is in.", ["namespace", "app", "phase"])
WEIGHT: Final = Gauge("genaiops_candidate_weight_percent", "Requests for the candidate.", ["namespace", "app"])
ROLLOUTS: Final = Counter("genaiops_rollouts_total", "Rollouts that ended.", ["namespace", "app", "result"])


def observe_plan(seen: Snapshot, plan: Plan) -> None:
    """The app's phase and weight, and the rollouts that ended in this pass."""
    for phase in Phase:
        PHASE.labels(seen.namespace, seen.name, phase).set(plan.status.phase is phase)
    WEIGHT.labels(seen.namespace, seen.name).set(plan.routes.weight)
    known = {(entry.release, entry.finished_at) for entry in seen.status.history}
    for entry in plan.status.history:
        if (entry.release, entry.finished_at) not in known:
            ROLLOUTS.labels(seen.namespace, seen.name, entry.result).inc()


def forget_app(key: Key) -> None:
    """Drop the series of an app that is gone."""
    for phase in Phase:
        PHASE.remove(key.namespace, key.name, phase)
    WEIGHT.remove(key.namespace, key.name)
    for result in Result:
        ROLLOUTS.remove(key.namespace, key.name, result)
