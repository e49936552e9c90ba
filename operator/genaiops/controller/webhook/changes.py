"""Who changed the spec of an object, as an annotation on it that only the webhook can write.

Of the last ten different people each with the time of their last change. Service accounts count as people do.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from genaiops.api.base import format_time
from genaiops.controller.webhook.review import Patch, Request, named
from genaiops.controller.webhook.stamp import Seal

CHANGED_BY: Final = "genaiops.dev/changed-by"
_PEOPLE: Final = 10

People = Mapping[str, datetime]


def changed_by(seal: Seal, kind: str, raw: Mapping[str, Any]) -> dict[str, datetime]:
    """Who changed the object and when last; empty where nothing stands there that the webhook wrote for it."""
    meta = raw.get("metadata") or {}
    written = _annotations(raw).get(CHANGED_BY)
    try:
        record = json.loads(written) if written else {}
        people, stamp = record["people"], record["stamp"]
        if not seal.made(stamp, CHANGED_BY, _content(kind, meta["namespace"], meta["name"], people)):
            return {}
        return {name: datetime.fromisoformat(at) for name, at in people.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        # Written by somebody else.
        return {}


def record_change(seal: Seal, request: Request, now: datetime) -> Patch:
    """The annotation as it has to be after this request; empty where it is so already.

    Whatever the request says of it is replaced by what was there before, and, where the spec changes, by whose change
    this is.
    """
    after, before = request.after, request.before
    kept = _annotations(before).get(CHANGED_BY)
    name: Patch = {}
    if after.get("spec") != before.get("spec"):
        called, name = named(request)
        kept = _written(seal, request, called, now)
    annotations = _annotations(after)
    if annotations.get(CHANGED_BY) == kept:
        return name
    others = {name: value for name, value in annotations.items() if name != CHANGED_BY}
    return {**name, "/metadata/annotations": others if kept is None else {**others, CHANGED_BY: kept}}


def _written(seal: Seal, request: Request, name: str, now: datetime) -> str:
    kind = request.kind.kind
    people = changed_by(seal, kind, request.before) | {request.user.username: now}
    newest = sorted(people.items(), key=lambda item: item[1])[-_PEOPLE:]
    listed = {name: format_time(at) for name, at in newest}
    stamp = seal.sign(CHANGED_BY, _content(kind, request.namespace, name, listed))
    return json.dumps({"people": listed, "stamp": stamp})


def _content(kind: str, namespace: str, name: str, people: Any) -> Any:
    # Not the uid: it is not known yet when an object is created.
    return [kind, namespace, name, people]


def _annotations(raw: Mapping[str, Any]) -> dict[str, Any]:
    return dict((raw.get("metadata") or {}).get("annotations") or {})
