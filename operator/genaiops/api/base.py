"""What every kind is made of: the base model, scalar types, references, conditions."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel


class ApiModel(BaseModel):
    """A struct of the API: snake_case in code, camelCase in the manifest, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="forbid", frozen=True
    )

    def to_manifest(self) -> dict[str, Any]:
        """The struct as it stands in a manifest: camelCase, JSON values, unset fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- scalars -----------------------------------------------------------------------------------------------

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"


def parse_duration(text: object) -> object:
    """``"1h30m"`` → ``timedelta``; anything but a string is handed on for pydantic to judge."""
    if not isinstance(text, str):
        return text
    if not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(
            f"{text!r} is no duration: write a number and a unit (ms, s, m, h), such as 30s or 1h30m"
        )
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text)))


def format_duration(value: timedelta) -> str:
    """The shortest manifest form of a duration: ``90 s`` → ``"1m30s"``."""
    milliseconds = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "maxLength": 32}),
]
"""A length of time, written as Go writes it: ``500ms``, ``30s``, ``1h30m``."""


def _decimal_text(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _decimal_schema(
    pattern: str, minimum: float | None = None, maximum: float | None = None
) -> WithJsonSchema:
    # A structural schema has no "string or number" type. Left untyped, `pattern` judges the strings and
    # minimum/maximum judge the numbers; what is neither is refused when the operator parses the object.
    schema: dict[str, Any] = {"x-kubernetes-preserve-unknown-fields": True, "pattern": pattern}
    if minimum is not None:
        schema["minimum"] = minimum
    if maximum is not None:
        schema["maximum"] = maximum
    return WithJsonSchema(schema)


def _exact(value: object) -> object:
    # Decimal(0.1) is 0.1000000000000000055…; what the user wrote is its shortest repr.
    if isinstance(value, bool):
        raise ValueError("write a number, such as 0.2")
    return Decimal(repr(value)) if isinstance(value, float) else value


_decimal = (BeforeValidator(_exact), PlainSerializer(_decimal_text, return_type=str))

Rate = Annotated[Decimal, *_decimal, Field(ge=0, le=1), _decimal_schema(r"^(0(\.[0-9]+)?|1(\.0+)?)$", 0, 1)]
"""A share from 0 to 1."""
NonNegative = Annotated[Decimal, *_decimal, Field(ge=0), _decimal_schema(r"^[0-9]+(\.[0-9]+)?$", 0)]
"""A decimal that is not negative: a price, a number of seconds."""
Signed = Annotated[Decimal, *_decimal, _decimal_schema(r"^-?[0-9]+(\.[0-9]+)?$")]
"""Any decimal."""


def _format_time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(_format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time, RFC 3339 in UTC. To the microsecond: clocks that decide must survive a restart unrounded."""

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
"""An RFC 1123 label."""
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", max_length=253)]
"""The name of an object (RFC 1123 subdomain)."""


# --- references --------------------------------------------------------------------------------------------


class Ref(ApiModel):
    """A reference by name to an object in the same namespace."""

    ref: ObjectName = Field(description="Name of the object, in the same namespace.")


class SecretKeyRef(ApiModel):
    """One key of a Secret."""

    name: ObjectName = Field(description="Name of the Secret, in the same namespace.")
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(description="Key in it.")


class ResourceRequirements(ApiModel):
    """CPU and memory as in a Pod's container."""

    requests: dict[str, str] = Field(default_factory=dict, description="What is reserved, e.g. {cpu: 100m}.")
    limits: dict[str, str] = Field(default_factory=dict, description="What is allowed at the most.")


# --- conditions (kstatus) ----------------------------------------------------------------------------------


class Condition(ApiModel):
    """A condition as in metav1.Condition. Ready, Reconciling and Stalled follow kstatus."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(max_length=1024)]
    message: Annotated[str, Field(max_length=32768)] = ""
    observed_generation: int | None = None
    last_transition_time: Time


class ObjectStatus(ApiModel):
    """Status of the kinds that only describe something."""

    observed_generation: int | None = Field(default=None, description="The generation that was judged last.")
    conditions: list[Condition] = Field(
        default_factory=list, description="Ready, Reconciling, Stalled (kstatus)."
    )


class Phase(StrEnum):
    """Where an LLMApp stands, in Argo Rollouts' words."""

    PENDING = "Pending"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
