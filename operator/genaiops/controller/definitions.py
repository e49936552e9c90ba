"""Reconciling the kinds that apps refer to: judge each, say so on the object, run the servers of served models."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from genaiops.api.base import ApiModel, Condition, ObjectStatus
from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.api.model import LifecycleStage, ModelSpec
from genaiops.api.prompt import PromptSpec
from genaiops.api.rollout import RolloutPolicySpec
from genaiops.controller.apply import Applier
from genaiops.controller.cluster import ApiError, Cluster
from genaiops.controller.dataplane import is_ready, pod_problem
from genaiops.controller.datasets import MissingError, looks_again, require_volumes, rows_held
from genaiops.controller.events import announcements, tell
from genaiops.controller.kinds import BY_KIND
from genaiops.controller.ownership import belongs_to
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.guardrails.validate import validate
from genaiops.manifests.labels import owner
from genaiops.manifests.serving import serving_objects
from genaiops.manifests.template import kept
from genaiops.problem import Problem
from genaiops.release.lookup import parse_errors, prompts_in
from genaiops.release.prompts import judge
from genaiops.release.resolve import resolve_suite
from genaiops.rollout.conditions import kstatus, merge
from genaiops.rollout.snapshot import Notice

log = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS: Final = 10.0
_LOOK_WHETHER_THERE: Final = 300.0
_LOOK_WHETHER_IT_CAME: Final = 10.0
"""Seconds between two looks at users' ConfigMaps and volumes, which are not watched: of a suite that can be run, and of
one that can't."""
_SPECS: dict[str, type[ApiModel]] = {
    "Model": ModelSpec,
    "Prompt": PromptSpec,
    "GuardrailPolicy": GuardrailPolicySpec,
    "RolloutPolicy": RolloutPolicySpec,
    "EvaluationSuite": EvaluationSuiteSpec,
}


