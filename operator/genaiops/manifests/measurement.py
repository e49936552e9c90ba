"""The Job that measures a release once."""

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from genaiops.api.providers import JobProvider
from genaiops.manifests.labels import APP, COMPONENT, MANAGED_BY, MANAGER, Object, metadata
from genaiops.manifests.pods import container_security, pod_security

ANALYSIS: Final = "analysis"
"""Component of its pods."""
MEASUREMENT: Final = "genaiops.dev/measurement"
"""Label of a Job's pods by which they are found. No release's: a pod with that label would get its requests."""
KEPT_SECONDS: Final = 600
"""Time that a finished Job stays: for whoever wants its log, and for an operator that starts anew."""


def measurement_job(
    name: str, namespace: str, app: str, provider: JobProvider, variables: Mapping[str, str], owned_by: Object
) -> Object:
    """A Job with one pod, tried once. `variables` are what it is told of the release, by name."""
    labels = {MANAGED_BY: MANAGER, APP: app, COMPONENT: ANALYSIS, MEASUREMENT: name}
    told = [{"name": f"GENAIOPS_{variable.upper()}", "value": value} for variable, value in variables.items()]
    container: dict[str, Any] = {
        "name": "measurement",
        "image": provider.image,
        "imagePullPolicy": "IfNotPresent",
        "env": [*told, *(variable.as_container_env() for variable in provider.env)],
        "resources": provider.resources.to_manifest(),
        "securityContext": container_security(read_only=False),
        "terminationMessagePath": provider.result_path,
        "terminationMessagePolicy": "File",
    }
    if provider.command:
        container["command"] = provider.command
    if provider.args:
        container["args"] = provider.args
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(name, namespace, labels, owned_by),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": ceil(provider.timeout.total_seconds()),
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": pod_security(),
                    "containers": [container],
                },
            },
        },
    }
