"""Kind Prompt: a prompt's versions, which never change, and the labels that point at them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from genaiops.api.base import ApiModel, Name


class Role(StrEnum):
    """Who speaks, in the OpenAI protocol's words."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Variable(ApiModel):
    """A value the request fills in (`prompt.variables`). Without a default the request must bring it."""

    name: str = Field(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=63, description="Name used in the template."
    )
    default: str | None = Field(
        default=None, max_length=8192, description="Value where the request brings none."
    )
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
    variables: list[Variable] = Field(
        default_factory=list, max_length=64, description="Variables of the template."
    )
    messages: list[Message] = Field(
        min_length=1, max_length=64, description="Messages before the user's own."
    )


class PromptSpec(ApiModel):
    """A prompt: its versions and its labels."""

    labels: dict[str, Name] = Field(
        default_factory=dict,
        max_length=32,
        description="Movable names for versions, such as {production: v2}. Moving one changes every app that follows it.",
    )
    versions: Annotated[
        list[PromptVersion],
        Field(
            min_length=1,
            max_length=100,
            description="All versions. An existing one can't be changed or removed.",
        ),
    ]
