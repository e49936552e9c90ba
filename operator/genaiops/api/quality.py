"""Online quality: live answers that are sampled and judged, what people say of answers, and where both are kept."""

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from genaiops.api.base import ApiModel, ObjectName, PositiveDuration, Rate, SecretKeyRef, UniqueBy
from genaiops.api.detectors import PIIEntity
from genaiops.api.evaluator import Evaluator, EvaluatorType
from genaiops.api.rules import Rule

JUDGES_LIVE: Final = frozenset(
    {
        EvaluatorType.REGEX,
        EvaluatorType.JSON_SCHEMA,
        EvaluatorType.RELEVANCE,
        EvaluatorType.COHERENCE,
        EvaluatorType.FLUENCY,
        EvaluatorType.INTENT_RESOLUTION,
        EvaluatorType.TASK_ADHERENCE,
        EvaluatorType.LLM_JUDGE,
        EvaluatorType.GUARDRAIL,
        EvaluatorType.LATENCY,
        EvaluatorType.TOKENS,
        EvaluatorType.WEBHOOK,
    }
)
"""Types that judge a question and its answer alone: there is no right answer to hold it against, and no baseline."""
_TYPES: Final = ", ".join(sorted(JUDGES_LIVE))
_CEL_TYPES: Final = "[" + ", ".join(f"'{kind}'" for kind in sorted(JUDGES_LIVE)) + "]"


class Sampling(ApiModel):
    """Which live answers are judged."""

    rate: Rate = Field(default=Decimal("0.05"), description="Share of answers.")
    max_per_minute: int = Field(
        default=10,
        ge=1,
        le=600,
        description="Answers of one release in a minute, at the most: what judging may cost. Of each release by "
        "itself, so that a candidate with few requests is judged as well as stable.",
    )
    flagged: bool = Field(
        default=True,
        description="Also keep answers to requests in which a guardrail of action Flag found something, whatever the "
        "rate, up to maxPerMinute more. They are for people to read and export, and not judged: shares stay those of "
        "all answers.",
    )


class PostgreSQL(ApiModel):
    """A PostgreSQL database. Apps may share one: each sees its own rows only."""

    secret_ref: SecretKeyRef = Field(
        description="The Secret with its address, such as postgresql://user:password@db:5432/quality?ssl=require."
    )


class QualityStore(ApiModel):
    """Where samples, judgements and feedback are kept. Exactly one of its fields."""

    postgresql: PostgreSQL | None = Field(default=None, description="A PostgreSQL database.")
    claim: ObjectName | None = Field(
        default=None, description="Name of a PersistentVolumeClaim, in the same namespace, for an SQLite file."
    )

    @Rule("has(self.postgresql) != has(self.claim)", "store: write exactly one of postgresql and claim")
    def is_one(self) -> bool:
        return (self.postgresql is None) != (self.claim is None)


class Feedback(ApiModel):
    """What people say of answers."""

    comments: bool = Field(
        default=True, description="Keep comments and corrections, redacted; false: ratings and scores only."
    )


class Quality(ApiModel):
    """What is kept of live answers, and how they are judged. A change of it is no release."""

    sampling: Sampling | None = Field(default=None, description="Which answers are judged; absent: none.")
    evaluators: Annotated[list[Evaluator], UniqueBy("name")] = Field(
        default_factory=list, max_length=8, description=f"How a sampled answer is judged. Types: {_TYPES}."
    )
    redact: Annotated[list[PIIEntity], Field(min_length=1, max_length=16)] | None = Field(
        default=None,
        description="Personal data that is replaced before a text leaves the runtime's pod; all that can be found "
        "where absent.",
    )
    retention: PositiveDuration = Field(
        default=timedelta(hours=720), description="Time after which samples, judgements and feedback are deleted."
    )
    store: QualityStore | None = Field(
        default=None, description="Where all of it is kept; absent: in the collector's pod, and lost with it."
    )
    feedback: Feedback = Field(default_factory=Feedback, description="What people say of answers.")

    @Rule(
        f"!has(self.evaluators) || self.evaluators.all(one, one.type in {_CEL_TYPES})",
        "quality.evaluators: for live answers nobody knows what was expected, and nothing runs beside the collector; "
        f"use the types {_TYPES}",
    )
    def judges_what_there_is(self) -> bool:
        return all(one.type in JUDGES_LIVE for one in self.evaluators)

    @Rule(
        "!has(self.evaluators) || self.evaluators.all(one, !has(dyn(one).minPassRate))",
        "quality.evaluators: no answer stops here, a limit for a rollout belongs into its analysis; remove minPassRate",
    )
    def lets_analysis_decide(self) -> bool:
        return all(one.min_pass_rate is None for one in self.evaluators)

    @Rule(
        "!has(self.evaluators) || self.evaluators.size() == 0 || has(self.sampling)",
        "quality.evaluators: without sampling there is nothing to judge; add sampling or remove evaluators",
    )
    def has_something_to_judge(self) -> bool:
        return not self.evaluators or self.sampling is not None
