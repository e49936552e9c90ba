"""How an app's runtimes are told where their traces go."""

import json
from typing import Any

from genaiops.api.tracing import TRACING_FILE, TRACING_HEADERS, Tracing, TracingSettings
from genaiops.manifests.labels import TRACING, Object, app_labels, metadata


def tracing_name(app: str) -> str:
    """Name of the ConfigMap that the operator makes, and of the Secret that people make for the receiver's key."""
    return f"{app}-tracing"


def tracing_objects(app: str, namespace: str, tracing: Tracing, owned_by: Object) -> list[Object]:
    """The ConfigMap."""
    settings = TracingSettings(
        endpoint=tracing.endpoint, sample_rate=tracing.sample_rate, content=tracing.content, namespace=namespace
    )
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(tracing_name(app), namespace, app_labels(app, TRACING), owned_by),
            "data": {TRACING_FILE: json.dumps(settings.to_manifest(), sort_keys=True)},
        }
    ]


def tracing_volume(app: str) -> dict[str, Any]:
    """There in every pod, with or without files in it: tracing can come and go and restarts nothing."""
    return {
        "name": TRACING,
        "projected": {
            "sources": [
                {"configMap": _optional(app, TRACING_FILE)},
                {"secret": _optional(app, TRACING_HEADERS)},
            ]
        },
    }


def _optional(app: str, key: str) -> dict[str, Any]:
    return {"name": tracing_name(app), "optional": True, "items": [{"key": key, "path": key}]}
