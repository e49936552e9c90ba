"""From when the progress deadline counts: what comes back for a moment and goes again is no progress."""

from datetime import datetime, timedelta
from typing import Final

from genaiops.api.llmapp_status import RolloutStatus

STAYS: Final = timedelta(seconds=30)
"""What was missing has to be there for so long until its absence is forgotten: a pod that crashes on its first requests
is ready for seconds, and one that hangs for up to three probes of the kubelet, 10 s by default."""


def counts_from(rollout: RolloutStatus, now: datetime) -> datetime:
    """From when it counts, with something missing now. Moments in which nothing was missing don't count."""
    since, ready = rollout.waiting_since, rollout.ready_since
    if since is None or (ready and now - ready >= STAYS):
        return now
    return since + (now - ready) if ready else since
