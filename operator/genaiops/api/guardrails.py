"""Kind GuardrailPolicy: checks on what goes into a model and what comes out."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from genaiops.api.base import ApiModel, Name, PositiveDuration, UniqueBy
from genaiops.api.rules import Rule


class DetectorType(StrEnum):
    """What a guardrail looks for."""

    PII = "PII"
    SECRETS = "Secrets"
    REGEX = "Regex"
    MAX_LENGTH = "MaxLength"
    JSON_SCHEMA = "JSONSchema"


class PIIEntity(StrEnum):
    """Kinds of personal data the PII detector knows."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    CREDIT_CARD = "CREDIT_CARD"
    IBAN = "IBAN"
    IP_ADDRESS = "IP_ADDRESS"
    US_SSN = "US_SSN"


class Action(StrEnum):
    """What happens on a violation: refuse, remove the finding, or only count it."""

    BLOCK = "Block"
    REDACT = "Redact"
    FLAG = "Flag"


class OnError(StrEnum):
    """What happens when a detector itself fails or times out."""

    BLOCK = "Block"
    ALLOW = "Allow"


class Detector(ApiModel):
    """A detector and its settings. Only the fields of its `type` may be set."""

    type: DetectorType = Field(description="What to look for.")
    entities: list[PIIEntity] | None = Field(
        default=None, min_length=1, max_length=16, description="PII: which kinds; all where absent."
    )
    patterns: list[Annotated[str, Field(min_length=1, max_length=1024)]] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Regex: RE2-style expressions; one match is a violation.",
    )
    ignore_case: bool | None = Field(default=None, description="Regex: match regardless of case.")
    max_characters: int | None = Field(default=None, ge=1, le=10_000_000, description="MaxLength: characters allowed.")
    json_schema: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="JSONSchema: the schema (2020-12) that the text must satisfy as JSON.",
    )

    @Rule(
        "self.type == 'PII' || !has(self.entities)",
        "entities: only for type PII; remove it or correct the type",
    )
    def entities_only_for_pii(self) -> bool:
        return self.type is DetectorType.PII or self.entities is None

    @Rule(
        "self.type == 'Regex' ? has(self.patterns) : !has(self.patterns) && !has(self.ignoreCase)",
        "patterns, ignoreCase: type Regex needs patterns, no other type takes them; add patterns or correct the type",
    )
    def patterns_for_regex(self) -> bool:
        if self.type is DetectorType.REGEX:
            return self.patterns is not None
        return self.patterns is None and self.ignore_case is None

    @Rule(
        "(self.type == 'MaxLength') == has(self.maxCharacters)",
        "maxCharacters: type MaxLength needs it, no other type takes it; add it or correct the type",
    )
    def max_characters_for_max_length(self) -> bool:
        return (self.type is DetectorType.MAX_LENGTH) == (self.max_characters is not None)

    @Rule(
        "(self.type == 'JSONSchema') == has(self.schema)",
        "schema: type JSONSchema needs it, no other type takes it; add it or correct the type",
    )
    def schema_for_json_schema(self) -> bool:
        return (self.type is DetectorType.JSON_SCHEMA) == (self.json_schema is not None)


class Guardrail(ApiModel):
    """One check."""

    name: Name = Field(description="Name in metrics and messages; unique in its list.")
    detector: Detector = Field(description="What is looked for.")
    action: Action = Field(default=Action.BLOCK, description="What happens on a violation.")
    message: str | None = Field(
        default=None, max_length=1024, description="Block: the text of the error that the caller gets."
    )

    @Rule(
        "self.action != 'Redact' || !(self.detector.type in ['MaxLength', 'JSONSchema'])",
        "action: MaxLength and JSONSchema find no part of the text that Redact could remove; use Block or Flag",
    )
    def redacts_what_can_be_located(self) -> bool:
        return self.action is not Action.REDACT or self.detector.type not in {
            DetectorType.MAX_LENGTH,
            DetectorType.JSON_SCHEMA,
        }

    @Rule(
        "!has(self.message) || self.action == 'Block'",
        "message: only a blocked caller reads it; remove it or set action to Block",
    )
    def message_only_when_blocked(self) -> bool:
        return self.message is None or self.action is Action.BLOCK


class GuardrailPolicySpec(ApiModel):
    """Checks on input and on output, in the order in which they run."""

    input: Annotated[list[Guardrail], UniqueBy("name")] = Field(
        default_factory=list, max_length=32, description="Checks on the user's messages."
    )
    output: Annotated[list[Guardrail], UniqueBy("name")] = Field(
        default_factory=list, max_length=32, description="Checks on the model's answer."
    )
    on_error: OnError = Field(default=OnError.BLOCK, description="When a detector itself fails or times out.")
    timeout: PositiveDuration = Field(default=timedelta(seconds=1), description="Time a detector has for one text.")
