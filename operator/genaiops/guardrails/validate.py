"""What is wrong with a GuardrailPolicy that its CRD can't see."""

from collections.abc import Iterator

from genaiops.api.guardrails import Detector, GuardrailPolicySpec
from genaiops.guardrails.regex import compile_pattern
from genaiops.guardrails.whole import JSONSchemaDetector
from genaiops.problem import Problem


def validate(policy: GuardrailPolicySpec, at: str = "") -> list[Problem]:
    """Every problem; paths start at ``input[i]`` or ``output[i]``, after `at`."""
    return [
        problem
        for stage, guardrails in (("input", policy.input), ("output", policy.output))
        for index, guardrail in enumerate(guardrails)
        for problem in _detector_problems(guardrail.detector, f"{at}{stage}[{index}].detector")
    ]


def _detector_problems(detector: Detector, field: str) -> Iterator[Problem]:
    for index, pattern in enumerate(detector.patterns or ()):
        yield from _pattern_problems(pattern, bool(detector.ignore_case), f"{field}.patterns[{index}]")
    if detector.json_schema is not None:
        try:
            JSONSchemaDetector(detector.json_schema)
        except ValueError as error:
            yield Problem(f"{field}.schema", f"is no JSON Schema (2020-12): {error}")


def _pattern_problems(pattern: str, ignore_case: bool, field: str) -> Iterator[Problem]:
    try:
        regex = compile_pattern(pattern, ignore_case)
    except ValueError as error:
        yield Problem(field, f"is no RE2 expression: {error}")
        return
    if regex.fullmatch(""):
        yield Problem(field, "matches the empty text, which is never counted as a finding", warning=True)
