"""Reconciling one LLMApp: observe, plan, execute."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from genaiops.api.base import Condition, Phase
from genaiops.api.llmapp import LLMAppStatus
from genaiops.api.release import ReleaseStatus
from genaiops.controller.apply import Applier
from genaiops.controller.cluster import Cluster
from genaiops.controller.dataplane import PodClient
from genaiops.controller.events import event_object
from genaiops.controller.kinds import BY_KIND
from genaiops.controller.metrics import observe_plan
from genaiops.controller.observe import observe
from genaiops.controller.render import render
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.manifests.labels import COMPONENT, GATEWAY
from genaiops.release.resolve import parse_errors
from genaiops.rollout.conditions import kstatus, merge
from genaiops.rollout.plan import plan
from genaiops.rollout.snapshot import Notice, Plan, Snapshot
from genaiops.traffic.envoy import routes_version

log = logging.getLogger(__name__)

CONFIG_ANNOTATION = "genaiops.dev/config"
_LLMAPP = BY_KIND["LLMApp"]
_RELEASE = BY_KIND["Release"]


class AppReconciler:
    """Brings one LLMApp a step nearer to what its spec asks for."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        pods: PodClient,
        runtime_image: str,
        gateway_image: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._pods = pods
        self._runtime_image = runtime_image
        self._gateway_image = gateway_image
        self._clock = clock
        self._applier = Applier(cluster, store)

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Seconds until the next one is due by itself; None where only an event can change anything."""
        raw = self._store.get(*key)
        if raw is None or raw["metadata"].get("deletionTimestamp"):
            # Everything made for the app carries its owner reference: the garbage collector removes it.
            return None
        now = self._clock()
        try:
            seen = await observe(raw, self._store, self._pods, self._runtime_image, now)
        except ValidationError as error:
            await self._report_unreadable(raw, error, now)
            return None
        todo = plan(seen, now)
        observe_plan(seen, todo)
        # The decision is on record before it is acted on: an operator that is killed in between carries it out, and
        # one that acts on an outdated app is stopped here by a conflict.
        changed = todo.status != seen.status
        if changed:
            raw = await self._write_status(_LLMAPP, raw, todo.status.to_manifest())
        await self._execute(raw, seen, todo)
        for notice in todo.notices:
            log.info("%s/%s %s: %s", key.namespace, key.name, notice.reason, notice.message)
            await self._cluster.apply(event_object(raw, "LLMApp", notice, now))
        if changed:
            return 0.0
        return None if todo.at is None else max(0.0, (todo.at - self._clock()).total_seconds())

    async def _execute(self, raw: Raw, seen: Snapshot, todo: Plan) -> None:
        objects = render(raw, seen, todo, self._gateway_image)
        for manifest in objects:
            await self._applier.apply(manifest)
            if manifest["kind"] == "ConfigMap" and manifest["metadata"]["labels"][COMPONENT] == GATEWAY:
                await self._wake_gateway(raw, manifest)
        wanted = {key_of(manifest) for manifest in objects}
        for live in self._store.owned(key_of(raw)):
            kind, name = live["kind"], live["metadata"]["name"]
            if kind == "Release":
                if name in todo.prune:
                    await self._applier.delete(live)
                elif name in seen.releases:
                    await self._write_role(live, seen, todo)
            elif kind != "Pod" and key_of(live) not in wanted:
                await self._applier.delete(live)

    async def _wake_gateway(self, raw: Raw, config: Raw) -> None:
        """A changed ConfigMap reaches a pod's volume at the kubelet's next sync of the pod, up to a minute and a half
        later; any change of the pod brings that sync about at once."""
        version = routes_version(config["data"])
        for pod in self._store.owned(key_of(raw)):
            meta = pod["metadata"]
            if pod["kind"] != "Pod" or (meta.get("labels") or {}).get(COMPONENT) != GATEWAY:
                continue
            if (meta.get("annotations") or {}).get(CONFIG_ANNOTATION) != version and not meta.get("deletionTimestamp"):
                await self._cluster.annotate(
                    BY_KIND["Pod"], meta["namespace"], meta["name"], {CONFIG_ANNOTATION: version}
                )

    async def _write_role(self, live: Raw, seen: Snapshot, todo: Plan) -> None:
        name = live["metadata"]["name"]
        status, weight = todo.status, todo.routes.weight
        role, share = "Retired", None
        if name == status.stable_release:
            role, share = "Stable", 100 - weight
        elif name == status.candidate_release:
            role, share = "Candidate", weight if status.stable_release else 100
        elif name in status.retiring:
            role, share = "Retiring", 0
        ready = seen.workload(name).ready if role != "Retired" else None
        wanted = ReleaseStatus(role=role, weight=share, ready_replicas=ready).to_manifest()
        if (live.get("status") or {}) != wanted:
            await self._write_status(_RELEASE, live, wanted)

    async def _write_status(self, resource: Any, raw: Raw, status: dict[str, Any]) -> Raw:
        written = await self._cluster.write_status(resource, raw, status)
        self._store.put(resource.kind, written)
        return self._store.get(*key_of(raw)) or written

    async def _report_unreadable(self, raw: Raw, error: ValidationError, now: datetime) -> None:
        """The spec (or a status written by a newer operator) can't be read: say so, touch nothing else."""
        meta = raw["metadata"]
        message = f"{parse_errors(error)}; what runs is left as it is"
        try:
            status = LLMAppStatus.model_validate(raw.get("status") or {})
        except ValidationError:
            log.error("%s/%s: status can't be read: %s", meta["namespace"], meta["name"], message)
            return
        conditions: list[Condition] = kstatus(
            meta["generation"], now, ready=False, reconciling=False, stalled=True, reason="InvalidSpec", message=message
        )
        others = [condition for condition in status.conditions if condition.type == "Available"]
        reported = status.model_copy(
            update={
                "observed_generation": meta["generation"],
                "phase": Phase.DEGRADED,
                "conditions": merge(status.conditions, [*conditions, *others]),
            }
        )
        if reported != status:
            raw = await self._write_status(_LLMAPP, raw, reported.to_manifest())
            await self._cluster.apply(event_object(raw, "LLMApp", Notice("InvalidSpec", message, True), now))
