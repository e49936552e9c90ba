"""A wait for people who approve one release."""

from collections.abc import Sequence
from datetime import datetime

from genaiops.api.llmapp_status import Gate
from genaiops.api.rollout import Approval


def gate_now(approval: Approval, gate: Gate | None, requested_by: Sequence[str], now: datetime) -> Gate:
    """The gate with the approvals that still count; `gate` is what it was."""
    return Gate(
        needed=approval.approvals,
        excluded=[] if approval.allow_self_approval else list(requested_by),
        approvers=[approver for approver in (gate.approvers if gate else ()) if approver.until > now],
    )


def is_open(gate: Gate) -> bool:
    """Whether enough people have approved."""
    return len(gate.approvers) >= gate.needed


def waits_for(gate: Gate) -> str:
    """Whom it waits for, in words."""
    so_far = f", so far {', '.join(approver.username for approver in gate.approvers)}" if gate.approvers else ""
    people = "a person" if gate.needed == 1 else f"{gate.needed} people"
    return f"waits for {people} to approve{so_far}"
