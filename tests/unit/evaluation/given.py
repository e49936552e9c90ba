"""What evaluators are given in tests."""

from decimal import Decimal
from typing import Any

from genaiops.api import evaluator as api
from genaiops.api.dataset import Row
from genaiops.evaluation.build import evaluators_of
from genaiops.evaluation.judge import Judge
from genaiops.evaluation.judgement import Answer, Evaluator, Judgement, Sample
from genaiops.evaluation.places import Places
from genaiops.evaluation.surroundings import RunSurroundings


def answer(text: str, **fields: Any) -> Answer:
    """What a release said, in half a second."""
    return Answer(text, seconds=0.5, first_token=0.1, **fields)


def sample(text: str, expected: str | None = None, query: str = "What now?", **fields: Any) -> Sample:
    """An answer to a question."""
    row = Row(id="r1", query=query, expected=expected, **{k: fields.pop(k) for k in ("context", "tags") if k in fields})
    baseline = fields.pop("baseline", None)
    return Sample(row, answer(text, **fields), None if baseline is None else answer(baseline))


def no_judge(name: str) -> Judge:
    raise AssertionError(f"nobody needs the judge {name}")


def evaluator(
    type_: str,
    judge: Any = no_judge,
    places: Places | None = None,
    surroundings: RunSurroundings | None = None,
    **fields: Any,
) -> Evaluator:
    """As a suite declares it."""
    spec = api.Evaluator.model_validate({"name": "it", "type": type_, **fields})
    return evaluators_of([spec], judge, places or Places(), surroundings)[spec.name]


async def judged(type_: str, of: Sample, **fields: Any) -> Judgement:
    """What an evaluator of this type says."""
    return await evaluator(type_, **fields).judge(of)


PRICE = Decimal("0.002")
