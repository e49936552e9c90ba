"""Which questions a reconcile has to ask the data plane before it plans: none while nothing is under way."""

from datetime import datetime, timedelta

from genaiops.api.llmapp_status import LLMAppStatus
from genaiops.release.resolve import Resolution


def gateway_due(status: LLMAppStatus, resolution: Resolution) -> bool:
    """Whether it matters what the gateway has in effect: a release is coming or going."""
    target = resolution.target
    begins = target is not None and target.name not in (status.stable_release, status.aborted_release)
    return bool(status.rollout or status.retiring or begins)


def next_question(now: datetime, since: datetime) -> datetime:
    """When to ask the gateway again, which does not announce itself as pods do: the longer it takes, the less often.

    `since` lies in the future where the clock was put back: nobody knows how long it has taken.
    """
    return now + min(max(abs(now - since) / 4, timedelta(milliseconds=200)), timedelta(seconds=5))
