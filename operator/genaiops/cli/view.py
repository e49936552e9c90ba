"""What there is to say about an app, as data: put together from raw objects, shown by `screen`, dumped by `-o json`.

Raw and not parsed into the models: the operator may be newer than this program and write fields it does not know.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from genaiops.api.base import parse_duration
from genaiops.api.rollout import RolloutSpec
from genaiops.cli.cluster import Raw
from genaiops.cli.follow import Objects, Seen
from genaiops.manifests.labels import COMPONENT, GATEWAY

View = dict[str, Any]
_VERDICTS: Final = ("Failed", "Error", "Inconclusive", "Successful")
"""The worst first."""


def time_of(text: str) -> datetime:
    """A point in time as the API writes it."""
    return datetime.fromisoformat(text)


def row(app: Raw, releases: Objects) -> View:
    """One app in a line of `get`: ``name, namespace, phase, stable, candidate, weight, verdict, created``."""
    status, meta = app.get("status") or {}, app["metadata"]
    rollout = status.get("rollout") or {}
    return {
        "name": meta["name"],
        "namespace": meta.get("namespace"),
        "phase": status.get("phase", "Pending"),
        "stable": _release(status.get("stableRelease"), releases),
        "candidate": _release(status.get("candidateRelease"), releases),
        "weight": status.get("weight"),
        "verdict": overall(rollout.get("verdicts") or ()),
        "created": meta.get("creationTimestamp"),
    }


def overall(verdicts: Any) -> str | None:
    """The verdict of all that decide: the worst of them."""
    deciding = {verdict["verdict"] for verdict in verdicts if not verdict.get("dryRun")}
    return next((verdict for verdict in _VERDICTS if verdict in deciding), None)


def status(app: Raw, seen: Seen) -> View:
    """All about one app: what `row` says, and gateway, pods, rollout, conditions and history (the newest first)."""
    told = app.get("status") or {}
    releases = seen.objects.get("Release", {})
    deployments = seen.objects.get("Deployment", {})
    view = row(app, releases)
    for role in ("stable", "candidate"):
        if view[role]:
            view[role] |= {"pods": _pods(deployments.get(view[role]["name"]))}
    gateway = next((item for item in deployments.values() if _component(item) == GATEWAY), None)
    return view | {
        "endpoint": told.get("endpoint"),
        "observed": told.get("observedGeneration") == app["metadata"].get("generation"),
        "gateway": {"pods": _pods(gateway)},
        "aborted": _release(told.get("abortedRelease"), releases),
        "retiring": told.get("retiring") or [],
        "rollout": _rollout(app, seen.objects.get("RolloutPolicy", {})),
        "conditions": told.get("conditions") or [],
        "history": history(app),
        "problems": sorted(set(seen.problems.values())),
    }


def history(app: Raw) -> list[View]:
    """How the app's rollouts ended, the newest first."""
    return list(reversed((app.get("status") or {}).get("history") or []))


def _release(name: str | None, releases: Mapping[str, Raw]) -> View | None:
    if not name:
        return None
    spec = releases.get(name, {}).get("spec") or {}
    source = spec.get("source") or {}
    return {
        "name": name,
        "prompt": source.get("prompt"),
        "promptVersion": source.get("promptVersion"),
        "model": source.get("model"),
        "changes": spec.get("changes") or [],
    }


def _pods(deployment: Raw | None) -> View | None:
    if deployment is None:
        return None
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    return {"ready": (deployment.get("status") or {}).get("readyReplicas", 0), "wanted": wanted}


def _component(item: Raw) -> str | None:
    return (item["metadata"].get("labels") or {}).get(COMPONENT)


# --- the rollout -------------------------------------------------------------------------------------------


def _rollout(app: Raw, policies: Mapping[str, Raw]) -> View | None:
    rollout: View | None = (app.get("status") or {}).get("rollout")
    if rollout is None:
        return None
    steps = _steps(app, rollout, policies)
    step, last = rollout.get("step", 0), rollout.get("steps", 0)
    analysis = rollout.get("analysis") or {}
    return {
        "step": step + 1,
        "of": last + 1,
        "steps": [_step_in_words(item) for item in steps],
        "weight": rollout.get("weight", 0),
        "fast": rollout.get("fast", False),
        "startedAt": rollout.get("startedAt"),
        "stepStartedAt": rollout.get("stepStartedAt"),
        "pauseEndsAt": _pause_end(steps[step], rollout) if step < len(steps) else None,
        "waiting": rollout.get("waiting"),
        "waitingSince": rollout.get("waitingSince"),
        "paused": rollout.get("paused"),
        "measuredAt": analysis.get("measuredAt"),
        "lastError": analysis.get("lastError") if analysis.get("consecutiveErrors") else None,
        "verdicts": rollout.get("verdicts") or [],
    }


def _steps(app: Raw, rollout: View, policies: Mapping[str, Raw]) -> list[View]:
    """The steps with the last one, which is implied; empty where the policy that they stand in is not to be seen."""
    spec = app["spec"]
    policy = spec.get("rollout")
    if name := spec.get("rolloutPolicyRef"):
        policy = policies.get(name, {}).get("spec")
        if policy is None:
            return []
    steps = (policy or {}).get("steps")
    if steps is None:
        steps = [step.to_manifest() for step in RolloutSpec().steps]
    if rollout.get("steps", 0) == 0:
        steps = []
    steps = [*steps, {"setWeight": 100}]
    # A policy that was changed just now is not the one these steps are counted by.
    return steps if len(steps) == rollout.get("steps", 0) + 1 else []


def _step_in_words(step: View) -> str:
    if "pause" in step:
        return f"pause {step['pause'].get('duration') or 'for a person'}"
    return f"{step.get('setWeight')} %"


def _pause_end(step: View, rollout: View) -> str | None:
    duration = (step.get("pause") or {}).get("duration")
    started = rollout.get("stepStartedAt")
    if not duration or not started:
        return None
    length: timedelta = parse_duration(duration)
    return (time_of(started) + length).isoformat()
