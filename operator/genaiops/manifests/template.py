"""Pod templates that outlive the operator that made them: an upgrade of the operator restarts no pod.

A newer operator may make another template of the same release. Server-side apply takes away what an apply leaves out,
so some template has to be sent with every apply: it is the one that the Deployment was made with, which stands in an
annotation of it. An edit by hand differs from that one, and is put right.
"""

import json
from typing import Final

from genaiops.manifests.labels import Object

MADE_WITH: Final = "genaiops.dev/template"
"""Annotation of a Deployment: its pod template as the operator made it, as JSON."""
MADE_FOR: Final = "genaiops.dev/template-for"
"""Annotation of a Deployment: what the template was made for. For something else another one is made."""


def recorded(deployment: Object, made_for: str = "") -> Object:
    """The Deployment with its own template on record."""
    template = json.dumps(deployment["spec"]["template"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    annotations = {MADE_WITH: template, MADE_FOR: made_for}
    return {**deployment, "metadata": {**deployment["metadata"], "annotations": annotations}}


def kept(manifest: Object, live: Object | None) -> Object:
    """A `recorded` Deployment with the template of the live one, where that was made for the same.

    What is on record there and can't be read was edited: it is replaced. Other manifests stay as they are.
    """
    made_for = manifest["metadata"].get("annotations", {}).get(MADE_FOR)
    annotations = (live or {}).get("metadata", {}).get("annotations") or {}
    if made_for is None or annotations.get(MADE_FOR) != made_for:
        return manifest
    try:
        template = json.loads(annotations.get(MADE_WITH, ""))
    except ValueError:
        return manifest
    if not isinstance(template, dict):
        return manifest
    return recorded({**manifest, "spec": {**manifest["spec"], "template": template}}, made_for)
