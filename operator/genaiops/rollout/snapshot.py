"""What a reconcile sees: everything `plan` may know, gathered beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from genaiops.analysis.readings import Readings
from genaiops.api.action import ReleaseActionSpec
from genaiops.api.evaluation import EvaluationSpec, EvaluationStatus
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.api.release import ReleaseSpec
from genaiops.api.rollout import HeaderMatch, RolloutSpec
from genaiops.release.resolve import Resolution, Target
from genaiops.rollout.capacity import Capacity, capacity_of


@dataclass(frozen=True)
class Workload:
    """The pods of one release."""

    ready: int = 0
    """Pods that are Ready and not being deleted."""
    pods: int = 0
    """All pods that still exist, those that are shutting down included."""
    exists: bool = False
    """Whether its Deployment exists."""
    replicas: int = 0
    """Pods its Deployment asks for."""
    problem: str | None = None
    """Why pods are not ready, as the cluster tells it (``ImagePullBackOff: …``)."""


@dataclass(frozen=True)
class GatewayView:
    """What the gateway says of itself."""

    ready: int = 0
    """Gateway pods that are Ready."""
    weights: Mapping[str, int] | None = None
    """Percent of requests by release that every ready gateway pod has in effect; None where unknown or not agreed."""
    endpoints: Mapping[str, int] = field(default_factory=dict)
    """Healthy endpoints by release, the least that any gateway pod sees."""
    testers: tuple[HeaderMatch, ...] = ()
    """What is in effect of `Routes.testers`; means something only where `weights` does."""
    shadow: int = 0
    """What is in effect of `Routes.shadow`; means something only where `weights` does."""
    problem: str | None = None
    """Why the gateway could not be asked."""
    by: str = "the gateway"
    """What splits the traffic, in the words of a message."""
    admitted: str | None = None
    """Of an app with traffic.gatewayAPI: the candidate, once its Service may stand for it."""


@dataclass(frozen=True)
class Asked:
    """A ReleaseAction that exists."""

    name: str
    uid: str
    at: datetime
    """When it was created."""
    spec: ReleaseActionSpec
    problem: str | None = None
    """Why it can't be trusted: its requester was not written by the operator's own webhook."""
    anonymous: bool = False
    """The operator runs without its webhook: nobody knows who asked."""

    @property
    def username(self) -> str:
        """Who asked; empty where nobody knows."""
        known = self.spec.requester and not self.problem and not self.anonymous
        return self.spec.requester.username if self.spec.requester and known else ""


@dataclass(frozen=True)
class Run:
    """An Evaluation: what was asked for, and where it stands."""

    spec: EvaluationSpec
    status: EvaluationStatus


@dataclass(frozen=True)
class Standing:
    """How something beside the releases does, as a condition tells it."""

    ready: bool
    reason: str
    message: str


@dataclass(frozen=True)
class Snapshot:
    """One LLMApp and all that matters to it, at one moment."""

    name: str
    namespace: str
    generation: int
    spec: LLMAppSpec
    status: LLMAppStatus
    resolution: Resolution
    actions: tuple[Asked, ...] = ()
    """ReleaseActions of the app that can be heard, oldest first."""
    action_uids: frozenset[str] = frozenset()
    """Of all ReleaseActions that are about the app: what was decided on one of them stays on record."""
    changed_by: Mapping[str, datetime] = field(default_factory=dict)
    """Who changed the app or what it refers to, and when last, as far as is known."""
    releases: Mapping[str, ReleaseSpec] = field(default_factory=dict)
    """The Release objects of the app, oldest first."""
    runs: Mapping[str, Run] = field(default_factory=dict)
    """The Evaluations of the app, by name, oldest first."""
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    gateway: GatewayView = field(default_factory=GatewayView)
    readings: Mapping[str, Readings] = field(default_factory=dict)
    """By the release that is compared with another, where a measurement was due."""
    quality: Standing | None = None
    """Of the collector of live answers; None where the app has none. No rollout waits for it."""
    tracing: Standing | None = None
    """Of the traces of requests; None where there are none. No rollout waits for it."""

    @property
    def policy(self) -> RolloutSpec:
        """How a change is rolled out."""
        return self.resolution.rollout

    @property
    def capacity(self) -> Capacity:
        """How pods and weights go together."""
        return capacity_of(self.spec.traffic)

    def workload(self, release: str | None) -> Workload:
        """The pods of a release; none where there is no such release."""
        return self.workloads.get(release or "", Workload())


@dataclass(frozen=True)
class Routes:
    """Where the gateway sends requests."""

    stable: str | None
    candidate: str | None = None
    weight: int = 0
    """Percent of requests for the candidate."""
    backends: tuple[str, ...] = ()
    """Every release that the gateway knows, for pinned requests and running streams."""
    testers: tuple[HeaderMatch, ...] = ()
    """Requests that go to the candidate whatever its weight: those that match any of these."""
    shadow: int = 0
    """Percent of stable's requests that are copied to the candidate, its answers thrown away."""
    variants: Mapping[str, int] = field(default_factory=dict)
    """Percent of requests for the other releases of an experiment."""


@dataclass(frozen=True)
class Notice:
    """A Kubernetes Event to be."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Plan:
    """What has to be true next. Carrying it out twice is the same as once."""

    status: LLMAppStatus
    routes: Routes
    replicas: Mapping[str, int]
    """Releases that run, and with how many pods each."""
    draining: tuple[str, ...] = ()
    """Releases whose pods are to go while their address stays."""
    create: tuple[Target, ...] = ()
    """Release objects to make."""
    evaluate: Mapping[str, EvaluationSpec] = field(default_factory=dict)
    """Evaluations that have to run or have run, by name: what the rollout waits for."""
    prune: tuple[str, ...] = ()
    """Release objects beyond the history limit."""
    notices: tuple[Notice, ...] = ()
    at: datetime | None = None
    """When to look again even if nothing happens."""
