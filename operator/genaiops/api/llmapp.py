"""Kind LLMApp: an LLM app as its team describes it, and where its releases stand."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from genaiops.api.base import (
    ApiModel,
    Condition,
    Name,
    NonNegative,
    ObjectName,
    Phase,
    PositiveDuration,
    Rate,
    Ref,
    ResourceRequirements,
    Signed,
    Time,
    UniqueBy,
)
from genaiops.api.rollout import RolloutSpec
from genaiops.api.rules import Rule

PROMOTE_ANNOTATION = "genaiops.dev/promote"
"""Lets a rollout go on past one pause; what it has to say, `promotion` tells."""


def promotion(release: str, step: int, rollout_started_at: datetime) -> str:
    """``<release>@<step>@<start of the rollout, in seconds since 1970>``.

    A decision holds for no other release, no other pause, and no later rollout of the same release.
    """
    return f"{release}@{step}@{int(rollout_started_at.timestamp())}"


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


class Fallback(Ref):
    """A model that is asked when those before it fail."""


class ModelUse(Ref):
    """Which Model, and how it is asked."""

    parameters: Parameters = Field(default_factory=Parameters, description="Sampling parameters.")
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
    label: Name | None = Field(default=None, description="A label, followed as it moves.")

    @Rule(
        "has(self.version) != has(self.label)",
        "version, label: write exactly one, version to stay or label to follow it as it moves",
    )
    def names_one_version(self) -> bool:
        return (self.version is None) != (self.label is None)


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


class Gateway(ApiModel):
    """An Envoy of the app's own that splits the traffic."""

    replicas: int = Field(default=1, ge=1, le=50, description="Number of gateway pods.")
    port: int = Field(default=80, ge=1, le=65535, description="Port of the app's Service.")


class Traffic(ApiModel):
    """How traffic is split between stable and candidate."""

    gateway: Gateway = Field(default_factory=Gateway, description="By an Envoy of the app's own.")


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
    rollout: RolloutSpec | None = Field(
        default=None, description="How a change is rolled out. At most one of this and rolloutPolicyRef."
    )
    rollout_policy_ref: Annotated[ObjectName | None, Field(description="Name of a RolloutPolicy to use.")] = None
    traffic: Traffic = Field(default_factory=Traffic, description="How traffic is split.")
    revision_history_limit: int = Field(
        default=10, ge=1, le=100, description="Releases and history entries that are kept."
    )

    @Rule(
        "!has(self.rollout) || !has(self.rolloutPolicyRef)",
        "rollout, rolloutPolicyRef: write at most one; remove the other",
    )
    def rolls_out_one_way(self) -> bool:
        return self.rollout is None or self.rollout_policy_ref is None


# --- status ------------------------------------------------------------------------------------------------


class Verdict(StrEnum):
    """What an analysis says of a metric."""

    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"


class Result(StrEnum):
    """How a rollout ended."""

    PROMOTED = "Promoted"
    FAST_PROMOTED = "FastPromoted"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"
    ROLLED_BACK = "RolledBack"
    FAST_ROLLED_BACK = "FastRolledBack"


class Arm(ApiModel):
    """One side of a comparison."""

    samples: int = Field(description="Requests counted at this weight.")
    hits: int = Field(description="Those of them that the metric counts.")


class MetricVerdict(ApiModel):
    """A metric as it was judged last."""

    name: str = Field(description="Name of the metric.")
    verdict: Verdict = Field(description="What the numbers say.")
    candidate: Arm = Field(description="What was counted at the candidate.")
    stable: Arm = Field(description="What was counted at stable.")
    lower: Signed | None = Field(default=None, description="Lower bound of candidate minus stable.")
    upper: Signed | None = Field(default=None, description="Upper bound of candidate minus stable.")
    message: str = Field(default="", max_length=1024, description="The numbers in a sentence.")
    dry_run: bool = Field(default=False, description="It was measured and decides nothing.")


