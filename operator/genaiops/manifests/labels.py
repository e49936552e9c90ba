"""The labels by which everything finds everything else."""

from typing import Any, Final

from genaiops.api import API_VERSION

APP: Final = "genaiops.dev/app"
RELEASE: Final = "genaiops.dev/release"
MODEL: Final = "genaiops.dev/model"
COMPONENT: Final = "genaiops.dev/component"
EVALUATION: Final = "genaiops.dev/evaluation"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "genaiops"
"""Value of MANAGED_BY, field manager of every write."""

RUNTIME: Final = "runtime"
GATEWAY: Final = "gateway"
MODEL_SERVER: Final = "model-server"
QUALITY: Final = "quality"
TRACING: Final = "tracing"

OPERATOR: Final = {"app.kubernetes.io/name": "genaiops-operator"}
"""Labels of the operator's own pods, which the chart makes."""

Object = dict[str, Any]


def app_labels(app: str, component: str, release: str | None = None) -> dict[str, str]:
    """Labels of an object that belongs to an LLMApp."""
    labels = {MANAGED_BY: MANAGER, APP: app, COMPONENT: component}
    if release:
        labels[RELEASE] = release
    return labels


def label_of(raw: Object, name: str) -> str:
    """An object's label; empty where it has none of that name."""
    return str((raw["metadata"].get("labels") or {}).get(name, ""))


def owner(kind: str, name: str, uid: str) -> Object:
    """The owner reference through which the API server's garbage collector removes an object with its owner."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(name: str, namespace: str, labels: dict[str, str], owned_by: Object) -> Object:
    """Metadata of an object that the operator makes."""
    return {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": [owned_by]}
