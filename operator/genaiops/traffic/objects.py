"""The Kubernetes objects of an app's gateway, for server-side apply: deterministic, and only what we own.

A change of the routes changes the ConfigMap alone; a change of Envoy's bootstrap rolls the pods.
"""

import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from genaiops.manifests.labels import APP, COMPONENT, GATEWAY, OPERATOR, Object, app_labels, metadata
from genaiops.manifests.pods import NON_ROOT, container_security, pod_security, spread
from genaiops.manifests.template import recorded
from genaiops.traffic.envoy.config import BOOTSTRAP_FILE
from genaiops.traffic.envoy.names import ADMIN_PORT, CONFIG_DIRECTORY, HTTP_PORT, READ_ONLY_PORT

BOOTSTRAP_ANNOTATION = "genaiops.dev/bootstrap"

GATEWAY_ARGS = [
    "--config-path",
    f"{CONFIG_DIRECTORY}/{BOOTSTRAP_FILE}",
    "--concurrency",
    "2",
    # Hot restart needs shared memory; a pod is replaced, never restarted in place.
    "--disable-hot-restart",
    "--log-level",
    "warning",
    # A failed request is in the log after a second, not after ten.
    "--file-flush-interval-msec",
    "1000",
]

_SETTLE_SECONDS = 5
_LONGEST_SECONDS = 290
_GRACE_SECONDS = 300
DRAIN_SCRIPT = resources.files("genaiops.traffic").joinpath("drain.py").read_text()
GATEWAY_PRESTOP: Object = {
    "exec": {
        "command": [
            "python3",
            "-c",
            DRAIN_SCRIPT,
            f"http://127.0.0.1:{ADMIN_PORT}",
            str(_SETTLE_SECONDS),
            str(_LONGEST_SECONDS),
        ]
    }
}

_READY: Object = {"httpGet": {"path": "/ready", "port": READ_ONLY_PORT}}
GATEWAY_PROBES: Object = {
    # Envoy is ready once every release's pods were looked up and checked; with a dead DNS that takes a while.
    "startupProbe": {**_READY, "periodSeconds": 1, "failureThreshold": 120},
    "readinessProbe": {**_READY, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 2},
    "livenessProbe": {**_READY, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
}


def gateway_name(app: str) -> str:
    """The name of the gateway's ConfigMap, Deployment, PodDisruptionBudget and NetworkPolicy."""
    return f"{app}-gateway"


def gateway_selector(app: str) -> dict[str, str]:
    """The labels that the pods of an app's gateway have, and no others."""
    return {APP: app, COMPONENT: GATEWAY}


def gateway_objects(
    app: str,
    namespace: str,
    *,
    owner: Mapping[str, Any],
    image: str,
    replicas: int,
    service_port: int,
    config: Mapping[str, str],
) -> list[Object]:
    """ConfigMap, Deployment, Service, PodDisruptionBudget and NetworkPolicy of an app's gateway, in this order.

    ``owner`` is an owner reference; ``config`` is what `gateway_config` gave. The image holds `envoy` and `python3` on
    its PATH.
    """
    name = gateway_name(app)
    about = metadata(name, namespace, app_labels(app, GATEWAY), dict(owner))
    selector = gateway_selector(app)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about,
            "data": dict(config),
        },
        recorded(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": about,
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": selector},
                    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                    "template": _pod(app, image, config[BOOTSTRAP_FILE]),
                },
            }
        ),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {**about, "name": app},
            "spec": {
                "selector": selector,
                "ports": [
                    {
                        "name": "http",
                        "port": service_port,
                        "targetPort": HTTP_PORT,
                        "protocol": "TCP",
                        "appProtocol": "http",
                    }
                ],
            },
        },
        {
            # Also with one replica, which it leaves free to go: so there is none to take away after scaling down.
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": about,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector}},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": about,
            "spec": _who_may_call(selector),
        },
    ]


def _pod(app: str, image: str, bootstrap: str) -> Object:
    return {
        "metadata": {
            "labels": app_labels(app, GATEWAY),
            "annotations": {BOOTSTRAP_ANNOTATION: hashlib.sha256(bootstrap.encode()).hexdigest()[:16]},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "securityContext": pod_security(NON_ROOT),
            "topologySpreadConstraints": spread(gateway_selector(app)),
            "containers": [
                {
                    "name": "envoy",
                    "image": image,
                    "command": ["envoy"],
                    "args": GATEWAY_ARGS,
                    "ports": [
                        {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
                        {"name": "read-only", "containerPort": READ_ONLY_PORT, "protocol": "TCP"},
                    ],
                    **GATEWAY_PROBES,
                    "lifecycle": {"preStop": GATEWAY_PRESTOP},
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                    "securityContext": container_security(),
                    # No subPath: such a mount would never see a change.
                    "volumeMounts": [{"name": "config", "mountPath": CONFIG_DIRECTORY, "readOnly": True}],
                }
            ],
            "volumes": [{"name": "config", "configMap": {"name": gateway_name(app)}}],
        },
    }


def _who_may_call(selector: Mapping[str, str]) -> Object:
    """Anybody the app; the operator alone what is live (kubelets' probes are let through by every network plugin)."""
    operator = {"namespaceSelector": {}, "podSelector": {"matchLabels": OPERATOR}}
    return {
        "podSelector": {"matchLabels": dict(selector)},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"ports": [{"port": HTTP_PORT, "protocol": "TCP"}]},
            {"from": [operator], "ports": [{"port": READ_ONLY_PORT, "protocol": "TCP"}]},
        ],
    }
