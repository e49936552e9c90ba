"""Objects as the API server sends them: an app whose candidate waits for a person at 25 percent."""

import copy
import hashlib
from typing import Any

Raw = dict[str, Any]

STABLE, CANDIDATE = "support-aaaaaaaaaa", "support-bbbbbbbbbb"
BEGAN = "2026-05-01T11:50:00.000000Z"
RAN_FOR_TEN_MINUTES = "2026-05-01T12:00:00+00:00"


def _object(kind: str, name: str, group: str = "genaiops.dev/v1alpha1", **rest: Any) -> Raw:
    labels = rest.pop("labels", {})
    metadata = {
        "name": name,
        "namespace": "shop",
        "generation": 3,
        "labels": labels,
        "creationTimestamp": "2026-04-29T12:00:00Z",
    }
    return {"apiVersion": group, "kind": kind, "metadata": metadata, **rest}


def prompt_version(name: str, text: str, **rest: Any) -> Raw:
    return {
        "name": name,
        "variables": [{"name": "company", "default": "Contoso"}],
        "messages": [{"role": "system", "content": text}],
        **rest,
    }


V1 = prompt_version("v1", "You are the agent of {{ company }}.\nBe kind.")
V2 = prompt_version("v2", "You are the agent of {{ company }}.\nBe brief.")


def prompt(*versions: Raw, **labels: str) -> Raw:
    return _object("Prompt", "support", spec={"labels": labels, "versions": list(versions or (V1, V2))})


def hash_of(release: str) -> str:
    return hashlib.sha256(release.encode()).hexdigest()


def release(name: str, version: Raw, **content: Any) -> Raw:
    said = {key: version[key] for key in ("messages", "variables")}
    return _object(
        "Release",
        name,
        labels={"genaiops.dev/app": "support"},
        spec={
            "app": "support",
            "hash": hash_of(name),
            "source": {
                "prompt": "support",
                "promptVersion": version["name"],
                "model": "gpt",
                "guardrails": ["no-leaks"],
            },
            "content": {
                "prompt": said,
                "model": {"name": "gpt", "provider": "OpenAI", "model": "gpt-4o-mini", "endpoint": "https://llm/v1"},
                "parameters": {"temperature": "0.2"},
                "guardrails": [{"output": [{"name": "pii", "detector": {"type": "PII"}, "action": "Redact"}]}],
                "timeout": "60s",
                "maxRetries": 2,
                **content,
            },
            "changes": ["prompt v1 → v2"] if version["name"] == "v2" else [],
        },
    )


def deployment(name: str, ready: int, wanted: int, component: str = "runtime") -> Raw:
    labels = {"genaiops.dev/app": "support", "genaiops.dev/component": component}
    spec, status = {"replicas": wanted}, {"readyReplicas": ready}
    return _object("Deployment", name, "apps/v1", labels=labels, spec=spec, status=status)


