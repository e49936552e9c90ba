"""Evaluators: what judges the answer to one row of a dataset, or one live answer."""

from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field

from genaiops.api.base import (
    ApiModel,
    Name,
    ObjectName,
    PositiveDuration,
    Rate,
    ResourceRequirements,
    SecretKeyRef,
    Signed,
)
from genaiops.api.detectors import Detector
from genaiops.api.providers import EnvironmentVariable, Webhook
from genaiops.api.rules import Rule


class EvaluatorType(StrEnum):
    """How an answer is judged. What each measures, its scale and its threshold: docs/evaluators.md."""

    EXACT_MATCH = "ExactMatch"
    CONTAINS = "Contains"
    REGEX = "Regex"
    JSON_SCHEMA = "JSONSchema"
    F1 = "F1"
    BLEU = "BLEU"
    GLEU = "GLEU"
    ROUGE = "ROUGE"
    METEOR = "METEOR"
    LEVENSHTEIN = "Levenshtein"
    SIMILARITY = "Similarity"

    RELEVANCE = "Relevance"
    COHERENCE = "Coherence"
    FLUENCY = "Fluency"
    GROUNDEDNESS = "Groundedness"
    RESPONSE_COMPLETENESS = "ResponseCompleteness"
    JUDGED_SIMILARITY = "JudgedSimilarity"
    INTENT_RESOLUTION = "IntentResolution"
    TASK_ADHERENCE = "TaskAdherence"
    TOOL_CALL_ACCURACY = "ToolCallAccuracy"
    LLM_JUDGE = "LLMJudge"
    PAIRWISE = "Pairwise"

    GUARDRAIL = "Guardrail"
    ATTACK_RESISTED = "AttackResisted"

    LATENCY = "Latency"
    TOKENS = "Tokens"
    COST = "Cost"

    WEBHOOK = "Webhook"
    CONTAINER = "Container"


JUDGED: Final = frozenset(
    {
        EvaluatorType.RELEVANCE,
        EvaluatorType.COHERENCE,
        EvaluatorType.FLUENCY,
        EvaluatorType.GROUNDEDNESS,
        EvaluatorType.RESPONSE_COMPLETENESS,
        EvaluatorType.JUDGED_SIMILARITY,
        EvaluatorType.INTENT_RESOLUTION,
        EvaluatorType.TASK_ADHERENCE,
        EvaluatorType.TOOL_CALL_ACCURACY,
        EvaluatorType.LLM_JUDGE,
        EvaluatorType.PAIRWISE,
    }
)
"""Types that ask a model."""
YES_OR_NO: Final = frozenset(
    {
        EvaluatorType.EXACT_MATCH,
        EvaluatorType.CONTAINS,
        EvaluatorType.REGEX,
        EvaluatorType.JSON_SCHEMA,
        EvaluatorType.GUARDRAIL,
        EvaluatorType.ATTACK_RESISTED,
        EvaluatorType.PAIRWISE,
    }
)
"""Types that say yes or no (Pairwise: or a tie): there is no threshold between them."""
LESS_IS_BETTER: Final = frozenset({EvaluatorType.LATENCY, EvaluatorType.TOKENS, EvaluatorType.COST})
"""Types whose threshold is a maximum: seconds, tokens, money."""
ASKS_OTHERS: Final = frozenset({EvaluatorType.WEBHOOK, EvaluatorType.CONTAINER})
"""Types whose scale is the team's own."""
_OF_LIKENESS: Final = Decimal("0.5")
_OF_A_JUDGE: Final = Decimal(3)


def _cel(types: frozenset[EvaluatorType]) -> str:
    return "[" + ", ".join(f"'{kind}'" for kind in sorted(types)) + "]"


class EvaluatorContainer(ApiModel):
    """A program that reads one JSON object a line from standard input and answers each with one line.

    It gets {"id", "row", "query", "answer", "expected", "context", "variables", "tags"} and writes {"id", "score"} and,
    where it has something to say, "reason"; in any order, and nothing else to standard output. `id` is that of the
    answer, `row` that of the row. At the end of its input it ends. Its image needs /bin/sh, which connects it.
    """

    image: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="Image of the container.")
    command: list[Annotated[str, Field(max_length=4096)]] = Field(
        min_length=1, max_length=64, description="The program and its arguments."
    )
    env: list[EnvironmentVariable] = Field(default_factory=list, max_length=64, description="Its environment.")
    resources: ResourceRequirements = Field(default_factory=ResourceRequirements, description="CPU and memory.")
    timeout: PositiveDuration = Field(
        default=timedelta(minutes=1), description="Time for one answer, from when it is written to the program."
    )


