"""What the pod of an evaluation tells: that it runs, why it does not, and what it found."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from genaiops.api.evaluation import EvaluationPhase, EvaluationSummary
from genaiops.controller.dataplane import pod_problem
from genaiops.controller.store import Key, Raw
from genaiops.manifests.evaluation import EVALUATOR
from genaiops.release.lookup import parse_errors
from genaiops.rollout.conditions import clipped

_STARTS: Final = 5
"""Starts anew from which a container is said to crash again and again."""
_LAST_WORDS: Final = 300
"""Characters of a crashed container's last line that are told."""


def result_of(pod: Raw) -> EvaluationSummary | None:
    """What the evaluator left at its end; None where it did not end, or will be started anew."""
    for container in pod.get("status", {}).get("containerStatuses") or ():
        ended = container.get("state", {}).get("terminated")
        if container["name"] == EVALUATOR and ended and ended.get("exitCode") == 0:
            try:
                summary = EvaluationSummary.model_validate_json(ended.get("message") or "")
                why = None if summary.phase.finished else f"its phase is {summary.phase}"
            except ValidationError as error:
                why = parse_errors(error, "summary")
            if why:
                message = clipped(f"the evaluator left no result that can be read: {why}")
                return EvaluationSummary(done=0, total=0, phase=EvaluationPhase.ERROR, message=message)
            return summary
    return None


def of_its_job(pod: Raw, job: str) -> bool:
    """Whether the pod says that the Job of that name made it."""
    owners = pod["metadata"].get("ownerReferences") or ()
    return any(item.get("controller") and (item["kind"], item["name"]) == ("Job", job) for item in owners)


def problem_of(pod: Raw) -> str | None:
    """Why a pod does not run, evicted ones included."""
    status = pod.get("status", {})
    if status.get("phase") == "Failed" and status.get("reason"):
        return f"{status['reason']}: {status.get('message', '')}".rstrip(": ")
    return pod_problem(pod)


def keeps_crashing(pod: Raw) -> str | None:
    """Why a container beside the evaluator, the release's first, will answer nothing; None where it may yet.

    The kubelet waits longer before each start, so that this many take two and a half minutes. One that ran well for
    ten is started at once, and counts as well; an image that is still pulled was never started.
    """
    for container in pod.get("status", {}).get("initContainerStatuses") or ():
        waiting = container.get("state", {}).get("waiting", {})
        if waiting.get("reason") == "CrashLoopBackOff" and container.get("restartCount", 0) >= _STARTS:
            ended = container.get("lastState", {}).get("terminated") or {}
            how = f"exit code {ended.get('exitCode')}, {ended.get('reason')}"
            lines = (ended.get("message") or "").splitlines()
            last = f": {lines[-1][:_LAST_WORDS]}" if lines else ""
            name, restarts = container["name"], container["restartCount"]
            return f"container {name} crashes again and again ({restarts} restarts; {how}){last}"
    return None


def still_starts(key: Key, pods: Sequence[Raw]) -> str:
    """What is known of a run that has no problem and does not run yet.

    A quota that refuses its pod, or a volume that can't be mounted, stands in events only.
    """
    if not pods:
        return f"waits for its pod; what keeps it: kubectl describe job {key.name} -n {key.namespace}"
    return f"its pod starts; what keeps it: kubectl describe pod {pods[-1]['metadata']['name']} -n {key.namespace}"


def runs(pod: Raw) -> bool:
    """Whether the evaluator in it runs, as far as the API server knows."""
    containers = pod.get("status", {}).get("containerStatuses") or ()
    return any(item["name"] == EVALUATOR and "running" in item.get("state", {}) for item in containers)
