"""Kind Prompt: a prompt's versions, which never change, and the labels that point at them."""

import re
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from genaiops.api.base import NAME_PATTERN, ApiModel, Name, UniqueBy
from genaiops.api.rules import Rule


class Role(StrEnum):
    """Who speaks, in the OpenAI protocol's words."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Variable(ApiModel):
    """A value the request fills in (`prompt.variables`). Without a default the request must bring it."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63, description="Name used in the template.")
    default: str | None = Field(default=None, max_length=8192, description="Value where the request brings none.")
    description: str | None = Field(default=None, max_length=1024, description="What the value means.")


class Message(ApiModel):
    """One message of the prompt."""

    role: Role = Field(description="Who speaks.")
    content: str = Field(
        min_length=1, max_length=32768, description="Jinja2 template; `{{ name }}` inserts a variable."
    )


class PromptVersion(ApiModel):
    """One wording. Once applied it can't change: add another version instead."""

    name: Name = Field(description="Name of the version, such as v1.")
    description: str | None = Field(default=None, max_length=4096, description="Why this version exists.")
    variables: Annotated[list[Variable], UniqueBy("name")] = Field(
        default_factory=list, max_length=64, description="Variables of the template."
    )
    messages: list[Message] = Field(min_length=1, max_length=64, description="Messages before the user's own.")

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
