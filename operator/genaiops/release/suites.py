"""What is wrong with an EvaluationSuite that its CRD can't see."""

from collections.abc import Iterator, Sequence

from genaiops.api.evaluation import EvaluationSuiteSpec
from genaiops.api.evaluator import Evaluator
from genaiops.guardrails.regex import compile_pattern
from genaiops.guardrails.validate import detector_problems
from genaiops.guardrails.whole import JSONSchemaDetector
from genaiops.problem import Problem


def suite_problems(suite: EvaluationSuiteSpec) -> list[Problem]:
    """Every problem; paths start at ``evaluators[i]``."""
    return evaluator_problems(suite.evaluators)


def evaluator_problems(evaluators: Sequence[Evaluator]) -> list[Problem]:
    """Every problem of a list of evaluators; paths start at ``evaluators[i]``."""
    return [
        problem
        for index, evaluator in enumerate(evaluators)
        for problem in _evaluator_problems(evaluator, f"evaluators[{index}]")
    ]


def _evaluator_problems(evaluator: Evaluator, field: str) -> Iterator[Problem]:
    # No rule of the API: the API server compares no values that are a number or a string.
    if evaluator.scale and evaluator.threshold is not None:
        lowest, highest = evaluator.scale
        if not lowest <= evaluator.threshold <= highest:
            yield Problem(
                f"{field}.threshold",
                f"{evaluator.type} scores go from {lowest} to {highest}; correct {evaluator.threshold}",
            )
    if evaluator.pattern is not None:
        try:
            compile_pattern(evaluator.pattern, bool(evaluator.ignore_case))
        except ValueError as error:
            yield Problem(f"{field}.pattern", f"is no RE2 expression: {error}")
    if evaluator.json_schema is not None:
        try:
            JSONSchemaDetector(evaluator.json_schema)
        except ValueError as error:
            yield Problem(f"{field}.schema", f"is no JSON Schema (2020-12): {error}")
    if evaluator.detector is not None:
        yield from detector_problems(evaluator.detector, f"{field}.detector")
