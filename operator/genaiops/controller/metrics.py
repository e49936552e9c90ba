"""What the operator tells Prometheus of itself and of the apps."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from genaiops.api.base import Phase
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


class Ended(Collector):
    """How often something of an app ended, by result: kept as Counters those of one app would take 3 kB a result."""

    def __init__(self, name: str, documentation: str) -> None:
        self._name, self._documentation = name, documentation
        self._counts: defaultdict[tuple[str, str], Tally[str]] = defaultdict(Tally)

    def inc(self, namespace: str, app: str, result: str) -> None:
        """Once more."""
        self._counts[namespace, app][result] += 1

    def forget(self, namespace: str, app: str) -> None:
        """The app is gone."""
        self._counts.pop((namespace, app), None)

    def collect(self) -> Iterator[Metric]:
        """What Prometheus is told."""
        family = CounterMetricFamily(self._name, self._documentation, labels=["namespace", "app", "result"])
        for app, counts in self._counts.items():
            for result, count in counts.items():
                family.add_metric([*app, result], count)
        yield family


EVALUATIONS: Final = Ended("genaiops_evaluations", "Evaluations that ended.")
ROLLOUTS: Final = Ended("genaiops_rollouts", "Rollouts that ended.")


class Apps(Collector):
    """Every app's phase and weight, put together when asked for: kept as Gauges those of one app would take 10 kB."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Phase | None, int]] = {}
        self._drifted: dict[tuple[str, str], dict[str, bool]] = {}

    def put(self, namespace: str, app: str, phase: Phase | None, weight: int, drifted: dict[str, bool]) -> None:
        """Where the app is now; `drifted` tells of each suite on which it is evaluated again whether it does worse."""
        self._known[namespace, app] = (phase, weight)
        if drifted:
            self._drifted[namespace, app] = drifted
        else:
            self._drifted.pop((namespace, app), None)

    def forget(self, namespace: str, app: str) -> None:
        """The app is gone."""
        self._known.pop((namespace, app), None)
        self._drifted.pop((namespace, app), None)

    def collect(self) -> Iterator[Metric]:
        """What Prometheus is told."""
        phases = GaugeMetricFamily(
            "genaiops_app_phase", "1 for the phase that the app is in.", labels=["namespace", "app", "phase"]
        )
        weights = GaugeMetricFamily(
            "genaiops_candidate_weight_percent", "Requests for the candidate.", labels=["namespace", "app"]
        )
        for app, (phase, weight) in self._known.items():
            for one in Phase:
                phases.add_metric([*app, one], one is phase)
            weights.add_metric(app, weight)
        drift = GaugeMetricFamily(
            "genaiops_app_drifted",
            "1 where the release that serves does worse on a suite than it did.",
            labels=["namespace", "app", "suite"],
        )
        for app, suites in self._drifted.items():
            for suite, worse in suites.items():
                drift.add_metric([*app, suite], worse)
        yield from (phases, weights, drift)


APPS: Final = Apps()
for _collector in (APPS, EVALUATIONS, ROLLOUTS):
    REGISTRY.register(_collector)


def observe_plan(seen: Snapshot, plan: Plan) -> None:
    """The app's phase and weight, and the rollouts that ended in this pass."""
    drifted = {one.suite: bool(one.drift) for one in plan.status.monitored}
    APPS.put(seen.namespace, seen.name, plan.status.phase, plan.routes.weight, drifted)
    known = {(entry.release, entry.finished_at) for entry in seen.status.history}
    for entry in plan.status.history:
        if (entry.release, entry.finished_at) not in known:
            ROLLOUTS.inc(seen.namespace, seen.name, entry.result)


def forget_app(key: Key) -> None:
    """Drop the series of an app that is gone."""
    APPS.forget(key.namespace, key.name)
    ROLLOUTS.forget(key.namespace, key.name)
    EVALUATIONS.forget(key.namespace, key.name)
