"""Which questions a reconcile has to ask the data plane before it plans: none while nothing is under way."""

from datetime import datetime

from genaiops.api.llmapp import LLMAppStatus
from genaiops.api.rollout import RolloutSpec
from genaiops.release.resolve import Resolution


def gateway_due(status: LLMAppStatus, resolution: Resolution) -> bool:
    """Whether it matters what the gateway has in effect: a release is coming or going."""
    target = resolution.target
    begins = target is not None and target.name not in (status.stable_release, status.aborted_release)
    return bool(status.rollout or status.retiring or begins)


def readings_due(status: LLMAppStatus, policy: RolloutSpec, now: datetime) -> bool:
    """Whether the pods' counters are to be read: a candidate has traffic and the last reading is an interval old."""
    rollout = status.rollout
    if rollout is None or status.stable_release is None or not rollout.weight or not rollout.step_started_at:
        return False
    if not policy.analysis.metrics:
        return False
    if rollout.analysis is None:
        return True
    return now >= (rollout.analysis.measured_at or rollout.analysis.started_at) + policy.analysis.interval
