"""A cluster in memory that carries plans out: Deployments make pods, the gateway loads routes, runtimes count.

Nothing here decides anything. What takes time in a real cluster (a pod becomes ready, the gateway has the new routes
in effect, a pod ends) happens when it is told to, so that a story or Hypothesis chooses the order.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from genaiops.analysis.counters import measure
from genaiops.analysis.readings import Readings
from genaiops.api.analysis import MetricName
from genaiops.api.evaluation import EvaluationPhase, EvaluationStatus, Purpose
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.llmapp_status import Arm, LLMAppStatus, PodCounters, RolloutStatus
from genaiops.api.release import ReleaseSpec
from genaiops.release.resolve import Resolution, resolve
from genaiops.rollout.comparison import Comparison, comparisons
from genaiops.rollout.due import gateway_due
from genaiops.rollout.plan import plan
from genaiops.rollout.snapshot import Asked, GatewayView, Notice, Plan, Routes, Run, Snapshot, Workload
from genaiops.rollout.steps import pods_needed

APP, NAMESPACE = "support", "shop"
BEGINNING = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENOUGH_PASSES = 25


@dataclass(frozen=True)
class Requests:
    """Requests that a release answered, and how many of them were bad in which way."""

    count: int
    errors: int = 0
    slow: int = 0
    violations: int = 0

    def hits(self, name: str) -> int:
        """Those that a metric counts."""
        return {
            MetricName.ERROR_RATE: self.errors,
            MetricName.LATENCY: self.slow,
            MetricName.GUARDRAIL_VIOLATION_RATE: self.violations,
        }[name]


@dataclass
class Pod:
    """A pod of a release. `answered` is what its runtime has counted since it began."""

    uid: str
    ready: bool = False
    ending: bool = False
    answered: list[Requests] = field(default_factory=list)


@dataclass
class Gateway:
    """What the gateway has loaded, as against what it was told last. Silent: it can't be asked."""

    told: Routes = field(default_factory=lambda: Routes(None))
    loaded: Routes = field(default_factory=lambda: Routes(None))
    endpoints: dict[str, int] = field(default_factory=dict)
    silent: str | None = None

    @property
    def weights(self) -> dict[str, int]:
        """Percent of requests by release, in effect."""
        loaded, variants = self.loaded, self.loaded.variants
        shares = {loaded.stable: 100 - loaded.weight - sum(variants.values()), loaded.candidate: loaded.weight}
        shares |= variants
        return {release: weight for release, weight in shares.items() if release}


