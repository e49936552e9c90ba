"""Evaluators that hold an answer against a text, a pattern or a schema: no model is asked."""

import asyncio
from collections.abc import Callable
from typing import Any

from genaiops.evaluation.judgement import EvaluatorError, Judgement, Sample
from genaiops.guardrails.regex import compile_pattern
from genaiops.guardrails.whole import JSONSchemaDetector


def expected_of(sample: Sample) -> str:
    """The right answer. Raises EvaluatorError where the row has none."""
    if sample.row.expected is None:
        raise EvaluatorError("the row has no `expected`: add it to the dataset, or leave this evaluator out")
    return sample.row.expected


def yes_or_no(passed: bool, otherwise: str) -> Judgement:
    """A judgement of an evaluator without a scale; `otherwise` is why not."""
    return Judgement(float(passed), passed, "" if passed else otherwise)


class ExactMatch:
    """The answer is `expected`; white space around either does not count."""

    def __init__(self, ignore_case: bool) -> None:
        self._ignore_case = ignore_case

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        answer, expected = (self._normal(text) for text in (sample.answer.text, expected_of(sample)))
        return yes_or_no(answer == expected, "the answer is not what is expected")

    async def close(self) -> None:
        """As in Evaluator."""

    def _normal(self, text: str) -> str:
        return text.strip().casefold() if self._ignore_case else text.strip()


class Contains:
    """Every line of `expected` stands somewhere in the answer; empty lines do not count."""

    def __init__(self, ignore_case: bool) -> None:
        self._ignore_case = ignore_case

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        answer = self._normal(sample.answer.text)
        lines = [line.strip() for line in expected_of(sample).splitlines() if line.strip()]
        if not lines:
            raise EvaluatorError("`expected` of the row is empty: write what the answer has to contain")
        missing = [line for line in lines if self._normal(line) not in answer]
        return yes_or_no(not missing, f"the answer does not contain {missing[0][:80]!r}" if missing else "")

    async def close(self) -> None:
        """As in Evaluator."""

    def _normal(self, text: str) -> str:
        return text.casefold() if self._ignore_case else text


class Regex:
    """An RE2 expression matches somewhere in the answer. Raises ValueError where RE2 can't read it."""

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        self._pattern = compile_pattern(pattern, ignore_case)

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        return yes_or_no(self._pattern.search(sample.answer.text) is not None, "the pattern matches nowhere")

    async def close(self) -> None:
        """As in Evaluator."""


class JSONSchema:
    """The answer is JSON that a schema (2020-12) accepts. Raises ValueError where the schema is none."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._detector = JSONSchemaDetector(schema)

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        refused = self._detector.find(sample.answer.text, 0, complete=True)
        return yes_or_no(not refused, "the answer is no JSON, or none that the schema accepts")

    async def close(self) -> None:
        """As in Evaluator."""


class Compared:
    """How like `expected` the answer is, from 0 to 1."""

    def __init__(self, measure: Callable[[str, str], float], threshold: float) -> None:
        self._measure = measure
        self._threshold = threshold

    async def judge(self, sample: Sample) -> Judgement:
        """As in Evaluator."""
        # Long texts take seconds, and other rows' answers are waited for meanwhile.
        score = await asyncio.to_thread(self._measure, expected_of(sample), sample.answer.text)
        return Judgement(score, score >= self._threshold)

    async def close(self) -> None:
        """As in Evaluator."""
