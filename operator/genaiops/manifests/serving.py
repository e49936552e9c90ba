"""The objects that serve a Model in the cluster: a Deployment and a Service."""

import hashlib
import json

from genaiops.api.model import ModelSpec, Serving
from genaiops.manifests.labels import COMPONENT, MANAGED_BY, MANAGER, MODEL, MODEL_SERVER, Object, metadata
from genaiops.manifests.pods import container_security, pod_security, spread
from genaiops.manifests.template import recorded
from genaiops.release.resolve import serving_name


def serving_objects(model: str, namespace: str, spec: ModelSpec, owned_by: Object) -> list[Object]:
    """The model's server, or nothing where the Model is served elsewhere."""
    serving = spec.serving
    if serving is None:
        return []
    name = serving_name(model)
    selector = {MODEL: model}
    labels = {MANAGED_BY: MANAGER, MODEL: model, COMPONENT: MODEL_SERVER}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(name, namespace, labels, owned_by),
            "spec": {
                "selector": selector,
                "ports": [{"name": "http", "port": serving.port, "targetPort": serving.port}],
            },
        },
        recorded(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": metadata(name, namespace, labels, owned_by),
                "spec": {
                    "replicas": serving.replicas,
                    "revisionHistoryLimit": 0,
                    "selector": {"matchLabels": selector},
                    # A model may not fit twice: the cluster decides by maxSurge whether there is room for the new one.
                    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {
                            "automountServiceAccountToken": False,
                            "enableServiceLinks": False,
                            "securityContext": pod_security(),
                            "topologySpreadConstraints": spread(selector),
                            "containers": [
                                {
                                    "name": "server",
                                    "image": serving.image,
                                    "imagePullPolicy": "IfNotPresent",
                                    "args": serving.args,
                                    "ports": [{"name": "http", "containerPort": serving.port}],
                                    "resources": serving.resources.to_manifest(),
                                    "securityContext": container_security(read_only=False),
                                    # Loading a large model takes minutes; /v1/models answers once it is loaded.
                                    "startupProbe": _probe(serving.port, period=2, failures=900),
                                    "readinessProbe": _probe(serving.port, period=5, failures=3),
                                }
                            ],
                        },
                    },
                },
            },
            made_for=_what_runs(serving),
        ),
    ]


def _what_runs(serving: Serving) -> str:
    """A digest of all that makes another template necessary."""
    content = serving.model_dump(mode="json", exclude={"replicas"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _probe(port: int, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": "/v1/models", "port": port},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
