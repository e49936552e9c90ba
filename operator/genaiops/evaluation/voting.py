"""Asking a judge until it judges, as often as there are votes."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WithJsonSchema

from genaiops.evaluation import rubrics
from genaiops.evaluation.judge import Judge
from genaiops.evaluation.judgement import EvaluatorError

_TRIES: Final = 2
"""What is no judgement is asked for once more."""


class Grade(BaseModel):
    """A judge's reply to one answer."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reason: str
    # As an enum in the schema: servers that hold a model to a schema know that of integers, and not all know limits.
    score: Annotated[int, Field(ge=1, le=5), WithJsonSchema({"type": "integer", "enum": [1, 2, 3, 4, 5]})]


class Preference(BaseModel):
    """A judge's reply to two answers."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reason: str
    better: Literal["first", "second", "neither"]


R = TypeVar("R", bound=BaseModel)


class Bill:
    """What judging one answer has taken so far."""

    def __init__(self) -> None:
        self.tokens = 0
        self.cost: Decimal | None = None

    def add(self, tokens: int, cost: Decimal | None) -> None:
        """One reply more. A cost that nobody knows is none."""
        self.tokens += tokens
        if cost is not None:
            self.cost = cost + (self.cost or 0)


class Bench(Generic[R]):
    """A judge with a rubric and a form in which it replies."""

    def __init__(self, judge: Judge, rubric: str, reply: type[R]) -> None:
        self._judge = judge
        self._rubric = rubric
        self._reply = reply

    async def ask(self, parts: Mapping[str, str], bill: Bill) -> R:
        """One reply. Raises EvaluatorError where the judge does not reply, or does not judge."""
        form = "scale" if self._reply is Grade else "preference"
        messages = rubrics.messages(self._rubric, form, parts)
        problem = ""
        for _ in range(_TRIES):
            said = await self._judge.ask(messages, self._reply.model_json_schema())
            bill.add(said.tokens, said.cost)
            try:
                return self._reply.model_validate_json(said.text)
            except ValidationError as error:
                wrong = error.errors()[0]
                problem = f"{'.'.join(map(str, wrong['loc'])) or 'reply'}: {wrong['msg']}"
        raise EvaluatorError(f"the judge gave no judgement, twice: {problem}")


@dataclass(frozen=True, slots=True)
class Vote:
    """A score, and why."""

    score: float
    reason: str


async def median(vote: Callable[[Bill], Awaitable[Vote]], votes: int) -> tuple[Vote, Bill]:
    """The median of the votes with the reason of the one next to it, and what all of them took.

    Raises EvaluatorError where half of the votes or more failed.
    """
    bill = Bill()
    cast = await asyncio.gather(*(_heard(vote, bill) for _ in range(votes)))
    heard = [result for result in cast if isinstance(result, Vote)]
    failures = [result for result in cast if isinstance(result, EvaluatorError)]
    if len(heard) <= len(failures):
        raise EvaluatorError(str(failures[0]), bill.tokens, bill.cost)
    score = statistics.median(one.score for one in heard)
    return Vote(score, min(heard, key=lambda one: abs(one.score - score)).reason), bill


async def _heard(vote: Callable[[Bill], Awaitable[Vote]], bill: Bill) -> Vote | EvaluatorError:
    try:
        return await vote(bill)
    except EvaluatorError as error:
        return error
