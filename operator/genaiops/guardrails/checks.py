"""The checks of a release, in order, and what they decided about one request or answer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from genaiops.api.guardrails import Action, GuardrailPolicySpec, OnError
from genaiops.guardrails.detectors import build
from genaiops.guardrails.finding import Detector

Stage = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Check:
    """One guardrail, ready to run."""

    name: str
    detector: Detector
    action: Action
    message: str
    """What the caller is told on Block."""
    on_error: OnError
    timeout: float
    """Seconds."""


@dataclass(slots=True)
class Report:
    """What the checks of one stage decided about one request or answer: for metrics and logs, so without any text."""

    decisions: dict[str, Action] = field(default_factory=dict)
    """Guardrails that found something, and what they do then."""
    errors: list[str] = field(default_factory=list)
    """Guardrails that failed or took too long, once for each time."""


class BlockedError(Exception):
    """A guardrail with action Block found something. The message is for the caller."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.message)
        self.guardrail = check.name
        self.message = check.message


class DetectorError(Exception):
    """A detector failed or took too long, and its policy says Block then."""

    def __init__(self, check: Check) -> None:
        super().__init__(f"the guardrail {check.name!r} could not judge the text")
        self.guardrail = check.name
        self.message = str(self)


def checks_of(policies: Sequence[GuardrailPolicySpec], stage: Stage) -> tuple[Check, ...]:
    """The policies' checks in order. Raises ValueError where a detector can't be built (`validate` says why)."""
    return tuple(
        Check(
            name=guardrail.name,
            detector=build(guardrail.detector),
            action=guardrail.action,
            message=guardrail.message or f"The {stage} was refused by the guardrail {guardrail.name!r}.",
            on_error=policy.on_error,
            timeout=policy.timeout.total_seconds(),
        )
        for policy in policies
        for guardrail in (policy.input if stage == "input" else policy.output)
    )