class DefinitionReconciler:
    """Judges a Model, Prompt, GuardrailPolicy, RolloutPolicy or EvaluationSuite."""

    def __init__(
        self, cluster: Cluster, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._applier = Applier(cluster, store)

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Seconds until the next is due by itself: where a name that it needs
        is not free, or what it names is not watched."""
        raw = self._store.get(*key)
        if raw is None:
            self._applier.forget(key)
            return None
        if raw["metadata"].get("deletionTimestamp"):
            return None
        generation, now = raw["metadata"]["generation"], self._clock()
        try:
            spec = _SPECS[key.kind].model_validate(raw.get("spec") or {})
        except ValidationError as error:
            await self._report(key, raw, _stalled(generation, now, "InvalidSpec", parse_errors(error)))
            return None
        if isinstance(spec, ModelSpec):
            return await self._reconcile_model(key, raw, spec, now)
        if isinstance(spec, EvaluationSuiteSpec):
            conditions = await self._judge_suite(key, spec, generation, now)
            await self._report(key, raw, conditions)
            if not looks_again(spec):
                return None
            return _LOOK_WHETHER_THERE if conditions[0].status == "True" else _LOOK_WHETHER_IT_CAME
        found = self._problems(key, spec)
        errors = "; ".join(f"spec.{problem}" for problem in found if not problem.warning)
        warnings = "; ".join(f"spec.{problem}" for problem in found if problem.warning)
        if errors:
            conditions = _stalled(generation, now, "Invalid", errors)
        else:
            conditions = _ready(generation, now, "Valid", warnings or "can be used")
        await self._report(key, raw, conditions)
        return None

    async def _reconcile_model(self, key: Key, raw: Raw, spec: ModelSpec, now: datetime) -> float | None:
        generation, uid = raw["metadata"]["generation"], raw["metadata"]["uid"]
        objects = [
            kept(manifest, self._store.get(*key_of(manifest)))
            for manifest in serving_objects(key.name, key.namespace, spec, owner("Model", key.name, uid))
        ]
        taken = await self._applier.obstacles(objects)
        if taken:
            problem = next(iter(taken.values()))
            await self._report(key, raw, _stalled(generation, now, problem.reason, str(problem)))
            return _LOOK_AGAIN_SECONDS
        refusal = await self._applier.apply(key, objects)
        wanted = {key_of(manifest) for manifest in objects}
        for live in self._store.owned(key):
            if live["kind"] != "Pod" and key_of(live) not in wanted and belongs_to(live, uid):
                await self._applier.delete(live)
        if refusal:
            message = f"spec.serving: the API server refuses what it needs: {refusal}"
            await self._report(key, raw, _stalled(generation, now, "Refused", message))
            raise refusal
        await self._report(key, raw, self._judge_model(key, spec, generation, now))
        return None

    def _judge_model(self, key: Key, spec: ModelSpec, generation: int, now: datetime) -> list[Condition]:
        if spec.credentials:
            ref = spec.credentials.secret_ref
            secret = self._store.get("Secret", key.namespace, ref.name)
            if secret is None:
                message = f"spec.credentials.secretRef: there is no Secret {ref.name!r}; create it with key {ref.key!r}"
                return _stalled(generation, now, "SecretNotFound", message)
            if ref.key not in secret["keys"]:
                message = (
                    f"spec.credentials.secretRef.key: Secret {ref.name!r} has no key {ref.key!r}; "
                    f"it has {', '.join(secret['keys']) or 'none'}"
                )
                return _stalled(generation, now, "SecretKeyNotFound", message)
        if spec.serving and spec.serving.replicas > 0:
            pods = [raw for raw in self._store.owned(key) if raw["kind"] == "Pod"]
            ready = sum(is_ready(pod) for pod in pods)
            if not ready:
                reasons = [reason for reason in map(pod_problem, pods) if reason]
                message = f"0 of {spec.serving.replicas} server pods are ready"
                if reasons:
                    return _stalled(generation, now, "ServerNotReady", f"{message}: {reasons[0]}")
                return kstatus(
                    generation,
                    now,
                    ready=False,
                    reconciling=True,
                    stalled=False,
                    reason="ServerStarting",
                    message=message,
                )
        if spec.lifecycle.stage is not LifecycleStage.APPROVED:
            instead = f"; move to {spec.lifecycle.replacement}" if spec.lifecycle.replacement else ""
            return _ready(generation, now, spec.lifecycle.stage.value, f"{spec.lifecycle.stage}{instead}")
        return _ready(generation, now, "Available", "can be used")

    def _problems(self, key: Key, spec: ApiModel) -> list[Problem]:
        if isinstance(spec, PromptSpec):

            def lookup(kind: str, name: str) -> Raw | None:
                return self._store.get(kind, key.namespace, name)

            return judge(key.name, spec, prompts_in(lookup, key.namespace))
        if isinstance(spec, GuardrailPolicySpec):
            return validate(spec)
        return []

    async def _judge_suite(
        self, key: Key, spec: EvaluationSuiteSpec, generation: int, now: datetime
    ) -> list[Condition]:
        suite, problems = resolve_suite(
            key.name, key.namespace, lambda kind, name: self._store.get(kind, key.namespace, name)
        )
        if suite:
            try:
                await rows_held(self._cluster, key.namespace, spec.dataset)
                await require_volumes(self._cluster, key.namespace, spec)
            except MissingError as missing:
                return _stalled(generation, now, missing.reason, str(missing))
            return _ready(generation, now, "Valid", "can be used")
        message = "; ".join(problem.message for problem in problems)
        waits = all(problem.waits for problem in problems)
        return kstatus(
            generation,
            now,
            ready=False,
            reconciling=waits,
            stalled=not waits,
            reason=problems[0].reason,
            message=message,
        )

    async def _report(self, key: Key, raw: Raw, conditions: list[Condition]) -> None:
        try:
            before = ObjectStatus.model_validate(raw.get("status") or {})
        except ValidationError:
            before = ObjectStatus()
        status = ObjectStatus(
            observed_generation=raw["metadata"]["generation"], conditions=merge(before.conditions, conditions)
        )
        if status == before:
            return
        ready = status.conditions[0]
        was = next((condition for condition in before.conditions if condition.type == "Ready"), None)
        if was is None or (was.status, was.reason, was.message) != (ready.status, ready.reason, ready.message):
            # First: once the status says it, nobody knows that it is still to be told.
            notice = Notice(ready.reason, ready.message, warning=status.conditions[2].status == "True")
            (news,) = announcements([notice], self._clock())
            await tell(self._cluster, raw, key.kind, news, str(raw["metadata"]["generation"]))
        try:
            # Not put into the store here: the watch brings it, and with it a reconcile of the apps that wait for it.
            await self._cluster.write_status(BY_KIND[key.kind], raw, status.to_manifest())
        except ApiError as error:
            if not error.permanent:
                raise
            # The API server judges the whole object anew, and this one is older than its rules. The Event tells it.
            log.warning("%s %s/%s: its status can't be written: %s", *key, error)


def _ready(generation: int, now: datetime, reason: str, message: str) -> list[Condition]:
    return kstatus(generation, now, ready=True, reconciling=False, stalled=False, reason=reason, message=message)


def _stalled(generation: int, now: datetime, reason: str, message: str) -> list[Condition]:
    return kstatus(generation, now, ready=False, reconciling=False, stalled=True, reason=reason, message=message)
