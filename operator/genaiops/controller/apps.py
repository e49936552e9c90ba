"""Reconciling one LLMApp: observe, plan, execute."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from genaiops.api.base import Condition, Phase
from genaiops.api.llmapp_status import Announcement, LLMAppStatus
from genaiops.api.release import ReleaseStatus
from genaiops.api.tracing import Tracing
from genaiops.controller.actions import answers, cleared
from genaiops.controller.apply import Applier
from genaiops.controller.cluster import UNAVAILABLE, ApiError, Cluster
from genaiops.controller.collecting import Collecting
from genaiops.controller.dataplane import PodClient
from genaiops.controller.evaluations import evaluations_to_clear
from genaiops.controller.events import announcements, tell
from genaiops.controller.hindrances import hindered, lost_releases, refusals
from genaiops.controller.kinds import BY_KIND
from genaiops.controller.measuring import Measuring
from genaiops.controller.metrics import forget_app, observe_plan
from genaiops.controller.observe import observe
from genaiops.controller.ownership import belongs_to
from genaiops.controller.render import Manifests, nobody_loses_traffic, render
from genaiops.controller.routing.choice import Routings
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.controller.tracing import TracingOf
from genaiops.controller.webhook.stamp import Seal
from genaiops.manifests.labels import COMPONENT, QUALITY, TRACING, label_of, owner
from genaiops.manifests.release import release_object
from genaiops.release.lookup import parse_errors
from genaiops.rollout.conditions import kstatus, merge
from genaiops.rollout.plan import plan
from genaiops.rollout.snapshot import Notice, Plan, Snapshot

log = logging.getLogger(__name__)

_LOOK_AGAIN: Final = timedelta(seconds=10)
_LOOK_SOON: Final = timedelta(milliseconds=200)
_LLMAPP = BY_KIND["LLMApp"]
_RELEASE = BY_KIND["Release"]
_ACTION = BY_KIND["ReleaseAction"]


class AppReconciler:
    """Brings one LLMApp a step nearer to what its spec asks for."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        pods: PodClient,
        runtime_image: str,
        gateway_image: str,
        evaluator_image: str,
        seal: Callable[[], Seal],
        measuring: Measuring,
        tracing: Tracing | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._pods = pods
        self._runtime_image = runtime_image
        self._gateway_image = gateway_image
        self._seal = seal
        self._measuring = measuring
        self._clock = clock
        self._applier = Applier(cluster, store)
        self._collecting = Collecting(cluster, store, evaluator_image)
        self._tracing = TracingOf(cluster, store, tracing)
        self._routings = Routings(cluster, store, pods, self._applier.refused, clock)

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Seconds until the next one is due by itself; None where only an event can change anything."""
        raw = self._store.get(*key)
        if raw is None:
            self._applier.forget(key)
            self._measuring.forget(key)
            self._collecting.beside.forget(key)
            self._tracing.beside.forget(key)
            forget_app(key)
            return None
        if raw["metadata"].get("deletionTimestamp"):
            # Everything made for the app carries its owner reference: the garbage collector removes it.
            return None
        now = self._clock()
        try:
            seen = await observe(
                raw,
                self._store,
                self._pods,
                self._routings,
                self._runtime_image,
                self._seal(),
                self._measuring,
                now,
                self._exists,
            )
        except ValidationError as error:
            await self._report_unreadable(raw, error, now)
            return None
        collector = await self._collecting.observe(raw, seen.spec)
        traces = await self._tracing.observe(raw, seen.spec)
        seen = replace(seen, quality=collector.standing, tracing=traces.standing)
        untold = await self._tell(raw, seen.status.untold)
        todo = plan(seen, now)
        made = self._manifests(raw, seen, todo)
        taken = await self._applier.obstacles(made.all())
        lost = lost_releases(seen)
        refused = refusals(self._applier.refused(key), map(key_of, made.all()))
        if taken or lost or refused:
            seen = hindered(seen, {**refused, **taken}, lost)
            todo = plan(seen, now)
            made = self._manifests(raw, seen, todo).without(taken.keys())
        # The decision is on record before it is acted on: an operator that is killed in between carries it out, and
        # one that acts on an outdated app is stopped here by a conflict. The next pass tells of it, whose ever it is.
        status = todo.status.model_copy(update={"untold": [*untold, *announcements(todo.notices, now)]})
        changed = status != seen.status
        if changed:
            raw = await self._write_status(_LLMAPP, raw, status.to_manifest())
        observe_plan(seen, todo)
        if self._comes_up(seen, todo, made) and not refused:
            await self._bring_up(key, made)
            return 0.0
        settled = await self._execute(raw, seen, todo, made, keep=bool(lost))
        # Last, and whatever becomes of it: nobody's answers wait for it.
        collected = await self._collecting.beside.execute(raw, collector)
        traced = await self._tracing.beside.execute(raw, traces)
        if changed:
            return 0.0
        due = [] if todo.at is None else [todo.at - self._clock()]
        if not settled:
            due.append(_LOOK_SOON)
        if taken or untold or not collected or not traced:
            # What does not carry our labels is not watched.
            due.append(_LOOK_AGAIN)
        return max(0.0, min(due).total_seconds()) if due else None

    async def _exists(self, pod: Raw) -> bool:
        meta = pod["metadata"]
        live = await self._cluster.find(BY_KIND["Pod"], meta["namespace"], meta["name"])
        return live is not None and live["metadata"]["uid"] == meta["uid"]

    def _manifests(self, raw: Raw, seen: Snapshot, todo: Plan) -> Manifests:
        """Everything that has to exist; Releases, which never change, only where they are missing."""
        owned_by = owner("LLMApp", seen.name, raw["metadata"]["uid"])
        made = render(
            raw, seen, todo, self._gateway_image, lambda name: self._store.get("Deployment", seen.namespace, name)
        )
        missing = [
            release_object(name, seen.namespace, release, owned_by)
            for name, release in seen.releases.items()
            if self._store.get("Release", seen.namespace, name) is None
        ]
        return replace(made, needs=[*missing, *made.needs])

    def _comes_up(self, seen: Snapshot, todo: Plan, made: Manifests) -> bool:
        """Whether this is a new app whose pods are still to be made: of many, all get theirs before any gets the rest,
        which nobody needs before there are pods."""
        new = seen.status.stable_release is None and nobody_loses_traffic(seen, todo)
        return new and any(self._store.get(*key_of(item)) is None for item in made.pods)

    async def _bring_up(self, key: Key, made: Manifests) -> None:
        if refusal := await self._applier.apply(key, made.needs, made.pods):
            raise refusal

    async def _execute(self, raw: Raw, seen: Snapshot, todo: Plan, made: Manifests, *, keep: bool) -> bool:
        """Carry the plan out; False where the traffic can't follow yet. `keep`: nobody knows all that should be there,
        so nothing is one too many."""
        key, objects = key_of(raw), made.all()
        if nobody_loses_traffic(seen, todo):
            waves = (made.needs, made.pods, [*made.traffic, *made.budgets])
        else:
            # Taking traffic away must not wait for anything.
            waves = (made.needs, made.traffic, [*made.pods, *made.budgets])
        refusal = await self._applier.apply(key, *waves)
        settled = await self._routings.of(seen.spec).take_effect(raw, seen, todo, objects)
        wanted = {key_of(manifest) for manifest in objects}
        mine = [live for live in self._store.owned(key) if belongs_to(live, raw["metadata"]["uid"])]
        owned = [live for live in mine if label_of(live, COMPONENT) not in (QUALITY, TRACING)]
        for live in owned:
            kind, name = live["kind"], live["metadata"]["name"]
            if kind == "Release":
                if name in todo.prune:
                    await self._applier.delete(live)
                elif name in seen.releases:
                    await self._write_role(live, seen, todo)
            elif kind not in ("Pod", "ReleaseAction", "Evaluation") and key_of(live) not in wanted and not keep:
                await self._applier.delete(live)
        for evaluation in evaluations_to_clear(owned, todo.evaluate, seen.spec.revision_history_limit):
            await self._applier.delete(evaluation)
        await self._answer(owned, seen, todo)
        if refusal:
            raise refusal
        return settled

    async def _answer(self, owned: Sequence[Raw], seen: Snapshot, todo: Plan) -> None:
        """Tell people what became of their decisions; the oldest answered ones are cleared away."""
        for action, status in answers(owned, todo.status, self._clock()):
            try:
                await self._write_status(_ACTION, action, status.to_manifest())
            except ApiError as refusal:
                if not refusal.permanent:
                    raise
                # The API server judges the whole object anew, and this one is older than its rules.
                log.warning("%s %s/%s: its status can't be written: %s", *key_of(action), refusal)
        for action in cleared(owned, todo.status, seen.spec.revision_history_limit):
            await self._applier.delete(action)

    async def _tell(self, raw: Raw, untold: Sequence[Announcement]) -> Sequence[Announcement]:
        """Tell what is on record as untold; returns what can't be told now, which must not keep anything from being
        done."""
        for index, news in enumerate(untold):
            try:
                await tell(self._cluster, raw, "LLMApp", news, news.at.isoformat())
            except UNAVAILABLE as error:
                log.warning("%s/%s: an Event is told later: %s", *key_of(raw)[1:], error or type(error).__name__)
                return untold[index:]
        return ()

    async def _write_role(self, live: Raw, seen: Snapshot, todo: Plan) -> None:
        name = live["metadata"]["name"]
        status, weight = todo.status, todo.routes.weight
        role, share = "Retired", None
        variants = {one.release: one.weight for one in status.rollout.compared} if status.rollout else {}
        if name == status.stable_release:
            role, share = "Stable", 100 - weight - sum(variants.values())
        elif name == status.candidate_release:
            role, share = "Candidate", weight if status.stable_release else 100
        elif name in variants:
            role, share = "Variant", variants[name]
        elif status.watch and name == status.watch.previous:
            role, share = "Standby", 0
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
        """The spec, or a status that a newer operator wrote, can't be read: say so, touch nothing else."""
        generation, status = raw["metadata"]["generation"], raw.get("status") or {}
        part = "status" if error.title == LLMAppStatus.__name__ else "spec"
        remedy = "; a newer operator wrote it: upgrade this one" if part == "status" else ""
        message = f"{parse_errors(error, part)}; what runs is left as it is{remedy}"
        reason = f"Invalid{part.capitalize()}"
        stalled = kstatus(generation, now, ready=False, reconciling=False, stalled=True, reason=reason, message=message)
        conditions = _readable_conditions(status)
        others = [condition for condition in conditions if condition.type not in {item.type for item in stalled}]
        reported = {
            **status,
            "observedGeneration": generation,
            "phase": Phase.DEGRADED.value,
            "conditions": [condition.to_manifest() for condition in merge(conditions, [*stalled, *others])],
        }
        if reported != status:
            # First: no status that can be read holds what is still to be told.
            (news,) = announcements([Notice(reason, message, True)], now)
            await tell(self._cluster, raw, "LLMApp", news, str(raw["metadata"]["generation"]))
            try:
                await self._write_status(_LLMAPP, raw, reported)
            except ApiError as refusal:
                if not refusal.permanent:
                    raise
                # The API server judges the whole app anew, and this one is older than its rules.
                log.warning("%s/%s: its status can't be written: %s", *key_of(raw)[1:], refusal)


def _readable_conditions(status: Raw) -> list[Condition]:
    readable = []
    for item in status.get("conditions") or ():
        with suppress(ValidationError):
            readable.append(Condition.model_validate(item))
    return readable
