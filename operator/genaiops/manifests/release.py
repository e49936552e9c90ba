"""The objects that run one release: ConfigMap, headless Service, Deployment; and the Release object itself."""

import json
from collections.abc import Iterable
from math import ceil
from typing import Any, Final

from genaiops.api import API_VERSION
from genaiops.api.release import ModelContent, ReleaseSpec
from genaiops.api.samples import QUALITY_DIR, SAMPLING_FILE
from genaiops.api.tracing import TRACING_DIR
from genaiops.manifests.labels import APP, QUALITY, RELEASE, RUNTIME, TRACING, Object, app_labels, metadata
from genaiops.manifests.pods import NON_ROOT, container_security, overlaid, pod_security, spread
from genaiops.manifests.template import recorded
from genaiops.manifests.tracing import tracing_volume

HTTP_PORT: Final = 8080
METRICS_PORT: Final = 9464
RELEASE_FILE: Final = "release.json"
RESTARTED_AT: Final = "genaiops.dev/restarted-at"
"""Annotation of pods: when somebody asked for a restart of their release."""
_DRAIN_SECONDS: Final = 10
"""Time a stopping pod goes on taking requests until nobody sends it any, and some to end."""
_DEFAULT_RESOURCES: Final = {
    "requests": {"cpu": "50m", "memory": "96Mi"},
    "limits": {"memory": "512Mi"},
}


def release_object(name: str, namespace: str, release: ReleaseSpec, owned_by: Object) -> Object:
    """The Release object."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Release",
        "metadata": metadata(name, namespace, app_labels(release.app, "release", name), owned_by),
        "spec": release.to_manifest(),
    }


def address_objects(name: str, namespace: str, release: ReleaseSpec, owned_by: Object) -> list[Object]:
    """What stays while pods of the release still finish their answers: its configuration and its address."""
    labels = app_labels(release.app, RUNTIME, name)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(name, namespace, labels, owned_by),
            "immutable": True,
            "data": {RELEASE_FILE: release_document(name, release)},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(name, namespace, labels, owned_by),
            "spec": {
                # Headless: the gateway balances over the pods itself and sees each of them come and go.
                "clusterIP": "None",
                "selector": {APP: release.app, RELEASE: name},
                "ports": [
                    {"name": "http", "port": serving_port(release), "targetPort": serving_port(release)},
                    {"name": "metrics", "port": METRICS_PORT, "targetPort": METRICS_PORT},
                ],
            },
        },
    ]


def release_document(name: str, release: ReleaseSpec) -> str:
    """What a runtime is told of its release.

    Without defaults: a field that a later operator adds changes no ConfigMap of a release that runs, and the release's
    own, older runtime can read it.
    """
    document = {"name": name, **release.model_dump(mode="json", by_alias=True, exclude_defaults=True)}
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def release_of(configuration: Object) -> ReleaseSpec:
    """The release in the ConfigMap that `address_objects` made. Raises ValueError where there is none."""
    document = json.loads((configuration.get("data") or {}).get(RELEASE_FILE, "{}"))
    return ReleaseSpec.model_validate({name: value for name, value in document.items() if name != "name"})


def quality_name(app: str) -> str:
    """Name of all objects of the app's collector."""
    return f"{app}-quality"


def serving_port(release: ReleaseSpec) -> int:
    """Port on which a pod of the release takes users' requests."""
    return release.content.container.port if release.content.container else HTTP_PORT


