"""What an evaluator gets and what it says: one answer, one judgement."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from genaiops.api.dataset import Row


@dataclass(frozen=True, slots=True)
class Answer:
    """What a release said to one row."""

    text: str
    """Empty where a guardrail refused."""
    seconds: float
    """From the request to the end of the answer."""
    first_token: float
    """Seconds from the request to the first token."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    """By the Model's prices; None where it has none."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """`tool_calls` of its message, as the OpenAI protocol has them."""
    refused_by: str | None = None
    """The guardrail that blocked the question or the answer."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A row and what was answered to it."""

    row: Row
    answer: Answer
    baseline: Answer | None = None
    """What the baseline answered: for evaluators that compare two answers."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one evaluator says of one answer."""

    score: float
    """On the evaluator's own scale; 0 or 1 where it says yes or no, and 0.5 where two answers are as good."""
    passed: bool
    reason: str = ""
    """Why, in a sentence for a person. Untrusted where a model or somebody else's program wrote it."""
    tokens: int = 0
    """What judging took."""
    cost: Decimal | None = None


class EvaluatorError(Exception):
    """The answer could not be judged. That is no score: it says nothing of the answer.

    The message is for a person. Finding out may have taken tokens.
    """

    def __init__(self, message: str, tokens: int = 0, cost: Decimal | None = None) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.cost = cost


class Evaluator(Protocol):
    """Judges answers one by one; many at a time may be under way."""

    async def judge(self, sample: Sample) -> Judgement:
        """Raises EvaluatorError where it can't say."""
        ...

    async def close(self) -> None:
        """Let go of connections, pipes and processes."""
        ...
