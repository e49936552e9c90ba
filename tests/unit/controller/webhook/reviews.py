"""What the API server asks a webhook, as tests write it."""

import base64
import json
from typing import Any

from genaiops.controller.webhook.review import Request, parse_review
from genaiops.controller.webhook.stamp import Seal

SEAL = Seal(b"k" * 32)
OTHER_SEAL = Seal(b"o" * 32)


def review(kind: str, after: dict[str, Any], before: dict[str, Any] | None = None, user: str = "jane") -> Request:
    """The review of a write by that user."""
    asked = {
        "uid": "1",
        "kind": {"group": "genaiops.dev", "version": "v1alpha1", "kind": kind},
        "operation": "CREATE" if before is None else "UPDATE",
        "namespace": "team",
        "userInfo": {"username": user, "groups": ["people"]},
        "object": after,
        "oldObject": before,
    }
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": asked}
    return parse_review(json.dumps(body).encode())


def patched(raw: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The object as the API server keeps it after this answer."""
    result: dict[str, Any] = json.loads(json.dumps(raw))
    for operation in json.loads(base64.b64decode(answer["response"].get("patch", "W10="))):
        *parents, last = operation["path"].lstrip("/").split("/")
        place = result
        for parent in parents:
            place = place[parent]
        place[last] = operation["value"]
    return result
