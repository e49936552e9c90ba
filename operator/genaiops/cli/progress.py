"""How far a rollout is, as data: its steps in words, and what stands between the present one and the next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from genaiops.api.base import parse_duration
from genaiops.api.rollout import RolloutSpec
from genaiops.cli.cluster import Raw

View = dict[str, Any]


def time_of(text: str) -> datetime:
    """A point in time as the API writes it."""
    return datetime.fromisoformat(text)


def rollout(app: Raw, policies: Mapping[str, Raw]) -> View | None:
    """The rollout under way, None where there is none. `step` counts from 1; what can't be seen is null or empty."""
    now: View | None = (app.get("status") or {}).get("rollout")
    if now is None:
        return None
    steps, index = _steps(app, now, policies), now.get("step", 0)
    present = steps[index] if index < len(steps) else {}
    return {
        "step": index + 1,
        "of": now.get("steps", 0) + 1,
        "steps": [_in_words(step) for step in steps],
        "weight": now.get("weight", 0),
        "fast": now.get("fast", False),
        "full": now.get("full", False),
        "undo": now.get("undo", False),
        "startedAt": now.get("startedAt"),
        "stepStartedAt": now.get("stepStartedAt"),
        "stepEndsAt": _end_of(present, now),
        "waiting": now.get("waiting"),
        "waitingSince": now.get("waitingSince") if now.get("waiting") else None,
        "paused": now.get("paused"),
        "evaluations": now.get("evaluations") or [],
        "gate": _gate(now.get("gate")),
        "held": now.get("held"),
        "testers": _testers(steps[: index + 1]),
        "shadow": present.get("shadow"),
        "variants": now.get("variants") or [],
        "requestedBy": now.get("requestedBy") or [],
        "decidedBy": now.get("decidedBy") or [],
        **measured(now),
    }


def measured(judged: Raw) -> View:
    """``measuredAt, lastError, verdicts`` of a rollout or a watch."""
    analysis = judged.get("analysis") or {}
    return {
        "measuredAt": analysis.get("measuredAt"),
        "lastError": analysis.get("lastError") if analysis.get("consecutiveErrors") else None,
        "verdicts": judged.get("verdicts") or [],
    }


def _gate(gate: Raw | None) -> View | None:
    if gate is None:
        return None
    approvers = gate.get("approvers") or []
    return {
        "needed": gate["needed"],
        "missing": max(0, gate["needed"] - len(approvers)),
        "approvers": approvers,
        "excluded": gate.get("excluded") or [],
    }


def _steps(app: Raw, now: View, policies: Mapping[str, Raw]) -> list[View]:
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
    if now.get("steps", 0) == 0:
        steps = []
    steps = [*steps, {"setWeight": 100}]
    # A policy that was changed just now is not the one these steps are counted by.
    return steps if len(steps) == now.get("steps", 0) + 1 else []


def _in_words(step: View) -> str:
    (kind, value), *_ = step.items()
    match kind:
        case "setWeight":
            return f"{value} %"
        case "pause":
            return f"pause {value.get('duration') or 'for a person'}"
        case "setCanaryScale":
            return _scale_in_words(value)
        case "analysis":
            return f"analysis of {', '.join(metric['name'] for metric in value['metrics'])}"
        case "approval":
            needed = value.get("approvals", 1)
            return "approval" if needed == 1 else f"{needed} approvals"
        case "setHeaderRoute":
            return "testers" if value.get("match") else "no testers"
        case "experiment":
            ends = [value["duration"]] if "duration" in value else []
            ends += [f"{value['samples']} requests"] if "samples" in value else []
            names = ", ".join(variant["name"] for variant in value.get("variants") or ())
            return f"experiment {f'with {names} ' if names else ''}for {' or '.join(ends)}"
        case "shadow":
            return f"shadow {value['percent']} % for {value['duration']}"
    # An operator that is newer than this program.
    return str(kind)


def _scale_in_words(scale: View) -> str:
    if "replicas" in scale:
        return f"{scale['replicas']} pods"
    return f"{scale['percent']} % of the pods" if "percent" in scale else "pods for its weight"


def _testers(steps: list[View]) -> list[str]:
    """Which requests go to the candidate whatever its weight, in words."""
    routes = [step["setHeaderRoute"] for step in steps if "setHeaderRoute" in step]
    return [_match_in_words(match) for match in (routes[-1].get("match") or [] if routes else [])]


def _match_in_words(match: View) -> str:
    where = f"header {match['header']}" if "header" in match else f"cookie {match.get('cookie')}"
    return f"{where} is {match['exact']}" if "exact" in match else f"{where} begins with {match.get('prefix')}"


def _end_of(step: View, now: View) -> str | None:
    """When a step that takes a time is over."""
    duration = (step.get("pause") or step.get("shadow") or step.get("experiment") or {}).get("duration")
    started = now.get("stepStartedAt")
    if not duration or not started:
        return None
    length: timedelta = parse_duration(duration)
    return (time_of(started) + length).isoformat()