class Evaluator(ApiModel):
    """One way to judge an answer. Only the fields of its `type` may be set."""

    name: Name = Field(description="Name in results, metrics and messages; unique in its list.")
    type: EvaluatorType = Field(
        description="How it judges: see docs/evaluators.md. METEOR goes without WordNet: stems match, synonyms do not."
    )
    threshold: Signed | None = Field(
        default=None,
        description="The score from which an answer passes (Latency, Tokens, Cost: up to which); by type where absent.",
    )
    min_pass_rate: Rate | None = Field(
        default=None, description="Share of answers that have to pass; that of the suite where absent."
    )
    model: ObjectName | None = Field(default=None, description="Judged types: name of the Model that judges.")
    rubric: str | None = Field(
        default=None,
        min_length=1,
        max_length=8192,
        description="LLMJudge: what the scores 1 to 5 mean. Pairwise: what makes an answer the better one.",
    )
    votes: int | None = Field(
        default=None, ge=1, le=9, description="Judged types: how often the model is asked; the median counts."
    )
    pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=1024,
        description="Regex: an RE2 expression that must match somewhere in the answer.",
    )
    ignore_case: bool | None = Field(default=None, description="ExactMatch, Contains, Regex: regardless of case.")
    json_schema: dict[str, Any] | None = Field(
        default=None, alias="schema", description="JSONSchema: the schema (2020-12) that an answer must satisfy."
    )
    detector: Detector | None = Field(
        default=None, description="Guardrail: an answer passes in which this finds nothing."
    )
    webhook: Webhook | None = Field(
        default=None, description="Webhook: who is asked for the score; {row, answer, baseline, body} are sent."
    )
    container: EvaluatorContainer | None = Field(default=None, description="Container: what judges.")

    @property
    def asks(self) -> str | None:
        """Name of the Model that it asks, itself or through its detector."""
        return self.model or (self.detector.model if self.detector else None)

    @property
    def secrets(self) -> list[SecretKeyRef]:
        """The Secret keys that it needs."""
        found: list[SecretKeyRef | None] = [self.detector.secret_ref] if self.detector else []
        if self.webhook:
            found += [*(header.secret_ref for header in self.webhook.headers), self.webhook.tls.ca_secret]
        return [ref for ref in found if ref]

    @Rule(
        f"(self.type in {_cel(JUDGED)}) == has(self.model) && (has(self.model) || !has(self.votes))",
        "model, votes: types that are judged by a model need model, no other type takes them; "
        "name a Model or correct the type",
    )
    def has_a_judge_where_it_needs_one(self) -> bool:
        return (self.type in JUDGED) == (self.model is not None) and (self.model is not None or self.votes is None)

    @Rule(
        "self.type == 'LLMJudge' ? has(self.rubric) : self.type == 'Pairwise' || !has(self.rubric)",
        "rubric: LLMJudge needs it, Pairwise may have it, no other type takes it; add it or correct the type",
    )
    def has_a_rubric_where_it_needs_one(self) -> bool:
        if self.type is EvaluatorType.LLM_JUDGE:
            return self.rubric is not None
        return self.type is EvaluatorType.PAIRWISE or self.rubric is None

    @Rule(
        "(self.type == 'Regex') == has(self.pattern)",
        "pattern: type Regex needs it, no other type takes it; add it or correct the type",
    )
    def has_a_pattern_where_it_needs_one(self) -> bool:
        return (self.type is EvaluatorType.REGEX) == (self.pattern is not None)

    @Rule(
        "self.type in ['ExactMatch', 'Contains', 'Regex'] || !has(self.ignoreCase)",
        "ignoreCase: only for ExactMatch, Contains and Regex; remove it",
    )
    def ignores_case_where_there_is_one(self) -> bool:
        kinds = {EvaluatorType.EXACT_MATCH, EvaluatorType.CONTAINS, EvaluatorType.REGEX}
        return self.type in kinds or self.ignore_case is None

    @Rule(
        "(self.type == 'JSONSchema') == has(self.schema) && (self.type == 'Guardrail') == has(self.detector)",
        "schema, detector: JSONSchema needs schema and Guardrail detector, no other type takes them; "
        "add it or correct the type",
    )
    def has_what_it_looks_for(self) -> bool:
        return (self.type is EvaluatorType.JSON_SCHEMA) == (self.json_schema is not None) and (
            self.type is EvaluatorType.GUARDRAIL
        ) == (self.detector is not None)

    @Rule(
        "(self.type == 'Webhook') == has(self.webhook) && (self.type == 'Container') == has(self.container)",
        "webhook, container: Webhook needs webhook and Container container, no other type takes them; "
        "add it or correct the type",
    )
    def has_whom_it_asks(self) -> bool:
        return (self.type is EvaluatorType.WEBHOOK) == (self.webhook is not None) and (
            self.type is EvaluatorType.CONTAINER
        ) == (self.container is not None)

    @Rule(
        # The threshold has no CEL type (it is a number or a string): dyn() asks only whether it is there.
        f"!(self.type in {_cel(YES_OR_NO)} && has(dyn(self).threshold))",
        "threshold: this type says yes or no, so there is nothing in between; remove it",
    )
    def has_a_threshold_where_there_is_a_scale(self) -> bool:
        return self.type not in YES_OR_NO or self.threshold is None

    @Rule(
        "!(self.type in ['Latency', 'Tokens', 'Cost', 'Webhook', 'Container']) || has(dyn(self).threshold)",
        "threshold: nobody but you knows what is good here; add it",
    )
    def has_a_threshold_where_nobody_knows(self) -> bool:
        return self.type not in LESS_IS_BETTER | ASKS_OTHERS or self.threshold is not None

    @property
    def scale(self) -> tuple[int, int] | None:
        """Lowest and highest score; None where there is no threshold between them, or the scale is open or a team's."""
        if self.type in YES_OR_NO | LESS_IS_BETTER | ASKS_OTHERS:
            return None
        return (1, 5) if self.type in JUDGED else (0, 1)

    @property
    def limit(self) -> Decimal | None:
        """The threshold that counts: the given one, else that of Azure AI evaluation: 0.5 of 1, 3 of 5.

        None for types that say yes or no.
        """
        if self.threshold is not None or self.type in YES_OR_NO:
            return self.threshold
        return _OF_A_JUDGE if self.type in JUDGED else _OF_LIKENESS
