"""What there is to say about an app, as data: put together from raw objects, shown by `screen`, dumped by `-o json`.

Raw and not parsed into the models: the operator may be newer than this program and write fields it does not know.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from genaiops.cli import progress
from genaiops.cli.cluster import Raw
from genaiops.cli.follow import Objects, Seen
from genaiops.cli.words import in_short
from genaiops.manifests.labels import COMPONENT, GATEWAY

View = progress.View
_VERDICTS: Final = ("Failed", "Error", "Inconclusive", "Successful")
"""The worst first."""


def row(app: Raw, releases: Objects) -> View:
    """One app in a line of `get`.

    ``name, namespace, phase, stable, candidate, weight, waiting, evaluating, watchedUntil, verdict, created``.
    """
    status, meta = app.get("status") or {}, app["metadata"]
    rollout = status.get("rollout") or {}
    return {
        "name": meta["name"],
        "namespace": meta.get("namespace"),
        "phase": status.get("phase", "Pending"),
        "stable": _release(status.get("stableRelease"), releases),
        "candidate": _release(status.get("candidateRelease"), releases),
        "weight": status.get("weight"),
        "waiting": rollout.get("paused") or rollout.get("waiting"),
        "evaluating": _open(rollout.get("evaluations") or ()),
        "watchedUntil": (status.get("watch") or {}).get("until"),
        "verdict": overall(rollout.get("verdicts") or ()),
        "created": meta.get("creationTimestamp"),
    }


def _open(suites: Iterable[View]) -> list[str]:
    """The suites that the candidate still has to pass, and how far each is: ``golden 7/12``."""
    open_ones = [one for one in suites if one["phase"] in ("Pending", "Running")]
    return [f"{one['suite']} {in_short(one.get('message') or one['phase'])}" for one in open_ones]


def overall(verdicts: Any) -> str | None:
    """The verdict of all that decide: the worst of them."""
    deciding = {verdict["verdict"] for verdict in verdicts if not verdict.get("dryRun")}
    return next((verdict for verdict in _VERDICTS if verdict in deciding), None)


def status(app: Raw, seen: Seen) -> View:
    """All about one app.

    What `row` says, and gateway, pods, rollout, watch, conditions, decisions and history (both the newest first).
    """
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
        "rollout": progress.rollout(app, seen.objects.get("RolloutPolicy", {})),
        "watch": _watch(told.get("watch"), releases, deployments),
        "decisions": list(reversed(told.get("decisions") or [])),
        "conditions": told.get("conditions") or [],
        "history": history(app),
        "problems": sorted(set(seen.problems.values())),
    }


def history(app: Raw) -> list[View]:
    """How the app's rollouts ended, the newest first."""
    return list(reversed((app.get("status") or {}).get("history") or []))


def _watch(watch: Raw | None, releases: Objects, deployments: Objects) -> View | None:
    if watch is None:
        return None
    previous = _release(watch["previous"], releases)
    return {
        "startedAt": watch["startedAt"],
        "until": watch["until"],
        "previous": (previous or {}) | {"pods": _pods(deployments.get(watch["previous"]))},
        **progress.measured(watch),
    }


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