def app(status: Raw | None = None, **spec: Any) -> Raw:
    wanted = {
        "replicas": 2,
        "model": {"ref": "gpt"},
        "prompt": {"ref": "support", "version": "v2"},
        "rollout": {"steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}]},
        **spec,
    }
    status = paused() if status is None else status
    return _object("LLMApp", "support", spec=wanted, status={"observedGeneration": 3, **status})


def condition(kind: str, status: str, reason: str, message: str) -> Raw:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": BEGAN}


def paused(reason: str = "paused until a person promotes") -> Raw:
    message = f"{CANDIDATE} at weight 25: {reason}"
    return {
        "phase": "Paused",
        "stableRelease": STABLE,
        "candidateRelease": CANDIDATE,
        "weight": 25,
        "endpoint": "http://support.shop.svc:80/v1",
        "rollout": {
            "release": CANDIDATE,
            "step": 1,
            "steps": 3,
            "weight": 25,
            "startedAt": BEGAN,
            "stepStartedAt": "2026-05-01T11:55:00.000000Z",
            "paused": reason,
            "analysis": {"startedAt": BEGAN, "measuredAt": "2026-05-01T11:59:56.000000Z"},
            "verdicts": [
                verdict("error-rate", "Successful", "error-rate 0.0% (0 of 80) against 0.4% (1 of 240) on stable"),
                verdict("latency", "Inconclusive", "latency above 10.24 s 1.2% (1 of 80) against 0.0% (0 of 240)"),
            ],
        },
        "conditions": [
            condition("Ready", "False", "RolloutPaused", message),
            condition("Reconciling", "True", "RolloutPaused", message),
            condition("Stalled", "False", "RolloutPaused", ""),
            condition("Available", "True", "Serving", f"{STABLE} serves"),
        ],
        "history": [ended(STABLE, "Promoted", "FirstRelease", "first release is serving", prompt_version="v1")],
    }


def under_evaluation() -> Raw:
    """One suite is passed, one is half through, and one has not begun."""
    suites = [
        {"suite": "quick", "evaluation": "support-e-1", "phase": "Passed", "message": "f1: 9 of 10 answers pass"},
        {"suite": "golden", "evaluation": "support-e-2", "phase": "Running", "message": "120/500; asks the baseline"},
        {"suite": "red-team", "evaluation": "support-e-3", "phase": "Pending"},
    ]
    waiting = "evaluation: golden 120/500; asks the baseline, red-team Pending"
    rollout = {"release": CANDIDATE, "startedAt": BEGAN, "waiting": waiting, "evaluations": suites}
    return {"phase": "Progressing", "stableRelease": STABLE, "candidateRelease": CANDIDATE, "rollout": rollout}


def verdict(name: str, word: str, message: str, **rest: Any) -> Raw:
    arms = {"candidate": {"samples": 80, "hits": 0}, "stable": {"samples": 240, "hits": 1}}
    return {"name": name, "verdict": word, "message": message, **arms, **rest}


def decision(action: str, phase: str, username: str, message: str) -> Raw:
    name = f"support-{action.lower()}"
    said = {"action": action, "phase": phase, "username": username, "message": message}
    return {"name": name, "uid": name, "at": BEGAN, **said}


def ended(release: str, result: str, reason: str, message: str, *, prompt_version: str, **rest: Any) -> Raw:
    return {
        "release": release,
        "promptVersion": prompt_version,
        "result": result,
        "reason": reason,
        "message": message,
        "startedAt": "2026-04-29T12:00:00.000000Z",
        "finishedAt": "2026-04-29T12:00:40.000000Z",
        **rest,
    }


def healthy() -> Raw:
    """What `paused` becomes when it is promoted."""
    status = _without_rollout()
    done = ended(CANDIDATE, "Promoted", "StepsPassed", "all steps passed", prompt_version="v2", startedAt=BEGAN)
    return status | {
        "phase": "Healthy",
        "stableRelease": CANDIDATE,
        "conditions": [condition("Ready", "True", "Serving", f"{CANDIDATE} serves")],
        "history": [*status["history"], done],
    }


def aborted(release: str = CANDIDATE, started: str = BEGAN) -> Raw:
    """What `paused` becomes when it is taken back."""
    status, why = _without_rollout(), "guardrail-violation-rate 100.0% (15 of 15) against 0.0% (0 of 60) on stable"
    done = ended(release, "Aborted", "AnalysisFailed", why, prompt_version="v2", startedAt=started)
    return status | {
        "phase": "Degraded",
        "abortedRelease": release,
        "conditions": [condition("Ready", "False", "RolloutAborted", f"{release}: AnalysisFailed: {why}")],
        "history": [*status["history"], done],
    }


def waiting_for_approval(*approved: str, excluded: tuple[str, ...] = ()) -> Raw:
    """What `paused` is at a step that two people have to approve."""
    status = paused("waits until 2 people approve: kubectl genaiops approve support -n shop")
    approvers = [
        {"username": name, "at": "2026-05-01T11:58:00.000000Z", "until": "2026-05-01T12:58:00.000000Z"}
        for name in approved
    ]
    gate = {"needed": 2, "excluded": list(excluded), "approvers": approvers}
    return status | {"rollout": {**status["rollout"], "gate": gate}}


def held() -> Raw:
    """What `paused` is while somebody holds it."""
    status = paused("held by bob: lunch; to let it go on: kubectl genaiops resume support -n shop")
    hold = {"username": "bob", "since": "2026-05-01T11:57:00.000000Z", "reason": "lunch"}
    return status | {"rollout": {**status["rollout"], "held": hold}}


def watched() -> Raw:
    """What `healthy` is while its promotion is watched."""
    watch = {
        "release": CANDIDATE,
        "previous": STABLE,
        "startedAt": "2026-05-01T11:58:00.000000Z",
        "until": "2026-05-01T12:08:00.000000Z",
        "analysis": {"startedAt": "2026-05-01T11:58:00.000000Z", "measuredAt": "2026-05-01T11:59:56.000000Z"},
        "verdicts": [verdict("error-rate", "Successful", "error-rate 0.0% (0 of 80) against 0.4% (1 of 240) before")],
    }
    return healthy() | {"watch": watch}


def _without_rollout() -> Raw:
    gone = {"rollout", "candidateRelease", "weight"}
    return copy.deepcopy({key: value for key, value in paused().items() if key not in gone})


def everything() -> list[Raw]:
    """The app and what belongs to it."""
    return [
        app(),
        prompt(),
        release(STABLE, V1),
        release(CANDIDATE, V2, parameters={"temperature": "0.7"}),
        deployment("support-gateway", 1, 1, "gateway"),
        deployment(STABLE, 2, 2),
        deployment(CANDIDATE, 0, 1),
    ]
