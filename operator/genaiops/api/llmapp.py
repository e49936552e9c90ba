"""Kind LLMApp: an LLM app as its team describes it, and where its releases stand."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from genaiops.api.base import ApiModel, ObjectName, Ref, ResourceRequirements, UniqueBy
from genaiops.api.pods import PodOverlay
from genaiops.api.quality import Quality
from genaiops.api.rollout import RolloutSpec
from genaiops.api.rules import Rule
from genaiops.api.tracing import Tracing
from genaiops.api.traffic import Traffic
from genaiops.api.uses import ModelUse, PromptUse


class Container(ApiModel):
    """The team's own code. It calls the model through the runtime beside it (OPENAI_BASE_URL is set)."""

    image: str = Field(min_length=1, max_length=512, description="Image of the app.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the app serves on; 8080 and 9464 are taken.")
    args: list[Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=list, max_length=64, description="Arguments of the container."
    )
    resources: ResourceRequirements = Field(default_factory=ResourceRequirements, description="CPU and memory.")

    @Rule(
        "!(self.port in [8080, 9464])",
        "port: 8080 and 9464 are the runtime's, beside this container; let the app serve on another port",
    )
    def leaves_the_runtime_its_ports(self) -> bool:
        return self.port not in {8080, 9464}


class Runtime(ApiModel):
    """The runtime beside the app."""

    image: str | None = Field(
        default=None, max_length=512, description="Image; the operator's own for new releases where absent."
    )
    resources: ResourceRequirements | None = Field(default=None, description="CPU and memory.")


class OnDrift(StrEnum):
    """What happens when the release that serves does worse than it did."""

    REPORT = "Report"
    ROLLBACK = "Rollback"


def _require_cron(expression: str) -> str:
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{expression!r} is no schedule that ever comes due ({error}): write five fields") from error
    return expression


Schedule = Annotated[
    str, AfterValidator(_require_cron), Field(pattern=r"^\s*\S+(\s+\S+){4}\s*$", min_length=9, max_length=128)
]
"""A cron expression of five fields, in UTC: minute, hour, day of the month, month, day of the week."""


class EvaluationUse(ApiModel):
    """A suite that every new release has to pass before it gets any traffic."""

    suite: ObjectName = Field(description="Name of the EvaluationSuite.")
    schedule: Schedule | None = Field(
        default=None,
        description="When the release that serves is evaluated again: a cron expression in UTC, such as '0 3 * * *'.",
    )
    on_drift: OnDrift = Field(
        default=OnDrift.REPORT,
        description="When it does worse than it did: Report (condition Drifted, an event, a metric), or Rollback to "
        "the release that served before.",
    )


class LLMAppSpec(ApiModel):
    """An LLM app. `model.ref` and `prompt` are all it needs; everything else has a safe default."""

    replicas: int = Field(default=1, ge=1, le=1000, description="Pods of the stable release.")
    model: ModelUse = Field(description="The model and its parameters.")
    prompt: PromptUse = Field(description="The prompt and which of its versions.")
    guardrails: Annotated[list[Ref], UniqueBy("ref")] = Field(
        default_factory=list, max_length=16, description="GuardrailPolicies, in order."
    )
    container: Container | None = Field(default=None, description="The team's own code; absent: the runtime alone.")
    runtime: Runtime = Field(default_factory=Runtime, description="The runtime beside the app.")
    pods: PodOverlay | None = Field(default=None, description="Where the pods run and how they are marked.")
    evaluations: Annotated[list[EvaluationUse], UniqueBy("suite")] = Field(
        default_factory=list, max_length=8, description="What a new release has to pass before any traffic."
    )
    rollout: RolloutSpec | None = Field(
        default=None, description="How a change is rolled out. At most one of this and rolloutPolicyRef."
    )
    rollout_policy_ref: Annotated[ObjectName | None, Field(description="Name of a RolloutPolicy to use.")] = None
    traffic: Traffic = Field(default_factory=Traffic, description="How traffic is split.")
    quality: Quality | None = Field(
        default=None, description="Live answers that are sampled and judged, and kept feedback; absent: none of it."
    )
    tracing: Tracing | None = Field(
        default=None, description="Traces of requests by OTLP; absent: as the operator was installed, by default none."
    )
    revision_history_limit: int = Field(
        default=10, ge=1, le=100, description="Releases and history entries that are kept."
    )

    @Rule(
        "!has(self.rollout) || !has(self.rolloutPolicyRef)",
        "rollout, rolloutPolicyRef: write at most one; remove the other",
    )
    def rolls_out_one_way(self) -> bool:
        return self.rollout is None or self.rollout_policy_ref is None

    @Rule(
        "!has(self.rollout) || !has(self.traffic) || !(has(self.traffic.replicas) || has(self.traffic.gatewayAPI))"
        " || !self.rollout.steps.exists(step, has(step.setHeaderRoute) || has(step.shadow)"
        " || (has(step.experiment) && has(step.experiment.variants) && step.experiment.variants.size() > 0))",
        "rollout.steps: setHeaderRoute, shadow and the variants of an experiment need the app's own gateway; remove "
        "them or use traffic.gateway",
    )
    def picks_out_requests_only_with_a_gateway(self) -> bool:
        return set(self.traffic.cannot_do(self.rollout.steps if self.rollout else ())) <= {"setCanaryScale"}

    @Rule(
        "!has(self.rollout) || !has(self.traffic) || !has(self.traffic.replicas)"
        " || !self.rollout.steps.exists(step, has(step.setCanaryScale))",
        "rollout.steps: with traffic.replicas the number of pods is the weight; remove setCanaryScale",
    )
    def scales_apart_from_the_weight_only_where_it_can(self) -> bool:
        return "setCanaryScale" not in self.traffic.cannot_do(self.rollout.steps if self.rollout else ())
