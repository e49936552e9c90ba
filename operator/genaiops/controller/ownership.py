"""Whose an object is: nothing that somebody else made is taken over because it has a name that we need."""

from typing import Any

from genaiops.controller.store import Raw
from genaiops.manifests.labels import APP, MANAGED_BY, MANAGER, MODEL, Object
from genaiops.release.resolve import ReferenceProblem


def belongs_to(raw: Raw, uid: str) -> bool:
    """Whether an object with our labels belongs to the LLMApp or Model with that uid, or to nobody.

    Objects of an owner that was deleted and made anew under its name carry the same labels: the garbage collector
    removes them. Pods belong to a ReplicaSet.
    """
    controller = _controller(raw)
    return controller is None or controller["kind"] == "ReplicaSet" or controller["uid"] == uid


def obstacle(live: Raw, wanted: Object) -> ReferenceProblem | None:
    """Why `wanted` can't be applied over `live`, which has its name; None where `live` is ours."""
    meta, kind = wanted["metadata"], wanted["kind"]
    (owner,) = meta["ownerReferences"]
    controller = _controller(live)
    if controller is None:
        labels = live["metadata"].get("labels") or {}
        ours = {name: meta["labels"][name] for name in (MANAGED_BY, APP, MODEL) if name in meta["labels"]}
        if labels.get(MANAGED_BY) == MANAGER and ours.items() <= labels.items():
            # Orphaned on purpose (kubectl delete --cascade=orphan): taken up again.
            return None
        whose = "and is not the operator's"
    elif controller["uid"] == owner["uid"]:
        return None
    elif (controller["kind"], controller["name"]) == (owner["kind"], owner["name"]):
        message = f"waiting until {kind} {meta['name']!r} of the deleted {owner['kind']} of the same name is gone"
        return ReferenceProblem("NameNotFreeYet", "metadata.name", message, waits=True)
    else:
        whose = f"and belongs to {controller['kind']} {controller['name']!r}"
    message = (
        f"there is a {kind} {meta['name']!r} already, {whose}: it is left alone; "
        f"rename or delete it, or give the {owner['kind']} another name"
    )
    return ReferenceProblem("NameTaken", "metadata.name", message)


def _controller(raw: Raw) -> dict[str, Any] | None:
    owners = raw["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)
