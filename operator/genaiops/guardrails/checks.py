"""The checks of a release, in order, and what they decided about one request or answer."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from genaiops.api.base import SecretKeyRef
from genaiops.api.detectors import Detector, DetectorType
from genaiops.api.guardrails import Action, Guardrail, GuardrailPolicySpec, OnError
from genaiops.guardrails import moderation, webhook
from genaiops.guardrails.detectors import build
from genaiops.guardrails.finding import Cost, Finding
from genaiops.guardrails.judges import Asked, Here, InWorker, Judge
from genaiops.guardrails.memory import Memory
from genaiops.guardrails.pool import HANGS, Pool

Stage = Literal["input", "output"]
Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Posts a JSON object and brings the answer's. What it raises is a failure of the detector that asked."""


class Surroundings(Protocol):
    """What detectors need of the process that they run in."""

    @property
    def pool(self) -> Pool:
        """For detectors of cost PROCESS."""

    def model(self, name: str, path: str) -> Ask:
        """Asks the Model of this name, at this path below its endpoint."""

    def webhook(self, url: str, secret: SecretKeyRef | None) -> Ask:
        """Asks this address."""


@dataclass(frozen=True, slots=True)
class Check:
    """One guardrail, ready to run."""

    name: str
    judge: Judge
    action: Action
    message: str
    """What the caller is told on Block."""
    on_error: OnError
    timeout: float
    """Seconds for one text; of one that computes, for each piece of it (judges.PIECE)."""
    dry_run: bool = False
    restore: bool = False
    """Redact: by a placeholder of the request's vault."""

    @property
    def acts(self) -> bool:
        """Whether a finding changes or ends anything, rather than only being counted."""
        return self.action is not Action.FLAG and not self.dry_run

    @property
    def redacts(self) -> bool:
        """Whether a finding changes the text for what comes after."""
        return self.action is Action.REDACT and not self.dry_run


@dataclass(frozen=True, slots=True)
class Decision:
    """What one guardrail found in one request or answer, and what it does then. Never any text."""

    guardrail: str
    action: Action
    dry_run: bool
    """It would have: nothing was done."""
    kinds: frozenset[str]
    score: float | None
    """The highest, where a classifier decided."""


@dataclass(slots=True)
class Report:
    """What the checks of one stage decided about one request or answer: for metrics, logs and samples."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    """By guardrail: those that found something."""
    errors: list[str] = field(default_factory=list)
    """Guardrails that failed or took too long, once for each time."""

    @property
    def violated(self) -> bool:
        """Whether one found something that isn't only a rehearsal."""
        return any(not decision.dry_run for decision in self.decisions.values())

    def add(self, check: Check, findings: Iterable[Finding]) -> None:
        """One check's findings, one or more."""
        before = self.decisions.get(check.name)
        kinds = {finding.kind for finding in findings} | (before.kinds if before else frozenset())
        scores = [finding.score for finding in findings] + ([before.score] if before else [])
        self.decisions[check.name] = Decision(
            check.name,
            check.action,
            check.dry_run,
            frozenset(kinds),
            max((score for score in scores if score is not None), default=None),
        )


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


def checks_of(
    policies: Sequence[GuardrailPolicySpec], stage: Stage, surroundings: Surroundings | None = None
) -> tuple[Check, ...]:
    """The policies' checks in order. Raises ValueError where a detector can't be built (`validate` says why).

    Without surroundings, detectors that compute run in a thread, and those that ask a server can't be built.
    """
    return tuple(
        Check(
            name=guardrail.name,
            judge=judge_of(guardrail.name, guardrail.detector, stage, surroundings, _timeout(guardrail, policy)),
            action=guardrail.action,
            message=guardrail.message or f"The {stage} was refused by the guardrail {guardrail.name!r}.",
            on_error=policy.on_error,
            timeout=_timeout(guardrail, policy),
            dry_run=bool(guardrail.dry_run),
            restore=bool(guardrail.restore),
        )
        for policy in policies
        for guardrail in (policy.input if stage == "input" else policy.output)
    )


def _timeout(guardrail: Guardrail, policy: GuardrailPolicySpec) -> float:
    return (guardrail.timeout or policy.timeout).total_seconds()


def judge_of(
    name: str, spec: Detector, stage: Stage, surroundings: Surroundings | None, seconds: float = HANGS
) -> Judge:
    """One detector where it runs; `name` is that of the guardrail. As checks_of.

    `seconds`: after which a worker gives a text up.
    """
    if spec.type in (DetectorType.MODERATION, DetectorType.WEBHOOK):
        if surroundings is None:
            raise ValueError(f"type {spec.type} asks a server, which can't be done here")
        if spec.type is DetectorType.WEBHOOK:
            assert spec.url is not None  # a rule of the API, as the model below
            ask = surroundings.webhook(spec.url, spec.secret_ref)
            return Asked(webhook.WebhookDetector(ask, name, stage))
        assert spec.model is not None
        return Asked(moderation.detector(spec, stage, lambda path: surroundings.model(spec.model or "", path)))
    detector = build(spec)
    if detector.cost is Cost.PROCESS and surroundings is not None:
        settings = spec.model_dump_json(by_alias=True, exclude_none=True)
        surroundings.pool.expect(settings)
        return InWorker(detector, settings, surroundings.pool, Memory(), seconds)
    return Here(detector)


def quick_and_slow(checks: Sequence[Check]) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
    """Those that take microseconds, and those that take longer; each in order."""
    quick = tuple(check for check in checks if check.judge.cost is Cost.INLINE)
    return quick, tuple(check for check in checks if check.judge.cost is not Cost.INLINE)
