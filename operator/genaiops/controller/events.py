"""Kubernetes Events for decisions: one per decision, however often it is reported."""

import hashlib
from datetime import UTC, datetime

from genaiops.api import API_VERSION
from genaiops.controller.store import Raw
from genaiops.manifests.labels import Object
from genaiops.rollout.snapshot import Notice

_MESSAGE_LIMIT = 1024


def event_object(regarding: Raw, kind: str, notice: Notice, now: datetime) -> Object:
    """The Event. Its name follows from the object's state and the message, so a retry makes no second one."""
    meta = regarding["metadata"]
    identity = "\n".join((meta["uid"], str(meta["resourceVersion"]), notice.reason, notice.message))
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name'][:200]}.{digest}", "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": kind,
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "type": "Warning" if notice.warning else "Normal",
        "reason": notice.reason,
        "message": notice.message[:_MESSAGE_LIMIT],
        "source": {"component": "genaiops-operator"},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
