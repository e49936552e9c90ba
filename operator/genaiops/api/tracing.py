"""Traces: where a runtime sends what became of its requests, and what it is told of that."""

import re
from decimal import Decimal
from typing import Final

from pydantic import Field

from genaiops.api.base import ApiModel, Rate
from genaiops.api.rules import Rule

TRACING_DIR: Final = "/etc/genaiops/tracing"
TRACING_FILE: Final = "tracing.json"
"""What runtimes are told, in this folder: a TracingSettings. Absent: nothing is traced."""
TRACING_HEADERS: Final = "headers"
"""Headers that the receiver asks for, in this folder, and the key of the Secret that has them."""

# Visible ASCII in ranges that leave out / ? # and @, without a backslash: CEL and Python read it alike.
_BASE_URL: Final = "^https?://[$-.0-9:A-~]+(/[$-.0-9:A-~/]*)?$"


class Tracing(ApiModel):
    """Traces of requests by OTLP over HTTP. A change of it is no release, and restarts no pod."""

    endpoint: str = Field(
        max_length=2048,
        description="Base URL of the receiver, such as http://otel-collector.observability:4318; /v1/traces is "
        "appended. What it asks for as a key goes into the Secret `<app>-tracing`, key `headers`.",
    )
    sample_rate: Rate = Field(
        default=Decimal(1),
        description="Share of requests that are traced, of those that come without a trace. A caller that has one has "
        "decided already.",
    )
    content: bool = Field(
        default=False,
        description="Whether traces have what was asked and answered, without personal data and credentials.",
    )

    @Rule(
        f"self.endpoint.matches('{_BASE_URL}')",
        "tracing.endpoint: write the base URL of an OTLP receiver, such as http://otel-collector:4318, without query, "
        "user or password; a key belongs into the Secret <app>-tracing",
    )
    def is_sent_to_an_address(self) -> bool:
        return re.fullmatch(_BASE_URL, self.endpoint) is not None

    @Rule(
        "!self.endpoint.matches('/v1/traces/?$')",
        "tracing.endpoint: /v1/traces is appended to it; remove that",
    )
    def is_a_base(self) -> bool:
        return not self.endpoint.rstrip("/").endswith("/v1/traces")


class TracingSettings(ApiModel):
    """What a runtime is told. Unlike a release it may change while the process runs."""

    endpoint: str = Field(description="Base URL of the receiver.")
    sample_rate: Rate = Field(default=Decimal(1), description="Share of requests that start a trace.")
    content: bool = Field(default=False, description="Whether what was asked and answered is in it.")
    namespace: str = Field(description="Namespace of the LLMApp.")
