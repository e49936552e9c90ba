"""Kinds EvaluationSuite and Evaluation: how a release is judged on a dataset before users see it, and one such run."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from genaiops.api.base import (
    ApiModel,
    Condition,
    NonNegative,
    ObjectName,
    PositiveDuration,
    Rate,
    SecretKeyRef,
    Signed,
    Time,
    UniqueBy,
)
from genaiops.api.dataset import Dataset, Sha256
from genaiops.api.evaluator import Evaluator, EvaluatorType
from genaiops.api.rules import Rule


class Pass(ApiModel):
    """What a release needs to pass, for every evaluator of the suite."""

    min_pass_rate: Rate = Field(default=Decimal("0.9"), description="Share of answers that have to pass.")
    max_regression: Rate = Field(
        default=Decimal("0.05"),
        description="By how much fewer of the same rows may pass than with stable; counts where the interval of the "
        "difference shows it. Ignored where there is no stable release.",
    )


class ResultStore(ApiModel):
    """Where rows and report are kept beside the pod's log. Exactly one of its fields."""

    claim: ObjectName | None = Field(
        default=None, description="Name of a PersistentVolumeClaim, in the same namespace: <claim>/<evaluation>/…"
    )
    s3: Annotated[str, Field(pattern=r"^s3://[^\s/?#@]+(/[^\s#]*)?$", max_length=1024)] | None = Field(
        default=None, description="s3://bucket/prefix."
    )
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$", max_length=512)] | None = Field(
        default=None, description="s3: the store's address, where it is not Amazon's."
    )
    region: Annotated[str, Field(pattern=r"^[-a-z0-9]+$", max_length=63)] | None = Field(
        default=None, description="s3: the store's region."
    )
    access_key: SecretKeyRef | None = Field(default=None, description="s3: the Secret with the access key ID.")
    secret_key: SecretKeyRef | None = Field(default=None, description="s3: the Secret with the secret access key.")

    @Rule("has(self.claim) != has(self.s3)", "store: write exactly one of claim and s3")
    def is_one(self) -> bool:
        return (self.claim is None) != (self.s3 is None)


class EvaluationSuiteSpec(ApiModel):
    """A dataset, how its answers are judged, and what a release needs to pass."""

    dataset: Dataset = Field(description="The rows.")
    evaluators: Annotated[list[Evaluator], UniqueBy("name")] = Field(
        min_length=1, max_length=20, description="How each answer is judged."
    )
    pass_: Pass = Field(default_factory=Pass, alias="pass", description="What a release needs to pass.")
    repeats: int = Field(
        default=1, ge=1, le=20, description="How often each row is asked: for models that answer differently each time."
    )
    parallelism: int = Field(default=4, ge=1, le=64, description="Rows that are worked on at a time.")
    max_per_minute: int | None = Field(
        default=None, ge=1, le=100_000, description="Requests to the release in a minute, at the most."
    )
    deadline: PositiveDuration = Field(
        default=timedelta(hours=1), description="Time for a whole run; one that takes longer is an Error."
    )
    max_errors: Rate = Field(
        default=Decimal("0.1"),
        description="Share of an evaluator's answers that may stay unjudged before the run is an Error.",
    )
    max_cost: NonNegative | None = Field(
        default=None, description="What a run may cost by the Models' prices, judges included; then it is an Error."
    )
    store: ResultStore | None = Field(default=None, description="Where rows and report are kept beside the pod's log.")

    @property
    def secrets(self) -> list[SecretKeyRef]:
        """Every Secret key that the suite itself names, once."""
        found: list[SecretKeyRef | None] = []
        if remote := self.dataset.remote:
            found.append(remote.bearer_token)
            if remote.s3_credentials:
                found += [remote.s3_credentials.access_key, remote.s3_credentials.secret_key]
        if self.store:
            found += [self.store.access_key, self.store.secret_key]
        found += [ref for evaluator in self.evaluators for ref in evaluator.secrets]
        return list({(ref.name, ref.key): ref for ref in found if ref}.values())


class Purpose(StrEnum):
    """Why an evaluation runs."""

    GATE = "Gate"
    MANUAL = "Manual"
    SCHEDULE = "Schedule"


class EvaluationSpec(ApiModel):
    """One run of a suite on a release. The API server refuses any change of it."""

    app: ObjectName = Field(description="Name of the LLMApp.")
    suite: ObjectName = Field(description="Name of the EvaluationSuite.")
    release: ObjectName = Field(description="Name of the Release that is judged.")
    baseline: ObjectName | None = Field(
        default=None, description="Name of the Release that is asked the same, through its Service."
    )
    purpose: Purpose = Field(default=Purpose.MANUAL, description="Gate, Schedule: made by the operator.")
    suite_hash: Sha256 | None = Field(
        default=None, description="SHA-256 of the suite that is meant; another one is an Error."
    )
    fresh: bool = Field(default=False, description="Run even where an equal run has a result already.")

    never_changes: ClassVar[Rule] = Rule("self == oldSelf", "spec: a run can't be changed; make another Evaluation")

    @Rule(
        "!has(self.baseline) || self.baseline != self.release",
        "baseline: a release is not compared with itself; remove it",
    )
    def compares_two(self) -> bool:
        return self.baseline != self.release