class World:
    """One LLMApp and the cluster around it."""

    def __init__(self, spec: LLMAppSpec, objects: dict[tuple[str, str], dict[str, Any]]) -> None:
        self.spec = spec
        self.objects = objects
        """What the app refers to, raw, by kind and name."""
        self.now = BEGINNING
        self.generation = 1
        self.actions: list[Asked] = []
        self.hidden: set[str] = set()
        """Decisions that can't be read just now."""
        self.changed_by: dict[str, datetime] = {}
        self.status = LLMAppStatus()
        self.releases: dict[str, ReleaseSpec] = {}
        self.runs: dict[str, Run] = {}
        """Evaluations that were asked for."""
        self.deployments: dict[str, int] = {}
        self.pods: dict[str, list[Pod]] = {}
        self.troubles: dict[str, str] = {}
        """Why the pods of a release don't become ready, in the cluster's words."""
        self.unreadable: str | None = None
        """Why pods can't be asked for their counters."""
        self.gateway = Gateway()
        self.notices: list[Notice] = []
        self.wake: datetime | None = None
        self._uids = Counter[str]()

    # --- what the operator does -----------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Plan and carry out until nothing changes any more, as the controller does after each event."""
        for _ in range(ENOUGH_PASSES):
            before = self.state()
            self.carry_out(self.plan())
            if self.state() == before:
                break
        else:
            raise AssertionError(f"no fixpoint after {ENOUGH_PASSES} passes: {self.status}")
        assert self.wake is None or self.wake > self.now, "a wake-up that is not in the future is a busy loop"

    def plan(self) -> Plan:
        """What has to be true next."""
        return plan(self.snapshot(), self.now)

    def snapshot(self) -> Snapshot:
        """What a reconcile sees now. The data plane is asked only what is due, as in the controller."""
        resolution = self.resolution()
        gateway = GatewayView(ready=1)
        if gateway_due(self.status, resolution):
            gateway = self._gateway_view()
        due = [one for one in comparisons(self.status, resolution.rollout) if one.is_due(self.now)]
        return Snapshot(
            name=APP,
            namespace=NAMESPACE,
            generation=self.generation,
            spec=self.spec,
            status=self.status,
            resolution=resolution,
            actions=tuple(asked for asked in self.actions if asked.uid not in self.hidden),
            action_uids=frozenset(asked.uid for asked in self.actions),
            changed_by=dict(self.changed_by),
            releases=dict(self.releases),
            runs=dict(self.runs),
            workloads={release: self._workload(release) for release in {*self.deployments, *self.pods}},
            gateway=gateway,
            readings={one.candidate: self._readings(one) for one in due},
        )

    def resolution(self) -> Resolution:
        """What the app asks for now."""
        lookup = lambda kind, name: self.objects.get((kind, name))  # noqa: E731
        return resolve(APP, NAMESPACE, self.spec, lookup, "runtime:1", dict(self.releases), self.status.stable_release)

    def carry_out(self, todo: Plan) -> None:
        """Make the plan true: status, Release objects, the gateway's configuration, Deployments and their pods."""
        self._check(todo)
        # Through JSON and validation, as the API server stores it: what it would refuse is refused here.
        self.status = LLMAppStatus.model_validate(todo.status.to_manifest())
        self.releases |= {made.name: made.release for made in todo.create}
        for name in todo.prune:
            del self.releases[name]
        hashes = self._suites()
        for name, spec in todo.evaluate.items():
            assert spec.release in self.releases, "what is evaluated exists"
            if name not in self.runs:
                self.runs[name] = Run(spec, EvaluationStatus(suite_hash=hashes[spec.suite]))
        self.gateway.told = todo.routes
        self.notices += todo.notices
        self.wake = todo.at
        self.deployments = dict(todo.replicas)
        for release, replicas in self.deployments.items():
            self._scale(release, replicas)
        for release in self.pods.keys() - self.deployments.keys():
            for pod in self.pods[release]:
                pod.ready, pod.ending = False, True
        self.pods = {release: pods for release, pods in self.pods.items() if pods or release in self.deployments}

    def _check(self, todo: Plan) -> None:
        """What holds for every plan of every story."""
        asked, routes = todo.replicas, todo.routes
        if routes.stable and todo.status.stable_release:
            assert asked[routes.stable] >= self.spec.replicas, "stable keeps its full size"
        if todo.status.watch:
            assert asked[todo.status.watch.previous] >= self.spec.replicas, "there is something to go back to"
        if routes.weight:
            ready = self.ready(str(routes.candidate))
            needed = pods_needed(routes.weight, self.spec.replicas)
            assert ready >= needed, f"{ready} ready pods get {routes.weight}%, which needs {needed}"
        for variant, weight in routes.variants.items():
            assert self.ready(variant) >= pods_needed(weight, self.spec.replicas), "a variant's pods carry its weight"
        assert routes.weight + sum(routes.variants.values()) <= 100, "nobody gets more than everything"
        for one in todo.status.rollout.compared if todo.status.rollout else ():
            proved = one.evaluated and one.approved
            assert proved or one.release not in asked, "no pod of a variant before evaluation and approval"
        if routes.testers or routes.shadow:
            assert self.ready(str(routes.candidate)), "testers and copies go to pods that are ready"
        rollout = todo.status.rollout
        if rollout and rollout.ready_since:
            assert rollout.waiting_since, "what is back was missing"
            assert rollout.waiting_since <= rollout.ready_since <= self.now, "the deadline never counts from later"
        if rollout and not (rollout.approved and rollout.evaluated) and not rollout.fast and not rollout.undo:
            before = self.deployments.get(rollout.release, 0)
            assert asked.get(rollout.release, 0) <= before, "no pod before evaluation and approval"
            assert routes.candidate != rollout.release, "no request before evaluation and approval"
        if rollout and rollout.evaluated and self._proved_anew(rollout):
            assert self._has_passed(rollout.release), "who goes on has passed every suite"
        for spec in todo.evaluate.values():
            watches = spec.purpose is Purpose.SCHEDULE
            # A rollout that goes back because of what was found begins while its run is still there.
            variants = [one.release for one in todo.status.rollout.variants] if todo.status.rollout else []
            judged = (
                {todo.status.stable_release, self.status.stable_release}
                if watches
                else {todo.status.candidate_release, *variants}
            )
            assert spec.release in judged, "what is evaluated is what serves, or the candidate"
        if not self.gateway.silent:
            for release, weight in self.gateway.weights.items():
                gone = weight and release in self.deployments and release not in asked
                assert not gone, f"{release} loses its pods while the gateway sends it {weight}%"
        assert {routes.stable, routes.candidate, *routes.variants} - {None} <= set(routes.backends), (
            "every route has a backend"
        )

    def _proved_anew(self, rollout: RolloutStatus) -> bool:
        """Whether this very plan lets the rollout past its evaluation."""
        before = self.status.rollout
        known = before is not None and before.release == rollout.release and before.evaluated
        return not known

    def _has_passed(self, release: str) -> bool:
        passed = {
            (run.spec.suite, run.spec.suite_hash)
            for run in self.runs.values()
            if (run.spec.release, run.spec.purpose) == (release, Purpose.GATE)
            and run.status.phase is EvaluationPhase.PASSED
        }
        return self._suites().items() <= passed

    def _suites(self) -> dict[str, str]:
        """The app's suites, and what each of them is now."""
        target = self.resolution().target
        return {suite.name: suite.hash for suite in target.suites} if target else {}

    def _scale(self, release: str, replicas: int) -> None:
        pods = self.pods.setdefault(release, [])
        stay = [pod for pod in pods if not pod.ending]
        for pod in sorted(stay, key=lambda pod: pod.ready)[: max(0, len(stay) - replicas)]:
            pod.ready, pod.ending = False, True
        for _ in range(replicas - len(stay)):
            self._uids[release] += 1
            pods.append(Pod(f"{release}-{self._uids[release]}"))

    # --- what happens in the cluster ------------------------------------------------------------------------

    def ready(self, release: str) -> int:
        """Pods of a release that are ready."""
        return sum(pod.ready for pod in self.pods.get(release, ()))

    def set_ready(self, release: str, count: int) -> None:
        """So many of the release's pods are ready, the others are not."""
        for index, pod in enumerate(pod for pod in self.pods.get(release, ()) if not pod.ending):
            pod.ready = index < count

    def end_pods(self) -> None:
        """Pods that were told to end are gone."""
        for release, pods in self.pods.items():
            self.pods[release] = [pod for pod in pods if not pod.ending]
        self.pods = {release: pods for release, pods in self.pods.items() if pods or release in self.deployments}

    def load_routes(self) -> None:
        """The gateway has in effect what it was told, and knows the pods that are ready."""
        self.gateway.loaded = self.gateway.told
        self.gateway.endpoints = {release: self.ready(release) for release in self.gateway.told.backends}

    def answer(self, release: str, requests: Requests) -> None:
        """Pods of a release answered requests."""
        pods = [pod for pod in self.pods.get(release, ()) if pod.ready]
        assert pods, f"no pod of {release} is ready to answer"
        pods[0].answered.append(requests)

    def restart(self, release: str) -> None:
        """Every pod of the release is replaced; its counters go with it."""
        ready = self.ready(release)
        del self.pods[release]
        self._scale(release, self.deployments[release])
        self.set_ready(release, ready)

    def pass_time(self, length: timedelta) -> None:
        """Time passes; the operator looks again only when its plans said so."""
        until = self.now + length
        while self.wake is not None and self.wake <= until:
            self.now = self.wake
            self.reconcile()
        self.now = until

    # --- what the operator sees -----------------------------------------------------------------------------

    def _workload(self, release: str) -> Workload:
        return Workload(
            ready=self.ready(release),
            pods=len(self.pods.get(release, ())),
            exists=release in self.deployments,
            replicas=self.deployments.get(release, 0),
            problem=self.troubles.get(release),
        )

    def _gateway_view(self) -> GatewayView:
        if self.gateway.silent:
            return GatewayView(ready=1, problem=self.gateway.silent)
        loaded = self.gateway.loaded
        return GatewayView(
            ready=1,
            weights=self.gateway.weights,
            endpoints=dict(self.gateway.endpoints),
            testers=loaded.testers,
            shadow=loaded.shadow,
        )

    def _readings(self, compared: Comparison) -> Readings:
        if self.unreadable:
            return Readings({}, (self.unreadable,))
        roles = {compared.candidate: "candidate", compared.stable: "stable"}
        metrics = compared.analysis.metrics
        counters = {
            pod.uid: (
                roles[release],
                PodCounters(
                    metrics={
                        measure(metric): Arm(
                            samples=sum(requests.count for requests in pod.answered),
                            hits=sum(requests.hits(metric.name) for requests in pod.answered),
                        )
                        for metric in metrics
                    }
                ),
            )
            for release, pod in self._all_pods()
            if release in roles and pod.ready
        }
        return Readings(counters)

    def _all_pods(self) -> Iterator[tuple[str, Pod]]:
        return ((release, pod) for release, pods in self.pods.items() for pod in pods)

    def state(self) -> object:
        """All that a pass may change."""
        pods = {pod.uid: replace(pod, answered=[]) for _, pod in self._all_pods()}
        return self.status, self.gateway.told, dict(self.deployments), set(self.releases), set(self.runs), pods
