"""Kind Model: a model release that apps refer to, served elsewhere or in the cluster."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from genaiops.api.base import ApiModel, NonNegative, ResourceRequirements, SecretKeyRef
from genaiops.api.rules import Rule


class Provider(StrEnum):
    """The wire protocol of the model's server."""

    OPENAI = "OpenAI"


class LifecycleStage(StrEnum):
    """Whether apps may use the model."""

    APPROVED = "Approved"
    DEPRECATED = "Deprecated"
    RETIRED = "Retired"


class Serving(ApiModel):
    """Run the model's server in this cluster."""

    image: str = Field(min_length=1, max_length=512, description="Image of an OpenAI-compatible server.")
    args: list[Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=list, max_length=64, description="Arguments of the server."
    )
    replicas: int = Field(default=1, ge=0, le=100, description="Number of server pods.")
    port: int = Field(default=8080, ge=1, le=65535, description="Port the server listens on.")
    resources: ResourceRequirements = Field(
        default_factory=ResourceRequirements, description="CPU and memory of a server pod."
    )


class Credentials(ApiModel):
    """Where the API key is. Its value never leaves the Secret: pods mount it and re-read it when it changes."""

    secret_ref: SecretKeyRef = Field(description="The Secret's key that holds the API key.")


class Lifecycle(ApiModel):
    """Where the model is in its life."""

    stage: LifecycleStage = Field(default=LifecycleStage.APPROVED, description="Retired models start no new release.")
    retirement_date: date | None = Field(default=None, description="Day after which the provider may switch it off.")
    replacement: str | None = Field(default=None, max_length=253, description="Name of the Model to move to.")


class Pricing(ApiModel):
    """Price per million tokens. A change of it alone is no release: the next one counts with it."""

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")
    input_per_million: NonNegative = Field(description="Price of a million input tokens.")
    output_per_million: NonNegative = Field(description="Price of a million output tokens.")


class ModelSpec(ApiModel):
    """A model: which one, where it is served, what it costs. Exactly one of `endpoint` and `serving`."""

    provider: Provider = Field(default=Provider.OPENAI, description="Wire protocol of the server.")
    model: str = Field(min_length=1, max_length=253, description="The model's name as its server knows it.")
    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        max_length=2048,
        description="Base URL of an OpenAI-compatible server, such as http://llm:8080/v1. A key or password belongs "
        "into `credentials`, never into the address.",
    )
    serving: Serving | None = Field(default=None, description="Run the server in this cluster.")
    credentials: Credentials | None = Field(default=None, description="API key of the endpoint.")
    lifecycle: Lifecycle = Field(default_factory=Lifecycle, description="Approved, Deprecated or Retired.")
    pricing: Pricing | None = Field(default=None, description="What a token costs.")
    context_window: int | None = Field(default=None, ge=1, description="Tokens that fit in one request.")
    region: str | None = Field(default=None, max_length=63, description="Where the model runs, for governance.")

    @Rule(
        "has(self.endpoint) != has(self.serving)",
        "endpoint, serving: write exactly one, endpoint for a model served elsewhere or serving to run it here",
    )
    def is_served_in_one_place(self) -> bool:
        return (self.endpoint is None) != (self.serving is None)

    @Rule(
        "!has(self.credentials) || has(self.endpoint)",
        "credentials: only an endpoint takes an API key; remove credentials or write endpoint instead of serving",
    )
    def sends_credentials_to_an_endpoint(self) -> bool:
        return self.credentials is None or self.endpoint is not None