class EvaluationPhase(StrEnum):
    """Where a run stands. Failed judges the release, Error says that it could not be judged."""

    PENDING = "Pending"
    RUNNING = "Running"
    PASSED = "Passed"
    FAILED = "Failed"
    ERROR = "Error"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in (EvaluationPhase.PASSED, EvaluationPhase.FAILED, EvaluationPhase.ERROR)


class EvaluatorResult(ApiModel):
    """What one evaluator says of all rows. Intervals are at 95 %."""

    name: str = Field(max_length=63, description="Name of the evaluator.")
    type: EvaluatorType = Field(description="Its type.")
    judged: int = Field(description="Answers that it judged.")
    errors: int = Field(default=0, description="Answers that it could not judge.")
    score: Signed | None = Field(default=None, description="Mean of the scores.")
    passed: int = Field(description="Answers that passed.")
    lower: Signed | None = Field(default=None, description="Lower bound of the share that passes.")
    upper: Signed | None = Field(default=None, description="Upper bound of the share that passes.")
    stable_score: Signed | None = Field(default=None, description="Mean of the baseline's scores on the same rows.")
    stable_passed: int | None = Field(default=None, description="The baseline's answers that passed.")
    difference: Signed | None = Field(default=None, description="Share that passes minus that of the baseline.")
    difference_lower: Signed | None = Field(default=None, description="Lower bound of the difference.")
    difference_upper: Signed | None = Field(default=None, description="Upper bound of the difference.")
    ok: bool = Field(description="Whether the release passes by this evaluator.")
    message: str = Field(default="", max_length=256, description="The numbers in a sentence.")


class WorstRow(ApiModel):
    """A row that went badly. Its answer is in the rows, not here: a model's answer is no text for an event."""

    id: str = Field(max_length=63, description="The row.")
    evaluator: str = Field(max_length=63, description="Who judged.")
    score: Signed | None = Field(default=None, description="How.")
    reason: str = Field(default="", max_length=160, description="Why, in the evaluator's words.")


class EvaluationSummary(ApiModel):
    """What the pod of a run tells: while it runs at /progress, and at its end in its termination message."""

    done: int = Field(description="Rows that are judged.")
    total: int = Field(description="Rows of the dataset, times the repeats.")
    dataset_hash: Sha256 | None = Field(default=None, description="SHA-256 of the dataset's file.")
    phase: EvaluationPhase = Field(description="Running, and at the end Passed, Failed or Error.")
    message: str = Field(default="", max_length=1024, description="What decided, in a sentence.")
    evaluators: list[EvaluatorResult] = Field(default_factory=list, max_length=20, description="By evaluator.")
    worst: list[WorstRow] = Field(default_factory=list, max_length=3, description="The rows that went worst.")
    tokens: int = Field(default=0, description="Tokens of all requests, judges included.")
    cost: NonNegative | None = Field(default=None, description="Their price, where the Models have one.")


class EvaluationStatus(ApiModel):
    """Where a run stands, and what it found."""

    phase: EvaluationPhase | None = Field(default=None, description="Pending, Running, Passed, Failed or Error.")
    progress: str = Field(default="", max_length=32, description="Rows judged, of how many: 120/500.")
    message: str = Field(default="", max_length=1024, description="What decided, or why there is no result.")
    suite_hash: Sha256 | None = Field(default=None, description="SHA-256 of the suite as it was run.")
    dataset_hash: Sha256 | None = Field(default=None, description="SHA-256 of the dataset as it was run.")
    evaluator_image: str | None = Field(default=None, max_length=1024, description="The evaluator that judged.")
    evaluators: Annotated[list[EvaluatorResult], UniqueBy("name")] = Field(
        default_factory=list, max_length=20, description="By evaluator."
    )
    worst: list[WorstRow] = Field(default_factory=list, max_length=3, description="The rows that went worst.")
    tokens: int | None = Field(default=None, description="Tokens of all requests, judges included.")
    cost: NonNegative | None = Field(default=None, description="Their price, where the Models have one.")
    cached_from: ObjectName | None = Field(
        default=None, description="The equal run whose result this is: same suite, dataset and releases."
    )
    started_at: Time | None = Field(default=None, description="When its pod was asked for.")
    finished_at: Time | None = Field(default=None, description="When it ended.")
    observed_generation: int | None = Field(default=None, description="The generation that was judged last.")
    conditions: Annotated[list[Condition], UniqueBy("type")] = Field(
        default_factory=list, description="Ready, Reconciling, Stalled (kstatus)."
    )
