"""A clock that was put back: what is on record would lie in the future, and nothing would be due for as long.

What is promised of a clock that jumps: it loses no breach. Put back, nothing takes longer than it would have taken from
the beginning, for what began "later" begins now. Put forward, what waits for a time (a pause, the progress deadline,
`maxDuration`, a watch, the ttl of a decision) has waited for it. Nobody can tell this from an operator that was away.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from genaiops.api.llmapp_status import LLMAppStatus, Watch

_MEANT: Final = "until"
"""The only times on record that are meant to lie in the future."""


def begun_by(now: datetime, status: LLMAppStatus) -> LLMAppStatus:
    """The status with no clock of a rollout, watch or schedule that began later than now. What is over stays as it was
    told."""
    return status.model_copy(
        update={
            "rollout": _by(now, status.rollout),
            "watch": _watch_by(now, status.watch),
            "monitored": _by(now, status.monitored),
        }
    )


def _watch_by(now: datetime, watch: Watch | None) -> Watch | None:
    if watch and watch.started_at > now:
        watch = watch.model_copy(update={"until": now + (watch.until - watch.started_at)})
    begun: Watch | None = _by(now, watch)
    return begun


def _by(now: datetime, value: Any) -> Any:
    match value:
        case datetime():
            return min(value, now)
        case BaseModel():
            clocks = {name: _by(now, old) for name, old in value if name != _MEANT}
            return value.model_copy(update=clocks)
        case Mapping():
            return {name: _by(now, old) for name, old in value.items()}
        case list():
            return [_by(now, old) for old in value]
    return value
