"""How an app's traffic is split between stable and candidate."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName
from genaiops.api.rollout import Step
from genaiops.api.rules import Rule

SHADOW_HEADER = "x-genaiops-shadow"
"""On a copy of a request whose answer is thrown away. Taken from callers: only the app's gateway may set it."""
CONVERSATION_HEADER = "x-conversation-id"
"""Its value decides which release answers: the same one at the same weight."""
_VARIANTS: Final = "experiment with variants"


class Gateway(ApiModel):
    """An Envoy of the app's own that splits the traffic."""

    replicas: int = Field(default=1, ge=1, le=50, description="Number of gateway pods.")
    port: int = Field(default=80, ge=1, le=65535, description="Port of the app's Service.")


class GatewayApi(ApiModel):
    """An HTTPRoute of the user's own, of which the operator writes two weights and nothing else.

    Its rule has two backendRefs: the Services `<app>-stable` and `<app>-candidate`, which the operator makes.
    """

    http_route: Annotated[ObjectName, Field(description="Name of the HTTPRoute, in the app's namespace.")]
    rule: Annotated[
        ObjectName | None,
        Field(description="Name of the rule; absent: every rule that has both Services as backendRefs."),
    ] = None
    port: int = Field(default=80, ge=1, le=65535, description="Port of the two Services.")


class Replicas(ApiModel):
    """The ratio of the pods behind one Service: for clusters with nothing else. Weights are as coarse as the pods."""

    port: int = Field(default=80, ge=1, le=65535, description="Port of the app's Service.")


class Traffic(ApiModel):
    """How traffic is split between stable and candidate. At most one of its fields; absent: a gateway."""

    gateway: Gateway | None = Field(default=None, description="By an Envoy of the app's own.")
    gateway_api: GatewayApi | None = Field(
        default=None, alias="gatewayAPI", description="By an HTTPRoute of the Gateway API."
    )
    replicas: Replicas | None = Field(default=None, description="By the number of pods behind one Service.")

    @Rule(
        "[has(self.gateway), has(self.gatewayAPI), has(self.replicas)].filter(given, given).size() <= 1",
        "traffic: write at most one of gateway, gatewayAPI and replicas; remove the others",
    )
    def splits_one_way(self) -> bool:
        return [self.gateway, self.gateway_api, self.replicas].count(None) >= 2

    @property
    def by(self) -> Gateway | GatewayApi | Replicas:
        """What splits it."""
        return self.gateway_api or self.replicas or self.gateway or Gateway()

    def cannot_do(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """The kinds of `steps` that need something else to split the traffic (``setHeaderRoute``, ``shadow``, …)."""
        kinds = {
            "setHeaderRoute": self.gateway_api or self.replicas,
            "shadow": self.gateway_api or self.replicas,
            # A route of the user's own has two weights of ours, and a ratio of pods is one of two kinds.
            _VARIANTS: self.gateway_api or self.replicas,
            # More pods would be more weight.
            "setCanaryScale": self.replicas,
        }
        used = {name for step in steps for name in step.to_manifest()}
        used |= {_VARIANTS for step in steps if step.experiment and step.experiment.variants}
        return tuple(kind for kind, split in kinds.items() if split and kind in used)
