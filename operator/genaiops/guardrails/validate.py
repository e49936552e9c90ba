"""What is wrong with a GuardrailPolicy that its CRD can't see."""

from collections.abc import Iterator

from genaiops.api.detectors import Detector, DetectorType
from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.guardrails.detectors import build
from genaiops.guardrails.regex import compile_pattern
from genaiops.problem import Problem


def validate(policy: GuardrailPolicySpec, at: str = "") -> list[Problem]:
    """Every problem; paths start at ``input[i]`` or ``output[i]``, after `at`."""
    return [
        problem
        for stage, guardrails in (("input", policy.input), ("output", policy.output))
        for index, guardrail in enumerate(guardrails)
        for problem in detector_problems(guardrail.detector, f"{at}{stage}[{index}].detector")
    ]


def detector_problems(detector: Detector, field: str) -> Iterator[Problem]:
    """What is wrong with a detector that stands at `field`."""
    match detector.type:
        case (
            DetectorType.PII
            | DetectorType.SECRETS
            | DetectorType.MAX_LENGTH
            | DetectorType.PROMPT_LEAK
            | DetectorType.EXFILTRATION
            | DetectorType.MODERATION
            | DetectorType.WEBHOOK
        ):
            return  # nothing about them can be wrong but for their Model, and making a table takes milliseconds
        case DetectorType.REGEX:
            for index, pattern in enumerate(detector.patterns or ()):
                yield from _pattern_problems(pattern, bool(detector.ignore_case), f"{field}.patterns[{index}]")
        case DetectorType.JSON_SCHEMA:
            try:
                build(detector)
            except ValueError as error:
                yield Problem(f"{field}.schema", f"is no JSON Schema (2020-12): {error}")
        case _:
            try:
                build(detector)
            except ValueError as error:
                yield Problem(field, str(error))


def _pattern_problems(pattern: str, ignore_case: bool, field: str) -> Iterator[Problem]:
    try:
        regex = compile_pattern(pattern, ignore_case)
    except ValueError as error:
        yield Problem(field, f"is no RE2 expression: {error}")
        return
    if regex.fullmatch(""):
        yield Problem(field, "matches the empty text, which is never counted as a finding", warning=True)
