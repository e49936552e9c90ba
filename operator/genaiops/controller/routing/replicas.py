"""The ratio of pods behind one Service."""

from genaiops.controller.cluster import UNAVAILABLE, Cluster
from genaiops.controller.dataplane import is_ready
from genaiops.controller.routing import Split
from genaiops.controller.routing.slices import behind
from genaiops.controller.store import Raw, Store
from genaiops.manifests.labels import RELEASE, Object, label_of
from genaiops.release.resolve import ReferenceProblem
from genaiops.rollout.snapshot import GatewayView, Plan, Snapshot
from genaiops.traffic.replicas import weights


class ReplicasRouting:
    """Traffic split by the number of pods behind the app's Service."""

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store

    def problems(self, split: Split) -> list[ReferenceProblem]:
        """None: everything is the operator's own."""
        return []

    async def view(self, split: Split, *, due: bool) -> GatewayView:
        """The pods that the Service's EndpointSlices list, and what weights they make."""
        exists = self._store.get("Service", split.namespace, split.name) is not None
        if not due or not exists:
            problem = None if exists else f"there is no Service {split.name!r} yet"
            return GatewayView(ready=int(exists), problem=problem, by="the Service")
        ready = [label_of(raw, RELEASE) for raw in split.owned if raw["kind"] == "Pod" and is_ready(raw)]
        try:
            listed = await behind(self._cluster, self._store, split.namespace, split.name)
        except UNAVAILABLE as error:
            problem = f"the EndpointSlices of Service {split.name!r} can't be listed: {error or type(error).__name__}"
            return GatewayView(ready=1, problem=problem, by="the Service")
        status = split.status
        asked = status.rollout.weight if status.rollout else 0
        shares = weights(listed, status.candidate_release, asked, split.spec.replicas)
        problem = None
        if status.candidate_release and shares.get(status.candidate_release, 0) != asked:
            pods = ", ".join(f"{number} of {release}" for release, number in sorted(listed.items()))
            problem = f"pods that get requests: {pods or 'none'}"
        return GatewayView(
            ready=1,
            weights=shares,
            endpoints={release: ready.count(release) for release in set(ready)},
            problem=problem,
            by="the Service",
        )

    async def take_effect(self, raw: Raw, seen: Snapshot, todo: Plan, objects: list[Object]) -> bool:
        """Kubernetes itself follows the Service."""
        return True
