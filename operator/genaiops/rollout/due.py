"""Which questions a reconcile has to ask the data plane before it plans: none while nothing is under way."""

from datetime import datetime, timedelta

from genaiops.api.llmapp_status import LLMAppStatus, RolloutStatus
from genaiops.api.rollout import RolloutSpec
from genaiops.release.resolve import Resolution


def gateway_due(status: LLMAppStatus, resolution: Resolution) -> bool:
    """Whether it matters what the gateway has in effect: a release is coming or going."""
    target = resolution.target
    begins = target is not None and target.name not in (status.stable_release, status.aborted_release)
    return bool(status.rollout or status.retiring or begins)


def readings_due(status: LLMAppStatus, policy: RolloutSpec, now: datetime) -> bool:
    """Whether the pods' counters are to be read now."""
    if status.rollout is None or status.stable_release is None:
        return False
    due = next_reading(status.rollout, policy)
    return due is not None and now >= due


def next_reading(rollout: RolloutStatus, policy: RolloutSpec) -> datetime | None:
    """When the pods' counters are to be read next; None while there is nothing to compare.

    At once when a step has taken effect and both releases have traffic, then an interval after the last reading.
    """
    if not 0 < rollout.weight < 100 or not policy.analysis.metrics:
        return None
    if rollout.analysis is None:
        return rollout.step_started_at
    return (rollout.analysis.measured_at or rollout.analysis.started_at) + policy.analysis.interval


def next_question(now: datetime, since: datetime) -> datetime:
    """When to ask the gateway again, which does not announce itself as pods do: the longer it takes, the less often."""
    return now + min(max((now - since) / 4, timedelta(milliseconds=200)), timedelta(seconds=5))
