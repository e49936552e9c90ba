"""The status that tells a person, and a tool that waits, where an app stands and why."""

from datetime import datetime

from genaiops.api.base import Condition, Phase, format_duration
from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.rollout.conditions import condition, kstatus, merge
from genaiops.rollout.decisions import SERVED
from genaiops.rollout.snapshot import Snapshot


def report(seen: Snapshot, status: LLMAppStatus, now: datetime) -> LLMAppStatus:
    """`status` with the fields that follow from the others: phase, conditions, endpoint, replicas."""
    phase, reason, message = _judge(seen, status, now)
    stalled = phase is Phase.DEGRADED
    ready = phase is Phase.HEALTHY
    stable = seen.workload(status.stable_release)
    conditions = [
        *kstatus(
            seen.generation,
            now,
            ready=ready,
            reconciling=not ready and not stalled,
            stalled=stalled,
            reason=reason,
            message=message,
        ),
        _available(seen, status, now),
        *_drifted(seen, status, now),
    ]
    for kind, about in (("QualityReady", seen.quality), ("TracingReady", seen.tracing)):
        if about:
            conditions.append(condition(kind, about.ready, about.reason, about.message, seen.generation, now))
    traffic = seen.spec.traffic
    path = "" if seen.spec.container else "/v1"
    return status.model_copy(
        update={
            "observed_generation": seen.generation,
            "phase": phase,
            "conditions": merge(seen.status.conditions, conditions),
            # Where an HTTPRoute is reached, only the people know who wrote it.
            "endpoint": None
            if traffic.gateway_api
            else f"http://{seen.name}.{seen.namespace}.svc:{traffic.by.port}{path}",
            "replicas": stable.pods,
            "selector": f"genaiops.dev/app={seen.name},genaiops.dev/component=runtime",
        }
    )


def _available(seen: Snapshot, status: LLMAppStatus, now: datetime) -> Condition:
    """Whether users get answers, whatever a rollout is doing."""
    stable, gateway = seen.workload(status.stable_release), seen.gateway
    if not status.stable_release:
        reason, message = "NoStableRelease", "no release is serving yet"
    elif not gateway.ready:
        reason, message = "GatewayNotReady", gateway.problem or "no pod of the gateway is ready"
    elif not stable.ready:
        reason, message = "NoReadyPods", f"no pod of {status.stable_release} is ready"
        message = f"{message}: {stable.problem}" if stable.problem else message
    else:
        text = f"{status.stable_release} serves"
        return condition("Available", True, "Serving", text, seen.generation, now)
    return condition("Available", False, reason, message, seen.generation, now)


def _drifted(seen: Snapshot, status: LLMAppStatus, now: datetime) -> list[Condition]:
    """Whether what serves does worse than it did, where that is looked at."""
    if not status.monitored:
        return []
    drift = "; ".join(f"{one.suite}: {one.drift}" for one in status.monitored if one.drift)
    last = "; ".join(f"{one.suite}: {one.message or 'not evaluated again yet'}" for one in status.monitored)
    reason = "DoesWorse" if drift else "AsBefore"
    return [condition("Drifted", bool(drift), reason, drift or last, seen.generation, now)]


def _judge(seen: Snapshot, status: LLMAppStatus, now: datetime) -> tuple[Phase, str, str]:
    problems = seen.resolution.problems
    serving = f"; {status.stable_release} goes on serving" if status.stable_release else ""
    rollout = status.rollout
    if problems:
        message = "; ".join(str(problem) for problem in problems) + serving
        waits = all(problem.waits for problem in problems)
        phase = (Phase.PROGRESSING if serving else Phase.PENDING) if waits else Phase.DEGRADED
        return phase, problems[0].reason, message
    if rollout:
        if status.stable_release is None and rollout.waiting and rollout.waiting_since:
            deadline = seen.policy.progress_deadline
            if now >= rollout.waiting_since + deadline:
                message = f"no progress for {format_duration(deadline)}: {rollout.waiting}"
                return Phase.DEGRADED, "ProgressDeadlineExceeded", message
        if rollout.waiting:
            return Phase.PROGRESSING, "Waiting", f"{rollout.release}: {rollout.waiting}"
        if rollout.paused:
            return Phase.PAUSED, "RolloutPaused", f"{rollout.release} at weight {rollout.weight}: {rollout.paused}"
        tells = "; ".join(verdict.message for verdict in rollout.verdicts)
        message = f"{rollout.release} at weight {rollout.weight}, step {rollout.step + 1} of {rollout.steps + 1}"
        if had := seen.capacity.remark(rollout.weight, seen.spec.replicas):
            message = f"{message} ({had})"
        return Phase.PROGRESSING, "RolloutProgressing", f"{message}: {tells}" if tells else message
    if status.aborted_release and status.history:
        last = status.history[-1]
        remedy = "change the spec, ask for the stable release again, or retry"
        why = f"{last.release}: {last.reason}: {last.message}"
        if last.result in SERVED:
            # A person went back, which is no change of the spec.
            decided = "; ".join(last.decided_by)
            why = f"the spec asks for {status.aborted_release}, which was taken back: {decided}"
        return Phase.DEGRADED, "RolloutAborted", f"{why}{serving}. {remedy}"
    stable = seen.workload(status.stable_release)
    if stable.ready >= seen.spec.replicas and status.watch:
        until = f"{status.watch.until:%H:%M:%S} UTC"
        message = f"{status.stable_release} serves; a breach until {until} goes back to {status.watch.previous}"
        tells = "; ".join(verdict.message for verdict in status.watch.verdicts)
        return Phase.HEALTHY, "Watched", f"{message}: {tells}" if tells else message
    if stable.ready >= seen.spec.replicas:
        return Phase.HEALTHY, "Serving", f"{status.stable_release} serves"
    message = f"{stable.ready} of {seen.spec.replicas} pods of {status.stable_release} are ready"
    if stable.problem:
        return Phase.DEGRADED, "PodsNotReady", f"{message}: {stable.problem}"
    return Phase.PROGRESSING, "PodsNotReady", message
