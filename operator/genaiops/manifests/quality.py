"""The objects of an app's collector: what keeps and judges sampled answers, and keeps feedback."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from genaiops.api.evaluation_run import SECRETS
from genaiops.api.quality import Quality
from genaiops.api.release import ModelContent
from genaiops.api.samples import (
    COLLECTOR_FILE,
    COLLECTOR_PORT,
    DATA_DIR,
    DSN_FILE,
    QUALITY_DIR,
    REPORTS_PORT,
    SAMPLING_FILE,
    CollectorSettings,
    SamplingSettings,
)
from genaiops.manifests.labels import APP, COMPONENT, OPERATOR, QUALITY, RUNTIME, Object, app_labels, metadata
from genaiops.manifests.pods import NON_ROOT, container_security, pod_security
from genaiops.manifests.release import METRICS_PORT, quality_name
from genaiops.manifests.secrets import api_key_mounts, api_keys, projected, unique

SETTINGS: Final = "genaiops.dev/settings"
"""Annotation of its pods: a digest of what the collector reads once, at its start."""
_RESOURCES: Final = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}


def quality_objects(
    app: str, namespace: str, quality: Quality, judges: Sequence[ModelContent], image: str, owned_by: Object
) -> list[Object]:
    """ConfigMap, Service, NetworkPolicy and Deployment, in this order. `judges`: the Models that evaluators name."""
    about = metadata(quality_name(app), namespace, app_labels(app, QUALITY), owned_by)
    selector = {APP: app, COMPONENT: QUALITY}
    settings = _document(_for_collector(app, namespace, quality, judges))
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about,
            "data": {
                _file(COLLECTOR_FILE): settings,
                _file(SAMPLING_FILE): _document(_for_runtimes(app, namespace, quality)),
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": about,
            "spec": {
                "selector": selector,
                "ports": [
                    {"name": "http", "port": COLLECTOR_PORT, "targetPort": COLLECTOR_PORT},
                    {"name": "reports", "port": REPORTS_PORT, "targetPort": REPORTS_PORT},
                ],
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": about,
            "spec": _who_may_call(app, selector),
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": about,
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 0,
                "selector": {"matchLabels": selector},
                # One writes: two would share neither the cap nor an SQLite file.
                "strategy": {"type": "Recreate"},
                "template": {
                    "metadata": {
                        "labels": app_labels(app, QUALITY),
                        "annotations": {SETTINGS: hashlib.sha256(settings.encode()).hexdigest()[:16]},
                    },
                    "spec": _pod(app, quality, judges, image),
                },
            },
        },
    ]


def _for_runtimes(app: str, namespace: str, quality: Quality) -> SamplingSettings:
    told: dict[str, Any] = {
        "collector": f"http://{quality_name(app)}.{namespace}.svc:{COLLECTOR_PORT}",
        "redact": quality.redact,
        "comments": quality.feedback.comments,
    }
    if quality.sampling:
        told |= {"rate": quality.sampling.rate, "max_per_minute": quality.sampling.max_per_minute}
        told |= {"flagged": quality.sampling.flagged}
    return SamplingSettings(**told)


def _for_collector(app: str, namespace: str, quality: Quality, judges: Sequence[ModelContent]) -> CollectorSettings:
    return CollectorSettings(
        namespace=namespace,
        app=app,
        max_per_minute=quality.sampling.max_per_minute if quality.sampling else 1,
        evaluators=quality.evaluators,
        models=list(judges),
        retention=quality.retention,
    )


def _pod(app: str, quality: Quality, judges: Sequence[ModelContent], image: str) -> dict[str, Any]:
    volumes: list[dict[str, Any]] = [
        {"name": "settings", "configMap": {"name": quality_name(app), "items": [_same(_file(COLLECTOR_FILE))]}},
        {"name": "tmp", "emptyDir": {}},
        _data(quality),
        *api_keys(judges),
    ]
    mounts: list[dict[str, Any]] = [
        {"name": "settings", "mountPath": QUALITY_DIR, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "data", "mountPath": DATA_DIR},
        *api_key_mounts(judges),
    ]
    if quality.store and quality.store.postgresql:
        ref = quality.store.postgresql.secret_ref
        folder, _, name = DSN_FILE.rpartition("/")
        volumes.append({"name": "store", "secret": {"secretName": ref.name, "items": [{"key": ref.key, "path": name}]}})
        mounts.append({"name": "store", "mountPath": folder, "readOnly": True})
    if secrets := unique(ref for evaluator in quality.evaluators for ref in evaluator.secrets):
        volumes.append(projected("secrets", secrets))
        mounts.append({"name": "secrets", "mountPath": SECRETS, "readOnly": True})
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": pod_security(NON_ROOT),
        "terminationGracePeriodSeconds": 30,
        "containers": [
            {
                "name": "collector",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python3", "-m", "genaiops.quality"],
                "ports": [
                    {"name": "http", "containerPort": COLLECTOR_PORT},
                    {"name": "reports", "containerPort": REPORTS_PORT},
                    {"name": "metrics", "containerPort": METRICS_PORT},
                ],
                "resources": _RESOURCES,
                "securityContext": container_security() | {"runAsUser": NON_ROOT, "runAsGroup": NON_ROOT},
                # The first start brings a database's tables up to date.
                "startupProbe": _probe("/healthz", period=2, failures=90),
                "livenessProbe": _probe("/healthz", period=10, failures=3),
                "readinessProbe": _probe("/readyz", period=5, failures=2),
                "volumeMounts": mounts,
            }
        ],
        "volumes": volumes,
    }


def _data(quality: Quality) -> dict[str, Any]:
    if quality.store and quality.store.claim:
        return {"name": "data", "persistentVolumeClaim": {"claimName": quality.store.claim}}
    return {"name": "data", "emptyDir": {}}


def _who_may_call(app: str, selector: dict[str, str]) -> Object:
    """The app's runtimes bring, the operator counts. People read through the API server, which comes from no pod."""
    runtimes = {"podSelector": {"matchLabels": {APP: app, COMPONENT: RUNTIME}}}
    operator = {"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}
    return {
        "podSelector": {"matchLabels": selector},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"from": [runtimes], "ports": [{"port": COLLECTOR_PORT, "protocol": "TCP"}]},
            {"from": [operator], "ports": [{"port": METRICS_PORT, "protocol": "TCP"}]},
        ],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": COLLECTOR_PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _document(settings: SamplingSettings | CollectorSettings) -> str:
    return json.dumps(settings.to_manifest(), sort_keys=True, ensure_ascii=False)


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _same(key: str) -> dict[str, str]:
    return {"key": key, "path": key}
