"""Which Model and which Prompt are used, and how: by an app, and by the variants of its experiments."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from genaiops.api.base import Name, PositiveDuration, Ref, UniqueBy
from genaiops.api.parameters import Parameters
from genaiops.api.rules import Rule


class Fallback(Ref):
    """A model that is asked when those before it fail."""


class ModelUse(Ref):
    """Which Model, and how it is asked."""

    parameters: Parameters = Field(
        default_factory=Parameters, description="Sampling parameters. Each one replaces the prompt version's own."
    )
    fallbacks: Annotated[list[Fallback], UniqueBy("ref")] = Field(
        default_factory=list, max_length=8, description="Models asked in turn when the one before fails."
    )
    timeout: PositiveDuration = Field(default=timedelta(seconds=60), description="Time for one call of a model.")
    max_retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="Retries on connection errors, 429 and 503, before the next fallback.",
    )

    @Rule(
        "!has(self.fallbacks) || !self.fallbacks.exists(fallback, fallback.ref == self.ref)",
        "fallbacks: the model itself is no fallback; name another Model or remove it",
    )
    def falls_back_on_others(self) -> bool:
        return all(fallback.ref != self.ref for fallback in self.fallbacks)


class PromptUse(Ref):
    """Which Prompt. Exactly one of `version` and `label`."""

    version: Name | None = Field(default=None, description="A version, fixed.")
    label: Name | None = Field(
        default=None, description="A label, followed as it moves; `latest` is the last entry of versions."
    )

    @Rule(
        "has(self.version) != has(self.label)",
        "version, label: write exactly one, version to stay or label to follow it as it moves",
    )
    def names_one_version(self) -> bool:
        return (self.version is None) != (self.label is None)
