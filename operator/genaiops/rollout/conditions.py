"""Conditions as kstatus reads them, and when they changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from genaiops.api.base import Condition


def clipped(text: str, limit: int = 1024) -> str:
    """`text` in at most `limit` characters: the API server refuses a whole status for one text that is longer."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def condition(kind: str, status: bool, reason: str, message: str, generation: int, now: datetime) -> Condition:
    """A condition that changed just now; `merge` gives it its real age."""
    return Condition(
        type=kind,
        status="True" if status else "False",
        reason=reason,
        message=clipped(message, 32768),
        observed_generation=generation,
        last_transition_time=now,
    )


def merge(old: Sequence[Condition], new: Iterable[Condition]) -> list[Condition]:
    """`new` in its order; a condition whose status stayed keeps the time of its last transition."""
    before = {condition.type: condition for condition in old}
    merged = []
    for item in new:
        known = before.get(item.type)
        if known is not None and known.status == item.status:
            item = item.model_copy(update={"last_transition_time": known.last_transition_time})
        merged.append(item)
    return merged


def kstatus(
    generation: int, now: datetime, *, ready: bool, reconciling: bool, stalled: bool, reason: str, message: str
) -> list[Condition]:
    """Ready, Reconciling and Stalled with one reason.

    https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md: Stalled makes a tool that waits
    give up, Reconciling makes it go on waiting.
    """
    return [
        condition("Ready", ready, reason, message, generation, now),
        condition("Reconciling", reconciling, reason, message if reconciling else "", generation, now),
        condition("Stalled", stalled, reason, message if stalled else "", generation, now),
    ]
