"""Sampling parameters, which a prompt's version suggests and an app decides."""

from typing import Annotated

from pydantic import Field

from genaiops.api.base import ApiModel, NonNegative, Rate, Signed


class Parameters(ApiModel):
    """Sampling parameters sent with every request; a request's own values are ignored."""

    temperature: NonNegative | None = Field(default=None, description="Sampling temperature.")
    top_p: Rate | None = Field(default=None, description="Nucleus sampling.")
    max_tokens: int | None = Field(default=None, ge=1, description="Tokens an answer may have.")
    seed: int | None = Field(default=None, description="Seed, where the server supports one.")
    stop: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(
        default=None, max_length=4, description="Texts that end an answer."
    )
    presence_penalty: Signed | None = Field(default=None, description="As in the OpenAI protocol.")
    frequency_penalty: Signed | None = Field(default=None, description="As in the OpenAI protocol.")
