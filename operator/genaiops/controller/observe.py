"""Gathering the snapshot of one app: what the store holds, and what the data plane says where it matters now."""

import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from genaiops.analysis.readings import Readings
from genaiops.api.base import Phase
from genaiops.api.evaluation import EvaluationSpec, EvaluationStatus
from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.api.release import ReleaseSpec
from genaiops.controller.actions import asked_of, people_behind, uids_of
from genaiops.controller.dataplane import PodClient, UnreachableError, is_ready, pod_problem
from genaiops.controller.measuring import Measuring
from genaiops.controller.ownership import belongs_to
from genaiops.controller.readings import read_pods
from genaiops.controller.routing import Split
from genaiops.controller.routing.choice import Routings
from genaiops.controller.store import Key, Raw, Store
from genaiops.controller.webhook.stamp import Seal
from genaiops.manifests.labels import COMPONENT, QUALITY, RELEASE, RUNTIME, label_of
from genaiops.manifests.release import HTTP_PORT, release_of
from genaiops.release.resolve import resolve
from genaiops.rollout.comparison import comparisons
from genaiops.rollout.due import gateway_due
from genaiops.rollout.snapshot import Run, Snapshot, Workload


async def observe(
    raw: Raw,
    store: Store,
    pods: PodClient,
    routings: Routings,
    runtime_image: str,
    seal: Seal,
    measuring: Measuring,
    now: datetime,
    exists: Callable[[Raw], Awaitable[bool]],
) -> Snapshot:
    """The snapshot of an app. Raises ValidationError where its spec or status can't be read."""
    meta = raw["metadata"]
    name, namespace = meta["name"], meta["namespace"]
    spec = LLMAppSpec.model_validate(raw.get("spec") or {})
    status = LLMAppStatus.model_validate(raw.get("status") or {})
    about = store.owned(Key("LLMApp", namespace, name))
    owned = [item for item in about if belongs_to(item, meta["uid"])]
    releases = _releases(owned)
    resolution = resolve(
        name,
        namespace,
        spec,
        lambda kind, ref: store.get(kind, namespace, ref),
        runtime_image,
        releases,
        status.stable_release,
    )
    runtimes = [raw for raw in owned if raw["kind"] == "Pod" and label_of(raw, COMPONENT) == RUNTIME]
    split = Split(raw, spec, status, owned)
    routing = routings.of(spec)
    if stopped := routing.problems(split):
        resolution = replace(resolution, target=None, problems=(*resolution.problems, *stopped))
    gateway = await routing.view(split, due=gateway_due(status, resolution))
    compared = comparisons(status, resolution.rollout)
    if not compared:
        measuring.forget(Key("LLMApp", namespace, name))
    readings: dict[str, Readings] = {}
    if due := [one for one in compared if one.is_due(now)]:
        collectors = [raw for raw in owned if raw["kind"] == "Pod" and label_of(raw, COMPONENT) == QUALITY]
        counted = await read_pods(pods, runtimes, collectors, due, now, exists)
        measured = measuring.take(raw, compared, now)
        readings = {one.candidate: replace(counted[one.candidate], measurements=measured[one.candidate]) for one in due}
    workloads = _workloads(owned, runtimes)
    if status.phase is not Phase.HEALTHY:
        workloads = await _with_reasons(pods, runtimes, workloads)
    return Snapshot(
        name=name,
        namespace=namespace,
        generation=meta["generation"],
        spec=spec,
        status=status,
        resolution=resolution,
        actions=asked_of(owned, meta["uid"], seal),
        action_uids=uids_of(about),
        changed_by=people_behind(raw, store, seal),
        releases=releases,
        runs=_runs(about),
        workloads=workloads,
        gateway=gateway,
        readings=readings,
    )


def _releases(owned: list[Raw]) -> dict[str, ReleaseSpec]:
    """The app's releases, oldest first. While one runs it also stands in its ConfigMap, should its object be deleted.

    One that can't be read was written by a newer operator: what runs of it is left running, and nothing is made of it.
    """
    releases = {}
    for raw in owned:
        if raw["kind"] == "Release" and not raw["metadata"].get("deletionTimestamp"):
            with suppress(ValidationError):
                releases[raw["metadata"]["name"]] = ReleaseSpec.model_validate(raw.get("spec"))
    for raw in owned:
        name = raw["metadata"]["name"]
        if raw["kind"] == "ConfigMap" and label_of(raw, COMPONENT) == RUNTIME and name not in releases:
            with suppress(ValueError):
                releases[name] = release_of(raw)
    return releases


def _runs(about: list[Raw]) -> dict[str, Run]:
    """The app's Evaluations, oldest first. One that can't be read is of another version of the operator."""
    runs = {}
    for raw in about:
        if raw["kind"] == "Evaluation" and not raw["metadata"].get("deletionTimestamp"):
            with suppress(ValidationError):
                runs[raw["metadata"]["name"]] = Run(
                    EvaluationSpec.model_validate(raw.get("spec")),
                    EvaluationStatus.model_validate(raw.get("status") or {}),
                )
    return runs


def _workloads(owned: list[Raw], runtimes: list[Raw]) -> dict[str, Workload]:
    found: dict[str, dict[str, Any]] = {}
    for raw in owned:
        if raw["kind"] == "Deployment" and label_of(raw, COMPONENT) == RUNTIME:
            deleted = bool(raw["metadata"].get("deletionTimestamp"))
            found[label_of(raw, RELEASE)] = {"exists": not deleted, "replicas": raw["spec"].get("replicas", 1)}
            if failure := _replica_failure(raw):
                found[label_of(raw, RELEASE)]["problem"] = failure
    for pod in runtimes:
        fields = found.setdefault(label_of(pod, RELEASE), {})
        fields["pods"] = fields.get("pods", 0) + 1
        if is_ready(pod):
            fields["ready"] = fields.get("ready", 0) + 1
        elif not pod["metadata"].get("deletionTimestamp"):
            fields["problem"] = pod_problem(pod) or fields.get("problem")
    return {release: Workload(**fields) for release, fields in found.items()}


def _replica_failure(deployment: Raw) -> str | None:
    """What keeps the Deployment from making pods at all: a quota, an admission webhook."""
    for condition in deployment.get("status", {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return f"{condition.get('reason')}: {condition.get('message')}"
    return None


async def _with_reasons(pods: PodClient, runtimes: list[Raw], workloads: Mapping[str, Workload]) -> dict[str, Workload]:
    """Running pods that are not ready know why: the kubelet tells the status code only, so they are asked."""
    asked = {}
    for pod in runtimes:
        workload = workloads.get(label_of(pod, RELEASE), Workload())
        containers = pod.get("status", {}).get("containerStatuses") or ()
        runs = any(c["name"] == "runtime" and "running" in c.get("state", {}) for c in containers)
        leaving = pod["metadata"].get("deletionTimestamp")
        if workload.problem is None and runs and not is_ready(pod) and not leaving:
            asked[label_of(pod, RELEASE)] = pod
    reasons = dict(workloads)
    for release, pod in asked.items():
        try:
            await pods.get(pod, HTTP_PORT, "/readyz")
        except UnreachableError as error:
            if error.body:
                reasons[release] = replace(reasons[release], problem=_readiness(error.body))
    return reasons


def _readiness(body: str) -> str:
    """The reason in the runtime's answer; an app's own container answers as it likes."""
    try:
        return str(json.loads(body)["status"])[:500]
    except (ValueError, LookupError, TypeError):
        return body[:500]
