"""How an app's traffic is split between stable and candidate."""

from pydantic import Field

from genaiops.api.base import ApiModel

SHADOW_HEADER = "x-genaiops-shadow"
"""On a copy of a request whose answer is thrown away. Taken from callers: only the app's gateway may set it."""


class Gateway(ApiModel):
    """An Envoy of the app's own that splits the traffic."""

    replicas: int = Field(default=1, ge=1, le=50, description="Number of gateway pods.")
    port: int = Field(default=80, ge=1, le=65535, description="Port of the app's Service.")


class Traffic(ApiModel):
    """How traffic is split between stable and candidate."""

    gateway: Gateway = Field(default_factory=Gateway, description="By an Envoy of the app's own.")
