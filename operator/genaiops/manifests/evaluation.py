"""The objects of one evaluation: the Evaluation that a rollout asks for, and the ConfigMap and Job of its run.

The Job's pod is the release's own pod with the evaluator beside it: what users will get is what is judged, before there
is anything that users could reach.
"""

import json
from collections.abc import Iterator
from math import ceil
from typing import Any, Final

from genaiops.api import API_VERSION
from genaiops.api.evaluation import EvaluationSpec
from genaiops.api.evaluation_run import (
    CONFIG_MAP_DATASET,
    PIPES,
    PROGRESS_PORT,
    RESULTS,
    RUN_FILE,
    SECRETS,
    VOLUME_DATASET,
    EvaluationRun,
)
from genaiops.api.evaluator import Evaluator
from genaiops.api.release import ReleaseSpec
from genaiops.manifests.labels import (
    APP,
    COMPONENT,
    EVALUATION,
    MANAGED_BY,
    MANAGER,
    QUALITY,
    TRACING,
    Object,
    metadata,
)
from genaiops.manifests.pods import NON_ROOT, container_security
from genaiops.manifests.release import RELEASE_FILE, deployment, release_document
from genaiops.manifests.secrets import api_key_mounts, api_keys, projected

EVALUATOR: Final = "evaluator"
"""Component of its pods, and the name of the container that judges."""
KEPT_SECONDS: Final = 24 * 3600
"""Time that a finished Job stays: its pod's log has the rows."""
MARGIN_SECONDS: Final = 600
"""Time for images, volumes and a start anew, beyond the suite's deadline, which the evaluator keeps itself."""
_TRIES: Final = 3
_MESSAGE_BYTES: Final = 4096
"""Of one termination message; and of all of a pod, which the kubelet divides among its containers (init containers
included) and cuts off beyond: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/"""
_MESSAGES_BYTES: Final = 12 * 1024
_RESOURCES: Final = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
# Its program is run with pipes for standard input and output, which the evaluator makes once it has started.
_CONNECTED: Final = 'while [ ! -p "$0/out" ]; do sleep 0.2; done; exec "$@" <"$0/in" >"$0/out"'


def evaluation_object(name: str, namespace: str, spec: EvaluationSpec, owned_by: Object) -> Object:
    """The Evaluation that a rollout waits for."""
    labels = {MANAGED_BY: MANAGER, APP: spec.app}
    return {
        "apiVersion": API_VERSION,
        "kind": "Evaluation",
        "metadata": metadata(name, namespace, labels, owned_by),
        "spec": spec.to_manifest(),
    }


def run_objects(run: EvaluationRun, release: ReleaseSpec, image: str, owned_by: Object) -> list[Object]:
    """ConfigMap and Job of a run, in this order."""
    name, namespace = run.evaluation, run.namespace
    pod = _pod(run, release, image)
    containers = len(pod["initContainers"]) + len(pod["containers"])
    run = run.model_copy(update={"message_bytes": min(_MESSAGE_BYTES, _MESSAGES_BYTES // containers)})
    labels = {MANAGED_BY: MANAGER, EVALUATION: name}
    settings: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(name, namespace, labels, owned_by),
        "immutable": True,
        "data": {
            RUN_FILE.rpartition("/")[2]: json.dumps(run.to_manifest(), sort_keys=True, ensure_ascii=False),
            RELEASE_FILE: release_document(run.release, release),
        },
    }
    pod_labels = {**labels, APP: run.app, COMPONENT: EVALUATOR}
    job: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, namespace, pod_labels, owned_by),
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": ceil(run.suite.deadline.total_seconds()) + MARGIN_SECONDS,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": pod_labels}, "spec": pod},
        },
    }
    return [settings, job]


