"""Status of an LLMApp: where its releases stand, and why."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from genaiops.api.base import ApiModel, Condition, ObjectName, Phase, Signed, Time, UniqueBy


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
