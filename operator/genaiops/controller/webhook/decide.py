"""ReleaseActions at admission: stamped with who asks, then taken or refused against the app as it is at that moment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from genaiops.api import GROUP
from genaiops.api.action import ReleaseActionSpec, Requester
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.controller.cluster import Cluster
from genaiops.controller.kinds import ACCESS_REVIEWS, BY_KIND
from genaiops.controller.webhook.review import Patch, RefusedError, Request, User, named
from genaiops.controller.webhook.stamp import Place, Seal, action_problem, stamp_action
from genaiops.manifests.labels import APP, Object, owner
from genaiops.release.lookup import parse_errors
from genaiops.rollout.decisions import objection

_GROUPS: Final = 256
"""As many as Requester takes; permissions are asked for with all."""


async def stamp_request(cluster: Cluster, seal: Seal, request: Request, now: datetime) -> Patch:
    """Who asks, written into the action; the app as its owner. Raises RefusedError for a requester of their own."""
    wanted = dict(request.after.get("spec") or {})
    _refuse_forged(wanted.pop("requester", None), request.user)
    try:
        spec = ReleaseActionSpec.model_validate(wanted)
    except ValidationError:
        # The API server knows the schema, and says it better.
        return {}
    app = await _app(cluster, request.namespace, spec.app)
    name, naming = named(request)
    place = Place(request.namespace, name, app["metadata"]["uid"])
    unstamped = spec.model_copy(update={"requester": _requester(request.user)})
    requester = _requester(request.user, stamp_action(seal, place, unstamped, now))
    meta = request.after.get("metadata") or {}
    return {
        **naming,
        "/spec/requester": requester.to_manifest(),
        "/metadata/labels": {**(meta.get("labels") or {}), APP: spec.app},
        "/metadata/ownerReferences": _owners(meta, spec.app, place.app_uid),
    }


async def judge_request(cluster: Cluster, seal: Seal, request: Request) -> None:
    """Raises RefusedError where this person may not decide this, or it makes no sense now."""
    meta = request.after.get("metadata") or {}
    try:
        spec = ReleaseActionSpec.model_validate(request.after.get("spec"))
    except ValidationError as error:
        raise RefusedError(parse_errors(error)) from error
    app = await _app(cluster, request.namespace, spec.app)
    place = Place(request.namespace, str(meta.get("name")), app["metadata"]["uid"])
    created = datetime.fromisoformat(meta["creationTimestamp"])
    if problem := action_problem(seal, place, spec, created):
        raise RefusedError(f"spec.requester: {problem}; is its mutating webhook configured?", 403)
    _refuse_forged(spec.to_manifest()["requester"], request.user)
    await _require_verb(cluster, request.user, request.namespace, spec)
    try:
        status = LLMAppStatus.model_validate(app.get("status") or {})
    except ValidationError as error:
        raise RefusedError(f"the status of {spec.app} can't be read: {parse_errors(error, 'status')}") from error
    names = await _releases(cluster, request.namespace, spec.app)
    if why := objection(spec, request.user.username, status, names):
        raise RefusedError(why)


async def _app(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """As it is now: what the watch knows may be a moment old."""
    app = await cluster.find(BY_KIND["LLMApp"], namespace, name)
    if app is None:
        raise RefusedError(f"spec.app: there is no LLMApp {name!r} in namespace {namespace}")
    return app


async def _releases(cluster: Cluster, namespace: str, app: str) -> Mapping[str, str]:
    """Names of the app's releases by their hashes."""
    resource = replace(BY_KIND["Release"], selector=f"{APP}={app}")
    items, _ = await cluster.list(resource, namespace)
    return {item["spec"]["hash"]: item["metadata"]["name"] for item in items if item["spec"]["app"] == app}


async def _require_verb(cluster: Cluster, user: User, namespace: str, spec: ReleaseActionSpec) -> None:
    verb = spec.action.lower()
    attributes = {"group": GROUP, "resource": "llmapps", "namespace": namespace, "name": spec.app, "verb": verb}
    access = await cluster.create(
        ACCESS_REVIEWS,
        {
            "spec": {
                "user": user.username,
                "uid": user.uid,
                "groups": user.groups,
                "extra": user.extra,
                "resourceAttributes": attributes,
            }
        },
    )
    if not access["status"].get("allowed"):
        message = (
            f"{user.username} may not {verb} {spec.app}: that takes the verb {verb!r} on llmapps.{GROUP} in namespace "
            f"{namespace} (RBAC)"
        )
        raise RefusedError(message, 403)


def _requester(user: User, stamp: str = "") -> Requester:
    return Requester(username=user.username, groups=user.groups[:_GROUPS], stamp=stamp)


def _refuse_forged(written: Any, user: User) -> None:
    if written is None:
        return
    asks = _requester(user).to_manifest()
    given = written if isinstance(written, dict) else {}
    if any(given.get(field) != asks[field] for field in ("username", "groups")):
        raise RefusedError("spec.requester: written by the webhook; remove it", 403)


def _owners(meta: Mapping[str, Any], app: str, uid: str) -> list[Object]:
    """With the app, its decisions go. The owner reference holds nothing up, so that nobody needs a right to that."""
    ours = {**owner("LLMApp", app, uid), "controller": False, "blockOwnerDeletion": False}
    return [*(other for other in meta.get("ownerReferences") or () if other.get("uid") != uid), ours]