def _pod(run: EvaluationRun, release: ReleaseSpec, image: str) -> dict[str, Any]:
    made = deployment(run.release, run.namespace, release, 1, {})["spec"]["template"]["spec"]
    spec = {name: value for name, value in made.items() if name != "topologySpreadConstraints"}
    # Answers that are evaluated here are nobody's: the folders of online quality and tracing stay empty.
    emptied: list[dict[str, Any]] = [{"name": name, "emptyDir": {}} for name in (QUALITY, TRACING)]
    volumes = [volume for volume in made["volumes"] if volume["name"] not in ("release", QUALITY, TRACING)]
    settings = {"name": run.evaluation}
    return {
        **spec,
        # A container that is started anew goes on where it was.
        "restartPolicy": "OnFailure",
        "securityContext": {**made["securityContext"], "fsGroup": NON_ROOT},
        "initContainers": [
            *map(_beside, made["containers"]),
            *(_judge(evaluator) for evaluator in run.suite.evaluators if evaluator.container),
        ],
        "containers": [_evaluator(run, image)],
        "volumes": [
            *volumes,
            *emptied,
            {"name": "release", "configMap": {**settings, "items": [_same(RELEASE_FILE)]}},
            {"name": "evaluation", "configMap": {**settings, "items": [_same(RUN_FILE.rpartition("/")[2])]}},
            {"name": "pipes", "emptyDir": {}},
            *_volumes(run),
        ],
    }


def _same(key: str) -> dict[str, str]:
    return {"key": key, "path": key}


def _beside(container: dict[str, Any]) -> dict[str, Any]:
    """A container that runs as long as the evaluator does, and before it.

    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    started = container.get("startupProbe") or {**container["readinessProbe"], "failureThreshold": 300}
    beside = {name: value for name, value in container.items() if name not in ("readinessProbe", "livenessProbe")}
    return {
        **beside,
        "restartPolicy": "Always",
        "startupProbe": started,
        # What a crash says last is all that is left of it once the run has ended.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _judge(evaluator: Evaluator) -> dict[str, Any]:
    """A program of somebody else that judges, line by line."""
    container = evaluator.container
    assert container is not None
    return {
        "name": f"judge-{evaluator.name}"[:63].rstrip("-"),
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "command": ["/bin/sh", "-c", _CONNECTED, f"{PIPES}/{evaluator.name}", *container.command],
        "env": [variable.as_container_env() for variable in container.env],
        "resources": container.resources.to_manifest(),
        "securityContext": container_security(read_only=False),
        "volumeMounts": [{"name": "pipes", "mountPath": PIPES}],
    }


def _evaluator(run: EvaluationRun, image: str) -> dict[str, Any]:
    mounts = [
        {"name": "evaluation", "mountPath": RUN_FILE.rpartition("/")[0], "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "pipes", "mountPath": PIPES},
        {"name": "results", "mountPath": RESULTS, **_results_path(run)},
    ]
    dataset = run.suite.dataset
    if dataset.config_map_ref:
        mounts.append({"name": "dataset", "mountPath": CONFIG_MAP_DATASET, "readOnly": True})
    if dataset.volume:
        mounts.append({"name": "dataset", "mountPath": VOLUME_DATASET, "readOnly": True})
    if run.suite.secrets:
        mounts.append({"name": "secrets", "mountPath": SECRETS, "readOnly": True})
    mounts += api_key_mounts(run.models)
    return {
        "name": EVALUATOR,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "progress", "containerPort": PROGRESS_PORT}],
        "resources": _RESOURCES,
        "securityContext": container_security() | {"runAsUser": NON_ROOT, "runAsGroup": NON_ROOT},
        "volumeMounts": mounts,
    }


def _results_path(run: EvaluationRun) -> dict[str, str]:
    claimed = run.suite.store and run.suite.store.claim
    return {"subPath": run.evaluation} if claimed else {}


def _volumes(run: EvaluationRun) -> Iterator[dict[str, Any]]:
    dataset, store = run.suite.dataset, run.suite.store
    if dataset.config_map_ref:
        ref = dataset.config_map_ref
        yield {"name": "dataset", "configMap": {"name": ref.name, "items": [_same(ref.key)]}}
    if dataset.volume:
        yield {"name": "dataset", "persistentVolumeClaim": {"claimName": dataset.volume.claim, "readOnly": True}}
    if store and store.claim:
        yield {"name": "results", "persistentVolumeClaim": {"claimName": store.claim}}
    else:
        yield {"name": "results", "emptyDir": {}}
    if run.suite.secrets:
        yield projected("secrets", run.suite.secrets)
    yield from api_keys(run.models)
