"""Kind GuardrailPolicy: checks on what goes into a model and what comes out."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from genaiops.api.base import ApiModel, Duration, Name, parse_duration


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
    max_characters: int | None = Field(
        default=None, ge=1, le=10_000_000, description="MaxLength: characters allowed."
    )
    json_schema: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="JSONSchema: the schema (2020-12) that the text must satisfy as JSON.",
    )


class Guardrail(ApiModel):
    """One check."""

    name: Name = Field(description="Name in metrics and messages; unique in its list.")
    detector: Detector = Field(description="What is looked for.")
    action: Action = Field(default=Action.BLOCK, description="What happens on a violation.")
    message: str | None = Field(
        default=None, max_length=1024, description="Block: the text of the error that the caller gets."
    )


class GuardrailPolicySpec(ApiModel):
    """Checks on input and on output, in the order in which they run."""

    input: list[Guardrail] = Field(
        default_factory=list, max_length=32, description="Checks on the user's messages."
    )
    output: list[Guardrail] = Field(
        default_factory=list, max_length=32, description="Checks on the model's answer."
    )
    on_error: OnError = Field(default=OnError.BLOCK, description="When a detector itself fails or times out.")
    timeout: Duration = Field(
        default=parse_duration("1s"), validate_default=False, description="Time a detector has for one text."
    )
