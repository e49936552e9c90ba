"""Kind Release: everything that decides an answer, resolved, hashed, immutable. Made by the operator."""

from typing import Annotated, ClassVar

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName, PositiveDuration, ResourceRequirements, SecretKeyRef, UniqueBy
from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.api.llmapp import Container, Parameters
from genaiops.api.model import Pricing, Provider
from genaiops.api.prompt import Message, Variable
from genaiops.api.rules import Rule


class ModelContent(ApiModel):
    """A model as the runtime asks it."""

    name: ObjectName = Field(description="Name of the Model object, in metrics and messages.")
    provider: Provider
    model: str
    endpoint: str = Field(description="Base URL.")
    credentials: SecretKeyRef | None = Field(default=None, description="Which Secret key is mounted; never its value.")
    pricing: Pricing | None = None


class PromptContent(ApiModel):
    """The messages and their variables."""

    messages: list[Message] = Field(max_length=64)
    variables: Annotated[list[Variable], UniqueBy("name")] = Field(default_factory=list, max_length=64)


class RuntimeContent(ApiModel):
    """What runs."""

    image: str
    resources: ResourceRequirements | None = None


class ReleaseContent(ApiModel):
    """What is hashed: two releases with equal content are the same release."""

    prompt: PromptContent
    model: ModelContent
    parameters: Parameters
    fallbacks: list[ModelContent] = Field(default_factory=list, max_length=8)
    timeout: PositiveDuration
    max_retries: int
    guardrails: list[GuardrailPolicySpec] = Field(default_factory=list, max_length=16)
    container: Container | None = None
    runtime: RuntimeContent


class ReleaseSource(ApiModel):
    """Where the content came from. Names only, not part of the hash."""

    prompt: ObjectName
    prompt_version: str
    model: ObjectName
    guardrails: list[ObjectName] = Field(default_factory=list, max_length=16)


class ReleaseSpec(ApiModel):
    """A release. The API server refuses any change of it."""

    app: ObjectName
    hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content's canonical JSON.")
    source: ReleaseSource
    content: ReleaseContent
    predecessor: ObjectName | None = Field(default=None, description="The stable release when this one was made.")
    changes: list[str] = Field(default_factory=list, description="What differs from it, such as 'prompt v1 → v2'.")

    never_changes: ClassVar[Rule] = Rule(
        "self == oldSelf", "spec: a release can't be changed; change the LLMApp and the operator makes another one"
    )


class ReleaseStatus(ApiModel):
    """The part the release plays now."""

    role: str | None = Field(default=None, description="Stable, Candidate, Retiring or Retired.")
    weight: int | None = Field(default=None, description="Percent of requests.")
    ready_replicas: int | None = None
