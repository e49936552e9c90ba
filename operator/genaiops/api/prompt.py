"""Kind Prompt: a prompt's versions, which never change, and the labels that point at them."""

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from genaiops.api.base import NAME_PATTERN, ApiModel, Name, ObjectName, UniqueBy
from genaiops.api.parameters import Parameters
from genaiops.api.rules import Rule

LATEST: Final = "latest"
"""The label that every Prompt has: it names the last entry of versions."""


class Role(StrEnum):
    """Who speaks, in the OpenAI protocol's words."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class VariableType(StrEnum):
    """What a variable's value is, in JSON Schema's words."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Escape(StrEnum):
    """What is done to a value before it is inserted, against text in it that reads like more of the prompt."""

    NEUTRALISE = "Neutralise"
    DELIMIT = "Delimit"


class Variable(ApiModel):
    """A value the request fills in (`prompt.variables`). Without a default the request must bring it."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63, description="Name used in the template.")
    type: VariableType | None = Field(
        default=None, description="string (where absent), integer, number or boolean. Other values are refused."
    )
    default: str | None = Field(
        default=None, max_length=8192, description='Value where the request brings none, as text, such as "3".'
    )
    required: bool | None = Field(
        default=None,
        description="false: the request may leave it out though there is no default; it is then empty and undefined.",
    )
    values: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(
        default=None, alias="enum", min_length=1, max_length=64, description="string: the only values it takes."
    )
    max_length: int | None = Field(default=None, ge=1, le=1_000_000, description="string: characters it may have.")
    pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="string: an RE2 expression that the whole value must match.",
    )
    escape: Escape | None = Field(
        default=None,
        description="string: Neutralise breaks up chat-template tokens and role lines in the value, Delimit also puts "
        "it between <name> and </name>. Absent: inserted as it is.",
    )
    description: str | None = Field(default=None, max_length=1024, description="What the value means.")

    @Rule(
        "!has(self.type) || self.type == 'string' || "
        "!(has(self.enum) || has(self.maxLength) || has(self.pattern) || has(self.escape))",
        "enum, maxLength, pattern, escape: only for type string; remove them or correct the type",
    )
    def limits_texts_only(self) -> bool:
        limits = (self.values, self.max_length, self.pattern, self.escape)
        return self.type in (None, VariableType.STRING) or all(limit is None for limit in limits)

    @Rule(
        "!has(self.required) || !self.required || !has(self.default)",
        "required, default: what has a default is never missing; remove one of them",
    )
    def is_required_or_has_a_default(self) -> bool:
        return not self.required or self.default is None


class Message(ApiModel):
    """One message of the prompt."""

    role: Role = Field(description="Who speaks.")
    content: str = Field(
        min_length=1,
        max_length=32768,
        description='Jinja2 template; `{{ name }}` inserts a variable, `{% include "name" %}` an entry of includes.',
    )


class Include(ApiModel):
    """The text of another Prompt's version, for `{% include "name" %}`. Exactly one of `version` and `label`."""

    name: Name = Field(description="Name in the templates.")
    prompt: ObjectName = Field(description="Name of the Prompt, in the same namespace.")
    version: Name | None = Field(default=None, description="A version, fixed. It must have one message: the text.")
    label: Name | None = Field(default=None, description="A label, followed as it moves.")

    @Rule(
        "has(self.version) != has(self.label)",
        "includes: write exactly one of version and label, version to stay or label to follow it as it moves",
    )
    def names_one_version(self) -> bool:
        return (self.version is None) != (self.label is None)


class ResponseType(StrEnum):
    """The form of an answer, in the OpenAI protocol's words."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


class ResponseFormat(ApiModel):
    """The form that the model's server is asked to give the answer. It replaces the caller's `response_format`."""

    type: ResponseType = Field(description="text, json_object or json_schema.")
    json_schema: dict[str, Any] | None = Field(
        default=None, alias="schema", description="json_schema: the schema (2020-12) of the answer."
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        max_length=64,
        description="json_schema: what the schema is called; `answer` where absent.",
    )
    strict: bool | None = Field(default=None, description="json_schema: whether the server must keep to it exactly.")

    @Rule(
        "(self.type == 'json_schema') == has(self.schema)",
        "schema: type json_schema needs it, no other type takes it; add it or correct the type",
    )
    def schema_for_json_schema(self) -> bool:
        return (self.type is ResponseType.JSON_SCHEMA) == (self.json_schema is not None)

    @Rule(
        "self.type == 'json_schema' || !(has(self.name) || has(self.strict))",
        "name, strict: only for type json_schema; remove them or correct the type",
    )
    def names_schemas_only(self) -> bool:
        return self.type is ResponseType.JSON_SCHEMA or (self.name is None and self.strict is None)


class PromptVersion(ApiModel):
    """One wording. Once applied it can't change: add another version instead."""

    name: Name = Field(description="Name of the version, such as v1.")
    description: str | None = Field(default=None, max_length=4096, description="Why this version exists.")
    variables: Annotated[list[Variable], UniqueBy("name")] = Field(
        default_factory=list, max_length=64, description="Variables of the template."
    )
    messages: list[Message] = Field(min_length=1, max_length=64, description="Messages before the user's own.")
    includes: Annotated[list[Include], UniqueBy("name")] | None = Field(
        default=None, max_length=16, description="Texts of other Prompts that the messages include."
    )
    parameters: Parameters | None = Field(
        default=None, description="Sampling parameters it was written for. The app's own replace them, one by one."
    )
    response_format: ResponseFormat | None = Field(
        default=None, description="Form of the answer; where absent the caller decides."
    )

    never_changes: ClassVar[Rule] = Rule(
        "self == oldSelf",
        "versions: a version can't be changed once applied; add one with another name, then move the label or the app",
    )


class PromptSpec(ApiModel):
    """A prompt: its versions and its labels."""

    labels: dict[str, Name] = Field(
        default_factory=dict,
        max_length=32,
        description="Movable names for versions, such as {production: v2}. "
        "Moving one changes every app that follows it.",
    )
    versions: Annotated[list[PromptVersion], UniqueBy("name")] = Field(
        min_length=1, max_length=100, description="All versions. An existing one can't be changed or removed."
    )

    keeps_its_versions: ClassVar[Rule] = Rule(
        "oldSelf.versions.all(old, self.versions.exists(version, version.name == old.name))",
        "versions: a version can't be removed, releases refer to it; put it back and add new ones beside it",
    )

    @Rule(
        "!has(self.labels) || self.labels.all(label, "
        "self.versions.exists(version, version.name == self.labels[label]))",
        "labels: each must name an entry of versions; correct the name or add the version",
    )
    def labels_name_versions(self) -> bool:
        return set(self.labels.values()) <= {version.name for version in self.versions}

    @Rule(
        f"!has(self.labels) || self.labels.all(label, size(label) <= 63 && label.matches('{NAME_PATTERN}'))",
        "labels: a label is at most 63 lowercase letters, digits and inner '-'; rename it",
    )
    def labels_are_names(self) -> bool:
        return all(len(label) <= 63 and re.fullmatch(NAME_PATTERN, label) for label in self.labels)

    @Rule(
        f"!has(self.labels) || !('{LATEST}' in self.labels)",
        f"labels: {LATEST} is every Prompt's own label, for the last entry of versions; choose another name",
    )
    def leaves_latest_alone(self) -> bool:
        return LATEST not in self.labels
