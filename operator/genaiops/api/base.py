"""What every kind is made of: the base model, scalar types, references, conditions."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from genaiops.api.rules import Rule, rules_of


class ApiModel(BaseModel):
    """A struct of the API: snake_case in code, camelCase in the manifest, unknown fields and broken rules refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        frozen=True,
        # Of most only the fields are needed, inside a larger one: each by itself would take as much room again.
        defer_build=True,
        ignored_types=(Rule,),
    )

    @model_validator(mode="after")
    def _keeps_its_rules(self) -> Self:
        broken = [rule.message for rule in rules_of(type(self)) if rule.holds and not rule.holds(self)]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        json_schema = handler.resolve_ref_schema(handler(schema))
        if validations := [rule.as_validation() for rule in rules_of(cls)]:
            json_schema["x-kubernetes-validations"] = validations
        return json_schema

    def to_manifest(self) -> dict[str, Any]:
        """The struct as it stands in a manifest: camelCase, JSON values, unset fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


# --- scalars -----------------------------------------------------------------------------------------------

_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
# At most 456 years: no sum overflows a timedelta.
_DURATION = r"^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h)){1,4}$"
IS_DURATION = Rule(
    f"self.matches('{_DURATION}')", "is no duration: write a number and a unit (ms, s, m, h), such as 30s or 1h30m"
)
_LASTS = Rule("self.matches('[1-9]')", "must be longer than 0s")


def parse_duration(text: object) -> timedelta:
    """``"1h30m"`` → ``timedelta``; a ``timedelta`` stays as it is. Raises ValueError for anything else."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text):
        raise ValueError(f"{text!r} {IS_DURATION.message}")
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text)))


def format_duration(value: timedelta) -> str:
    """The shortest manifest form of a duration: ``90 s`` → ``"1m30s"``."""
    milliseconds = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _require_to_last(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError(_LASTS.message)
    return value


def _duration_schema(*rules: Rule) -> WithJsonSchema:
    validations = [rule.as_validation() for rule in rules]
    return WithJsonSchema({"type": "string", "maxLength": 32, "x-kubernetes-validations": validations})


_duration = (BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str))

Duration = Annotated[timedelta, *_duration, _duration_schema(IS_DURATION)]
"""A length of time, written as Go writes it: ``500ms``, ``30s``, ``1h30m``."""
PositiveDuration = Annotated[
    timedelta, AfterValidator(_require_to_last), *_duration, _duration_schema(IS_DURATION, _LASTS)
]
"""A length of time above zero: a timeout, an interval."""


def _decimal_text(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# A structural schema has no type "string or number". Left untyped, `pattern` judges strings and minimum/maximum judge
# numbers; limits that contradict each other leave no object and no array, and the enum leaves no boolean.
NUMBER_OR_STRING: dict[str, Any] = {
    "x-kubernetes-preserve-unknown-fields": True,
    "minProperties": 1,
    "maxProperties": 0,
    "minItems": 1,
    "maxItems": 0,
    "maxLength": 32,
    "not": {"enum": [True, False]},
}


def _number_or_string(pattern: str, **limits: int) -> WithJsonSchema:
    return WithJsonSchema({**NUMBER_OR_STRING, "pattern": pattern, **limits})


def _exact(value: object) -> object:
    # Decimal(0.1) is 0.1000000000000000055…; what the user wrote is its shortest repr.
    if isinstance(value, bool):
        raise ValueError("write a number, such as 0.2")
    return Decimal(repr(value)) if isinstance(value, float) else value


_decimal = (BeforeValidator(_exact), PlainSerializer(_decimal_text, return_type=str))

Rate = Annotated[
    Decimal, *_decimal, Field(ge=0, le=1), _number_or_string(r"^(0(\.[0-9]+)?|1(\.0+)?)$", minimum=0, maximum=1)
]
"""A share from 0 to 1."""
NonNegative = Annotated[Decimal, *_decimal, Field(ge=0), _number_or_string(r"^[0-9]+(\.[0-9]+)?$", minimum=0)]
"""A decimal that is not negative: a price, a number of seconds."""
Signed = Annotated[Decimal, *_decimal, _number_or_string(r"^-?[0-9]+(\.[0-9]+)?$")]
"""Any decimal."""


def format_time(value: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond: what happened in one second still has its order."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time, RFC 3339 in UTC. To the microsecond: clocks that decide must survive a restart unrounded."""

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
"""An RFC 1123 label."""
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$", max_length=253)]
"""The name of an object (RFC 1123 subdomain)."""


@dataclass(frozen=True)
class UniqueBy:
    """Marks a list whose items are told apart by one field: a list-map for server-side apply, no two alike."""

    field: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._require_unique, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            **handler(schema),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [self.field],
        }

    def _require_unique(self, items: Sequence[Any]) -> Sequence[Any]:
        seen = set()
        for item in items:
            key = getattr(item, self.field)
            if key in seen:
                raise ValueError(f"two items have the {self.field} {key!r}: give each its own")
            seen.add(key)
        return items


# --- references --------------------------------------------------------------------------------------------


class Ref(ApiModel):
    """A reference by name to an object in the same namespace."""

    ref: ObjectName = Field(description="Name of the object, in the same namespace.")


class SecretKeyRef(ApiModel):
    """One key of a Secret."""

    name: ObjectName = Field(description="Name of the Secret, in the same namespace.")
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] = Field(description="Key in it.")


def _quantity_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


_QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|[kMGTPE]|[KMGTPE]i|[eE][0-9]+)?$"
Quantity = Annotated[
    str,
    BeforeValidator(_quantity_text),
    Field(pattern=_QUANTITY_PATTERN, max_length=32),
    _number_or_string(_QUANTITY_PATTERN, minimum=0),
]
"""An amount as Kubernetes writes it: ``500m``, ``1``, ``0.5``, ``2Gi``."""


class ResourceRequirements(ApiModel):
    """CPU and memory as in a Pod's container."""

    requests: dict[str, Quantity] = Field(
        default_factory=dict, max_length=16, description="What is reserved, e.g. {cpu: 100m}."
    )
    limits: dict[str, Quantity] = Field(default_factory=dict, max_length=16, description="What is allowed at the most.")


# --- conditions (kstatus) ----------------------------------------------------------------------------------


class Condition(ApiModel):
    """A condition as in metav1.Condition. Ready, Reconciling and Stalled follow kstatus."""

    type: str = Field(max_length=316, description="What is said to be so: Ready, Reconciling, Stalled.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it is so.")
    reason: str = Field(max_length=1024, description="Why, in one word.")
    message: str = Field(default="", max_length=32768, description="Why, and what to do.")
    observed_generation: int | None = Field(default=None, description="The generation it was said of.")
    last_transition_time: Time = Field(description="When `status` became what it is.")


class ObjectStatus(ApiModel):
    """Status of the kinds that only describe something."""

    observed_generation: int | None = Field(default=None, description="The generation that was judged last.")
    conditions: Annotated[list[Condition], UniqueBy("type")] = Field(
        default_factory=list, description="Ready, Reconciling, Stalled (kstatus)."
    )


class Phase(StrEnum):
    """Where an LLMApp stands, in Argo Rollouts' words."""

    PENDING = "Pending"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    HEALTHY = "Healthy"
    DEGRADED = "Degraded"