class PodCounters(ApiModel):
    """What the counters of one pod's runtime stood at when they were read last."""

    process_started: int | None = Field(
        default=None, description="When the process began, in ms since 1970; with another process they begin at zero."
    )
    metrics: dict[str, Arm] = Field(
        default_factory=dict, description="Since the process began, by metric (latency with its threshold)."
    )


class AnalysisStatus(ApiModel):
    """The measurements of the present weight: enough to resume exactly after a restart."""

    started_at: Time = Field(description="When the weight was live at the gateway.")
    baseline_at: Time | None = Field(default=None, description="First complete measurement; requests count from here.")
    measured_at: Time | None = Field(default=None, description="Last measurement, complete or not.")
    consecutive_errors: int = Field(default=0, description="Measurements in a row that were not complete.")
    last_error: str | None = Field(default=None, max_length=1024, description="Why the last one of them was not.")
    totals: dict[str, dict[str, Arm]] = Field(
        default_factory=dict,
        description="Requests since the baseline, by role (candidate, stable), then by metric.",
    )
    pods: dict[str, PodCounters] = Field(
        default_factory=dict, description="Live pods at the last complete measurement, by uid."
    )


class RolloutStatus(ApiModel):
    """A rollout under way."""

    release: ObjectName = Field(description="The candidate.")
    step: int = Field(default=0, description="Index of the current step; equal to `steps` at the final weight.")
    steps: int = Field(default=0, description="Number of steps.")
    weight: int = Field(default=0, description="Percent of requests the gateway is told to send to the candidate.")
    started_at: Time = Field(description="When the rollout began.")
    step_started_at: Time | None = Field(default=None, description="When the step took effect at the gateway.")
    waiting: Annotated[str | None, Field(max_length=1024, description="What pods or gateway still owe.")] = None
    waiting_since: Time | None = Field(default=None, description="The progress deadline counts from here.")
    paused: Annotated[str | None, Field(max_length=1024, description="Why it waits.")] = None
    analysis: AnalysisStatus | None = Field(default=None, description="The measurements of the present weight.")
    verdicts: list[MetricVerdict] = Field(default_factory=list, description="Each metric as it was judged last.")
    fast: bool = Field(default=False, description="Going back to an earlier release: no steps.")


class HistoryEntry(ApiModel):
    """How a rollout ended."""

    release: ObjectName = Field(description="The release that was rolled out.")
    prompt_version: str | None = Field(default=None, description="Its prompt's version.")
    changes: list[str] = Field(default_factory=list, description="What it changed, such as 'prompt v1 → v2'.")
    result: Result = Field(description="How it ended.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(default="", max_length=4096, description="Why, with the numbers that decided.")
    started_at: Time | None = Field(default=None, description="When the rollout began.")
    finished_at: Time = Field(description="When it ended.")


class LLMAppStatus(ApiModel):
    """Where the app's releases stand."""

    observed_generation: int | None = Field(default=None, description="The generation that was judged last.")
    phase: Phase | None = Field(default=None, description="Where the app stands.")
    stable_release: ObjectName | None = Field(default=None, description="The release that serves users.")
    candidate_release: ObjectName | None = Field(default=None, description="The release that is being proven.")
    aborted_release: ObjectName | None = Field(
        default=None,
        description="The release that the spec asks for and that was taken back; not tried again by itself.",
    )
    weight: int | None = Field(default=None, description="Percent of requests for the candidate.")
    rollout: RolloutStatus | None = Field(default=None, description="The rollout under way.")
    retiring: list[ObjectName] = Field(default_factory=list, description="Releases whose pods are being drained.")
    history: list[HistoryEntry] = Field(default_factory=list, description="How rollouts ended, the newest last.")
    conditions: Annotated[list[Condition], UniqueBy("type")] = Field(
        default_factory=list, description="Ready, Reconciling, Stalled (kstatus)."
    )
    endpoint: str | None = Field(default=None, description="URL inside the cluster.")
    replicas: int | None = Field(default=None, description="Pods of the stable release.")
    selector: str | None = Field(default=None, description="Label selector of the app's pods, for autoscalers.")
