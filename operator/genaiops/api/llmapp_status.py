"""Status of an LLMApp: where its releases stand, and why."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from genaiops.api.action import Action, ActionPhase
from genaiops.api.base import ApiModel, Condition, Name, ObjectName, Phase, Signed, Time, UniqueBy
from genaiops.api.evaluation import EvaluationPhase


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


class Measurement(ApiModel):
    """A metric at one moment."""

    at: Time = Field(description="When.")
    verdict: Verdict = Field(description="What it said: of a metric of your own this measurement alone.")
    value: Signed | None = Field(default=None, description="The candidate's value or share.")
    stable: Signed | None = Field(default=None, description="Stable's, where it is compared with.")
    samples: int | None = Field(default=None, description="Candidate requests since the weight was live.")
    lower: Signed | None = Field(default=None, description="Lower bound of candidate minus stable.")
    upper: Signed | None = Field(default=None, description="Upper bound of candidate minus stable.")
    message: str = Field(default="", max_length=256, description="Why there is no value.")


class Measured(ApiModel):
    """The measurements of one metric at the present weight."""

    measurements: list[Measurement] = Field(default_factory=list, max_length=10, description="The last ones.")
    passed: int = Field(default=0, description="Of a metric of your own: measurements within its limits.")
    failed: int = Field(default=0, description="Of a metric of your own: measurements beyond a limit.")
    consecutive_errors: int = Field(default=0, description="Of a metric of your own: errors in a row.")


class PodCounters(ApiModel):
    """What the counters of one pod's runtime stood at when they were read last."""

    process_started: int | None = Field(
        default=None, description="When the process began, in ms since 1970; with another process they begin at zero."
    )
    metrics: dict[str, Arm] = Field(
        default_factory=dict, description="Since the process began, by metric (latency with its threshold)."
    )
    waiting: dict[str, int] = Field(
        default_factory=dict, description="Requests that are slow already and have not ended, by metric."
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
    waiting: dict[str, dict[str, int]] = Field(
        default_factory=dict,
        description="Requests that were slow already and had not ended when they were last read, by role and metric.",
    )
    metrics: dict[str, Measured] = Field(default_factory=dict, description="Measurements, by metric.")
    evidence: dict[str, list[Signed]] = Field(
        default_factory=dict,
        description="Logarithms of the evidence that a limit of the difference is exceeded, by metric and limit, for "
        "some amounts by which it may be.",
    )
    pods: dict[str, PodCounters] = Field(
        default_factory=dict,
        description="Live pods at the last complete measurement, by uid; with its role where it is another release's.",
    )


class Approver(ApiModel):
    """Somebody who approved."""

    username: str = Field(max_length=1024, description="Who.")
    at: Time = Field(description="When.")
    until: Time = Field(description="Until when it counts.")


class Gate(ApiModel):
    """A wait for approvals."""

    needed: int = Field(description="How many different people have to approve.")
    excluded: list[Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=list, max_length=512, description="People who asked for the change: theirs does not count."
    )
    approvers: list[Approver] = Field(default_factory=list, max_length=64, description="Who did.")


class Hold(ApiModel):
    """A person holds the rollout where it is."""

    username: str = Field(max_length=1024, description="Who.")
    since: Time = Field(description="When.")
    reason: str = Field(default="", max_length=1024, description="Why.")


class Standing(ApiModel):
    """Where a rollout stands with a suite that it has to pass."""

    suite: ObjectName = Field(description="Name of the EvaluationSuite.")
    evaluation: ObjectName = Field(description="Name of the Evaluation, the run that decides.")
    phase: EvaluationPhase = Field(description="Where that run stands.")
    message: str = Field(default="", max_length=1024, description="Its progress, and at its end what decided.")


class VariantPhase(StrEnum):
    """Where a variant of an experiment stands."""

    WAITING = "Waiting"
    SERVING = "Serving"
    OVER = "Over"
    DROPPED = "Dropped"

    @property
    def active(self) -> bool:
        """Whether it gets requests, or is about to."""
        return self in (VariantPhase.WAITING, VariantPhase.SERVING)


class VariantStatus(ApiModel):
    """A variant of an experiment."""

    name: Name = Field(description="What the experiment calls it.")
    release: ObjectName = Field(description="Its release.")
    step: int = Field(description="Index of the experiment's step.")
    phase: VariantPhase = Field(
        default=VariantPhase.WAITING,
        description="Waiting (for evaluation, approval, pods or the gateway), Serving, Over (with the experiment), or "
        "Dropped (taken out before).",
    )
    wanted: int = Field(description="Percent of requests that it is to have.")
    weight: int = Field(default=0, description="Percent of requests that the gateway is told to send to it.")
    message: str = Field(default="", max_length=1024, description="What it waits for, or why it was taken out.")
    waiting_since: Time | None = Field(
        default=None,
        description="Since when pods or the gateway owe something; the progress deadline counts from here.",
    )
    evaluated: bool = Field(default=False, description="It passed every suite of the app.")
    evaluations: list[Standing] = Field(
        default_factory=list, max_length=8, description="The suites that it has to pass before its first request."
    )
    approved: bool = Field(default=False, description="The approval before its first pod was given.")
    gate: Gate | None = Field(default=None, description="The approval that it waits for.")
    analysis: AnalysisStatus | None = Field(default=None, description="Its measurements beside stable.")
    verdicts: list[MetricVerdict] = Field(
        default_factory=list, max_length=32, description="Each metric as it was judged last."
    )


class VariantReport(ApiModel):
    """How a variant of an experiment did."""

    name: Name = Field(description="What the experiment called it.")
    release: ObjectName = Field(description="Its release.")
    phase: VariantPhase = Field(description="Over, or Dropped before the experiment was.")
    message: str = Field(default="", max_length=1024, description="Why.")
    verdicts: list[MetricVerdict] = Field(
        default_factory=list, max_length=32, description="Each metric as it was judged last."
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
    waiting_since: Time | None = Field(
        default=None, description="The progress deadline counts from here. Kept for a return that does not last."
    )
    ready_since: Time | None = Field(
        default=None, description="Since when nothing is missing. After 30 s the progress deadline counts anew."
    )
    paused: Annotated[str | None, Field(max_length=1024, description="Why it waits.")] = None
    analysis: AnalysisStatus | None = Field(default=None, description="The measurements of the present weight.")
    verdicts: list[MetricVerdict] = Field(default_factory=list, description="Each metric as it was judged last.")
    fast: bool = Field(default=False, description="Going back to an earlier release: no steps.")
    full: bool = Field(default=False, description="A person promoted past all steps: only approvals are left.")
    undo: bool = Field(default=False, description="A person goes back to it, whatever the spec asks for.")
    rescue: bool = Field(default=False, description="Back to it from a release that broke: there is no deadline.")
    wanted: int | None = Field(default=None, description="The weight that the step asked for when it began.")
    promoted: bool = Field(default=False, description="A person let it go past the present step.")
    retried: bool = Field(default=False, description="A person tries it again: nothing counts that was found before.")
    evaluated: bool = Field(default=False, description="It passed every suite of the app.")
    evaluations: list[Standing] = Field(
        default_factory=list, max_length=8, description="The suites that it has to pass before its first request."
    )
    approved: bool = Field(default=False, description="The approval before the first pod was given.")
    gate: Gate | None = Field(default=None, description="The approval that it waits for.")
    variants: list[VariantStatus] = Field(
        default_factory=list, max_length=16, description="The other releases of its experiments, the newest last."
    )
    held: Hold | None = Field(default=None, description="A person holds it.")
    decided_by: list[str] = Field(
        default_factory=list, max_length=64, description="People's decisions on it, such as 'Approve by jane'."
    )
    requested_by: list[Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=list, max_length=512, description="People whose changes it is made of, as far as is known."
    )

    @property
    def compared(self) -> list[VariantStatus]:
        """The variants that get requests, or are about to."""
        return [variant for variant in self.variants if variant.phase.active]


class Watch(ApiModel):
    """The time after a promotion in which a breach goes back to what served before."""

    release: ObjectName = Field(description="The release that was promoted.")
    previous: ObjectName = Field(description="The one that served before; its pods stay until then.")
    started_at: Time = Field(description="When it was promoted.")
    until: Time = Field(description="When it is proved.")
    baseline: dict[str, Arm] = Field(
        default_factory=dict,
        description="What the previous release answered while it last had traffic, by metric: what the promoted one is "
        "compared with.",
    )
    analysis: AnalysisStatus | None = Field(default=None, description="The measurements since the promotion.")
    verdicts: list[MetricVerdict] = Field(default_factory=list, description="Each metric as it was judged last.")


class Decision(ApiModel):
    """A ReleaseAction that was looked at."""

    name: ObjectName = Field(description="Name of the ReleaseAction.")
    uid: str = Field(max_length=64, description="Its uid: each counts once.")
    action: Action = Field(description="What was decided.")
    username: str = Field(default="", max_length=1024, description="By whom.")
    phase: ActionPhase = Field(description="What became of it.")
    message: str = Field(default="", max_length=1024, description="What followed, or why nothing did.")
    at: Time = Field(description="When.")


class HistoryEntry(ApiModel):
    """How a rollout ended."""

    release: ObjectName = Field(description="The release that was rolled out.")
    prompt_version: str | None = Field(default=None, description="Its prompt's version.")
    changes: list[str] = Field(default_factory=list, description="What it changed, such as 'prompt v1 → v2'.")
    result: Result = Field(description="How it ended.")
    reason: str = Field(description="Why, in one word.")
    message: str = Field(default="", max_length=4096, description="Why, with the numbers that decided.")
    decided_by: list[str] = Field(
        default_factory=list, max_length=64, description="People's decisions on it, such as 'Approve by jane'."
    )
    verdicts: list[MetricVerdict] = Field(
        default_factory=list, max_length=32, description="Each metric as it was judged last."
    )
    evaluations: list[Standing] = Field(
        default_factory=list, max_length=8, description="The suites that it had to pass before its first request."
    )
    variants: list[VariantReport] = Field(
        default_factory=list, max_length=16, description="The other releases of its experiments."
    )
    started_at: Time | None = Field(default=None, description="When the rollout began.")
    finished_at: Time = Field(description="When it ended.")


class Share(ApiModel):
    """Answers that an evaluator passed."""

    evaluator: str = Field(max_length=63, description="Name of the evaluator.")
    judged: int = Field(description="Answers that it judged.")
    passed: int = Field(description="Those of them that passed.")


class Monitored(ApiModel):
    """The release that serves, evaluated again by a schedule."""

    suite: ObjectName = Field(description="Name of the EvaluationSuite.")
    release: ObjectName = Field(description="The release.")
    asked_at: Time = Field(description="When it was evaluated last, or began to be watched.")
    evaluation: ObjectName | None = Field(default=None, description="Name of the Evaluation that runs or ran last.")
    suite_hash: str | None = Field(default=None, max_length=64, description="The suite that `reference` is of.")
    dataset_hash: str | None = Field(default=None, max_length=64, description="The rows that `reference` is of.")
    evaluator_image: str | None = Field(default=None, max_length=1024, description="Who judged `reference`.")
    reference: list[Share] = Field(
        default_factory=list, max_length=20, description="How it did when it was evaluated first."
    )
    drift: str = Field(default="", max_length=1024, description="How much worse it does; empty where it does not.")
    message: str = Field(default="", max_length=1024, description="What the last run found.")


class Announcement(ApiModel):
    """What an Event tells of a decision."""

    at: Time = Field(description="When it was taken.")
    reason: str = Field(description="What was decided, in one word.")
    message: str = Field(max_length=1024, description="What was decided and why, with its numbers.")
    warning: bool = Field(default=False, description="Whether somebody should look at it.")


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
    watch: Watch | None = Field(default=None, description="The promotion that is being watched.")
    restarts: dict[str, Time] = Field(
        default_factory=dict, description="When a person last had the pods of a release replaced."
    )
    decisions: Annotated[list[Decision], UniqueBy("uid")] = Field(
        default_factory=list, description="ReleaseActions that were looked at, while they exist; the newest last."
    )
    monitored: Annotated[list[Monitored], UniqueBy("suite")] = Field(
        default_factory=list, max_length=8, description="Suites on which the stable release is evaluated again."
    )
    retiring: list[ObjectName] = Field(default_factory=list, description="Releases whose pods are being drained.")
    history: list[HistoryEntry] = Field(default_factory=list, description="How rollouts ended, the newest last.")
    untold: list[Announcement] = Field(default_factory=list, description="Decisions whose Events are still to be sent.")
    conditions: Annotated[list[Condition], UniqueBy("type")] = Field(
        default_factory=list, description="Ready, Reconciling, Stalled (kstatus)."
    )
    endpoint: str | None = Field(default=None, description="URL inside the cluster.")
    replicas: int | None = Field(default=None, description="Pods of the stable release.")
    selector: str | None = Field(default=None, description="Label selector of the app's pods, for autoscalers.")
