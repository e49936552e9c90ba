"""Kind Release: everything that decides an answer, resolved, hashed, immutable. Made by the operator."""

from typing import Annotated, ClassVar

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName, PositiveDuration, ResourceRequirements, SecretKeyRef, UniqueBy
from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.api.llmapp import Container
from genaiops.api.model import Pricing, Provider
from genaiops.api.parameters import Parameters
from genaiops.api.pods import PodOverlay
from genaiops.api.prompt import Message, ResponseFormat, Variable
from genaiops.api.rules import Rule


class ModelContent(ApiModel):
    """A model as the runtime asks it."""

    name: ObjectName = Field(description="Name of the Model object, in metrics and messages.")
    provider: Provider = Field(description="Wire protocol of the server.")
    model: str = Field(description="The model's name as its server knows it.")
    endpoint: str = Field(description="Base URL.")
    credentials: SecretKeyRef | None = Field(default=None, description="Which Secret key is mounted; never its value.")
    pricing: Pricing | None = Field(default=None, description="What a token costs.")


class PromptContent(ApiModel):
    """The messages, with what they include in its place, and their variables."""

    messages: list[Message] = Field(max_length=64, description="Messages before the user's own.")
    variables: Annotated[list[Variable], UniqueBy("name")] = Field(
        default_factory=list, max_length=64, description="Variables of the template."
    )
    response_format: ResponseFormat | None = Field(default=None, description="Form of the answer.")


class RuntimeContent(ApiModel):
    """What runs."""

    image: str = Field(description="Image of the runtime.")
    resources: ResourceRequirements | None = Field(default=None, description="CPU and memory.")


class ReleaseContent(ApiModel):
    """What is hashed: two releases with equal content are the same release."""

    prompt: PromptContent = Field(description="What is said before the user's own messages.")
    model: ModelContent = Field(description="The model that is asked first.")
    parameters: Parameters = Field(description="Sampling parameters.")
    fallbacks: list[ModelContent] = Field(
        default_factory=list, max_length=8, description="Models asked in turn when the one before fails."
    )
    timeout: PositiveDuration = Field(description="Time for one call of a model.")
    max_retries: int = Field(description="Retries on connection errors, 429 and 503, before the next fallback.")
    guardrails: list[GuardrailPolicySpec] = Field(
        default_factory=list, max_length=16, description="Checks on input and output, policy by policy."
    )
    guardrail_models: list[ModelContent] = Field(
        default_factory=list, max_length=64, description="Models that guardrails ask."
    )
    container: Container | None = Field(default=None, description="The team's own code.")
    runtime: RuntimeContent = Field(description="The runtime beside the app.")
    pods: PodOverlay | None = Field(default=None, description="Where the pods run and how they are marked.")


class ReleaseSource(ApiModel):
    """Where the content came from. Names only, not part of the hash."""

    prompt: ObjectName = Field(description="Name of the Prompt.")
    prompt_version: str = Field(description="Name of the version in it.")
    includes: list[str] | None = Field(
        default=None, max_length=64, description="What the prompt includes, as Prompt/version."
    )
    model: ObjectName = Field(description="Name of the Model.")
    guardrails: list[ObjectName] = Field(
        default_factory=list, max_length=16, description="Names of the GuardrailPolicies."
    )
    pinned: bool = Field(default=False, description="The app names the runtime's image itself.")


class ReleaseSpec(ApiModel):
    """A release. The API server refuses any change of it."""

    app: ObjectName = Field(description="Name of the LLMApp.")
    hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the content's canonical JSON.")
    source: ReleaseSource = Field(description="Where the content came from.")
    content: ReleaseContent = Field(description="Everything that decides an answer.")
    predecessor: ObjectName | None = Field(default=None, description="The stable release when this one was made.")
    changes: list[str] = Field(default_factory=list, description="What differs from it, such as 'prompt v1 → v2'.")

    never_changes: ClassVar[Rule] = Rule(
        "self == oldSelf", "spec: a release can't be changed; change the LLMApp and the operator makes another one"
    )


class ReleaseStatus(ApiModel):
    """The part the release plays now."""

    role: str | None = Field(
        default=None,
        description="Stable, Candidate, Variant (of an experiment), Standby (until its successor is proved), Retiring "
        "or Retired.",
    )
    weight: int | None = Field(default=None, description="Percent of requests.")
    ready_replicas: int | None = Field(default=None, description="Its pods that are ready.")
