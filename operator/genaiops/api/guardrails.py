"""Kind GuardrailPolicy: checks on what goes into a model and what comes out."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from genaiops.api.base import ApiModel, Name, PositiveDuration, UniqueBy
from genaiops.api.detectors import LOCATES, OUTPUT_ONLY, Detector
from genaiops.api.rules import Rule

MAX_INPUT_CHARACTERS: Final = 200_000
"""Characters of a request that are judged, where its policies say nothing: some 50,000 tokens of English."""


class Action(StrEnum):
    """What happens on a violation: refuse, remove the finding, or only count it."""

    BLOCK = "Block"
    REDACT = "Redact"
    FLAG = "Flag"


class OnError(StrEnum):
    """What happens when a detector itself fails or times out."""

    BLOCK = "Block"
    ALLOW = "Allow"


def _cel(values: Iterable[str]) -> str:
    return "[" + ", ".join(f"'{value}'" for value in values) + "]"


class Guardrail(ApiModel):
    """One check."""

    name: Name = Field(description="Name in metrics and messages; unique in its list.")
    detector: Detector = Field(description="What is looked for.")
    action: Action = Field(default=Action.BLOCK, description="What happens on a violation.")
    message: str | None = Field(
        default=None, max_length=1024, description="Block: the text of the error that the caller gets."
    )
    restore: bool | None = Field(
        default=None,
        description="Redact, on input: the model sees a numbered placeholder, such as [EMAIL_1], and where it stands "
        "in the answer the caller gets what was redacted.",
    )
    timeout: PositiveDuration | None = Field(
        default=None, description="Time the detector has for one text; absent: the policy's."
    )
    dry_run: bool | None = Field(
        default=None, description="Count and show what is found, without acting on it and whatever fails."
    )

    @Rule(
        f"self.action != 'Redact' || self.detector.type in {_cel(LOCATES)}",
        f"action: Redact needs a detector that finds a part of the text, which are {', '.join(LOCATES)}; use Block or "
        "Flag",
    )
    def redacts_what_can_be_located(self) -> bool:
        return self.action is not Action.REDACT or self.detector.type in LOCATES

    @Rule(
        "!has(self.message) || self.action == 'Block'",
        "message: only a blocked caller reads it; remove it or set action to Block",
    )
    def message_only_when_blocked(self) -> bool:
        return self.message is None or self.action is Action.BLOCK

    @Rule(
        "!has(self.restore) || self.action == 'Redact'",
        "restore: only what was redacted can be restored; remove it or set action to Redact",
    )
    def restores_what_it_redacts(self) -> bool:
        return self.restore is None or self.action is Action.REDACT


class GuardrailPolicySpec(ApiModel):
    """Checks on input and on output. What one of them redacts, the ones after it don't see."""

    input: Annotated[list[Guardrail], UniqueBy("name")] = Field(
        default_factory=list, max_length=32, description="Checks on the user's messages."
    )
    output: Annotated[list[Guardrail], UniqueBy("name")] = Field(
        default_factory=list, max_length=32, description="Checks on the model's answer."
    )
    on_error: OnError = Field(default=OnError.BLOCK, description="When a detector itself fails or times out.")
    timeout: PositiveDuration = Field(
        default=timedelta(seconds=1),
        description="Time a detector has for one text; one that computes has it for every 4,000 characters.",
    )
    max_input_characters: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Characters of all texts of one request, each counting 16 at least: a request with more is refused "
        f"with 413, before anything of it is judged. Absent: {MAX_INPUT_CHARACTERS}. Of several policies the lowest "
        "holds; policies without input guardrails set none.",
    )

    @Rule(
        f"!has(self.input) || self.input.all(g, !(g.detector.type in {_cel(OUTPUT_ONLY)}))",
        f"input: {' and '.join(OUTPUT_ONLY)} judge an answer by what the model was given; move them to output",
    )
    def compares_answers_only(self) -> bool:
        return all(guardrail.detector.type not in OUTPUT_ONLY for guardrail in self.input)

    @Rule(
        "!has(self.input) || self.input.all(g, !has(g.detector.repair))",
        "repair: only the model's answer can be asked for once more; remove it or move the guardrail to output",
    )
    def repairs_answers_only(self) -> bool:
        return all(guardrail.detector.repair is None for guardrail in self.input)

    @Rule(
        "!has(self.output) || self.output.all(g, !has(g.restore))",
        "restore: what is redacted from the input is restored in the answer; remove it or move the guardrail to input",
    )
    def restores_input_only(self) -> bool:
        return all(guardrail.restore is None for guardrail in self.output)