def disruption_budget(name: str, namespace: str, release: ReleaseSpec, owned_by: Object) -> Object:
    """A drain of nodes takes one pod of the release at a time; with one replica it is free to go."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(name, namespace, app_labels(release.app, RUNTIME, name), owned_by),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {APP: release.app, RELEASE: name}}},
    }


def deployment(
    name: str,
    namespace: str,
    release: ReleaseSpec,
    replicas: int,
    owned_by: Object,
    restarted_at: str | None = None,
) -> Object:
    """The Deployment. Its pod template depends on the release and a restart only, so promotion restarts no pod."""
    labels = app_labels(release.app, RUNTIME, name)
    selector = {APP: release.app, RELEASE: name}
    containers = [_runtime_container(release)]
    if release.content.container:
        containers.insert(0, _app_container(release))
    annotations = {"kubectl.kubernetes.io/default-container": containers[0]["name"]}
    if restarted_at:
        annotations[RESTARTED_AT] = restarted_at
    template: Object = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pod_security(None if release.content.container else NON_ROOT),
            # What it answers when it stops takes one call of a model at the longest.
            "terminationGracePeriodSeconds": _DRAIN_SECONDS + ceil(release.content.timeout.total_seconds()),
            "topologySpreadConstraints": spread(selector),
            "containers": containers,
            "volumes": [
                {"name": "release", "configMap": {"name": name}},
                {"name": "tmp", "emptyDir": {}},
                _quality_volume(release),
                tracing_volume(release.app),
                *_credential_volumes(release),
                *_webhook_volumes(release),
            ],
        },
    }
    made: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, namespace, labels, owned_by),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": overlaid(template, release.content.pods, selector),
        },
    }
    # A restart replaces the pods in any case: then also by what this operator makes of the release.
    return recorded(made, restarted_at or "")


def _runtime_container(release: ReleaseSpec) -> dict[str, Any]:
    runtime = release.content.runtime
    resources = runtime.resources.to_manifest() if runtime.resources else _DEFAULT_RESOURCES
    return {
        "name": "runtime",
        "image": runtime.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [
            {"name": "runtime", "containerPort": HTTP_PORT},
            {"name": "metrics", "containerPort": METRICS_PORT},
        ],
        "resources": resources,
        "securityContext": container_security() | {"runAsUser": NON_ROOT, "runAsGroup": NON_ROOT},
        "startupProbe": _probe("/healthz", period=1, failures=60),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=2, failures=2),
        "volumeMounts": [
            {"name": "release", "mountPath": "/etc/genaiops/release", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": QUALITY, "mountPath": QUALITY_DIR, "readOnly": True},
            {"name": TRACING, "mountPath": TRACING_DIR, "readOnly": True},
            *(
                {
                    "name": volume["name"],
                    "mountPath": f"/etc/genaiops/credentials/{model.name}",
                    "readOnly": True,
                }
                for model, volume in zip(_keyed_models(release), _credential_volumes(release), strict=True)
            ),
            *(
                {
                    "name": volume["name"],
                    "mountPath": f"/etc/genaiops/credentials/_secrets/{volume['secret']['secretName']}",
                    "readOnly": True,
                }
                for volume in _webhook_volumes(release)
            ),
        ],
    }


def _app_container(release: ReleaseSpec) -> dict[str, Any]:
    container = release.content.container
    assert container is not None
    return {
        "name": "app",
        "image": container.image,
        "imagePullPolicy": "IfNotPresent",
        "args": container.args,
        "env": [
            {"name": "OPENAI_BASE_URL", "value": f"http://127.0.0.1:{HTTP_PORT}/v1"},
            # The runtime holds the real key; OpenAI's clients refuse to start without one.
            {"name": "OPENAI_API_KEY", "value": "held-by-the-runtime"},
        ],
        "ports": [{"name": "app", "containerPort": container.port}],
        "resources": container.resources.to_manifest(),
        "securityContext": container_security(read_only=False),
        "readinessProbe": {"tcpSocket": {"port": container.port}, "periodSeconds": 2},
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": HTTP_PORT},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }


def _quality_volume(release: ReleaseSpec) -> dict[str, Any]:
    """There in every pod, with or without a file in it: online quality can come and go and restarts nothing."""
    file = SAMPLING_FILE.rpartition("/")[2]
    return {
        "name": QUALITY,
        "configMap": {"name": quality_name(release.app), "optional": True, "items": [{"key": file, "path": file}]},
    }


def _keyed_models(release: ReleaseSpec) -> list[ModelContent]:
    content = release.content
    models: Iterable[ModelContent] = (content.model, *content.fallbacks, *content.guardrail_models)
    by_name = {model.name: model for model in models if model.credentials}
    return list(by_name.values())


def _credential_volumes(release: ReleaseSpec) -> list[dict[str, Any]]:
    volumes = []
    for index, model in enumerate(_keyed_models(release)):
        assert model.credentials is not None
        volumes.append(
            {
                "name": f"credentials-{index}",
                "secret": {
                    "secretName": model.credentials.name,
                    "items": [{"key": model.credentials.key, "path": "api-key"}],
                },
            }
        )
    return volumes


def _webhook_volumes(release: ReleaseSpec) -> list[dict[str, Any]]:
    """One for each Secret that guardrails' webhooks take a token from, with the keys that they take."""
    keys: dict[str, set[str]] = {}
    for policy in release.content.guardrails:
        for guardrail in (*policy.input, *policy.output):
            if ref := guardrail.detector.secret_ref:
                keys.setdefault(ref.name, set()).add(ref.key)
    return [
        {
            "name": f"webhook-{index}",
            "secret": {"secretName": name, "items": [{"key": key, "path": key} for key in sorted(keys[name])]},
        }
        for index, name in enumerate(sorted(keys))
    ]
