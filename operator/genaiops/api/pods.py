"""Where an app's pods run and how they are marked: what Kubernetes asks of a pod, and no answer depends on."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName, Ref
from genaiops.api.rules import Rule

_Text = Annotated[str, Field(max_length=63)]
_OURS = "genaiops.dev/"


class Effect(StrEnum):
    """What a taint does to pods that don't tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(ApiModel):
    """A taint of nodes that the pods put up with, as in a Pod."""

    key: _Text | None = Field(default=None, description="Key of the taint; absent: every taint (operator Exists).")
    operator: Annotated[str, Field(pattern="^(Exists|Equal)$")] = Field(default="Equal", description="Exists or Equal.")
    value: _Text | None = Field(default=None, description="Value of the taint, with Equal.")
    effect: Effect | None = Field(default=None, description="Effect of the taint; absent: any.")
    toleration_seconds: int | None = Field(default=None, ge=0, description="How long, with NoExecute.")


class Spread(ApiModel):
    """Over what the pods of a release are spread, as in a Pod; they are told apart by release."""

    max_skew: int = Field(default=1, ge=1, le=100, description="How many more pods one place may have than another.")
    topology_key: Annotated[str, Field(max_length=317)] = Field(
        description="Label of nodes: topology.kubernetes.io/zone."
    )
    when_unsatisfiable: Annotated[str, Field(pattern="^(DoNotSchedule|ScheduleAnyway)$")] = Field(
        default="ScheduleAnyway", description="ScheduleAnyway or DoNotSchedule."
    )


class PodOverlay(ApiModel):
    """Settings of every pod of a release. They are part of it: a change is rolled out like any other."""

    labels: dict[str, _Text] = Field(default_factory=dict, max_length=32, description="More labels.")
    annotations: dict[str, Annotated[str, Field(max_length=4096)]] = Field(
        default_factory=dict, max_length=32, description="More annotations."
    )
    node_selector: dict[str, _Text] = Field(default_factory=dict, max_length=32, description="Labels of the nodes.")
    tolerations: list[Toleration] = Field(default_factory=list, max_length=32, description="Taints they tolerate.")
    affinity: dict[str, Any] | None = Field(default=None, description="Affinity, as in a Pod.")
    topology_spread: list[Spread] = Field(
        default_factory=list, max_length=8, description="Spread; absent: over nodes, where there is more than one."
    )
    priority_class_name: ObjectName | None = Field(default=None, description="Name of a PriorityClass.")
    image_pull_secrets: list[Ref] = Field(
        default_factory=list, max_length=8, description="Secrets to pull the images with."
    )

    @Rule(
        f"(!has(self.labels) || self.labels.all(key, !key.startsWith('{_OURS}'))) && "
        f"(!has(self.annotations) || self.annotations.all(key, !key.startsWith('{_OURS}')))",
        f"labels, annotations: those that begin with {_OURS} are the operator's; name yours otherwise",
    )
    def leaves_the_operator_its_marks(self) -> bool:
        return not any(key.startswith(_OURS) for key in (*self.labels, *self.annotations))
