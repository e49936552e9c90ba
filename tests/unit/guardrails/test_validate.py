"""What a policy's author is told."""

from typing import Any

import pytest

from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.guardrails import validate


@pytest.mark.parametrize(
    ("detector", "field", "message"),
    [
        ({"type": "Regex", "patterns": ["ok", "(a"]}, ".patterns[1]", "missing )"),
        ({"type": "Regex", "patterns": [r"(?<=a)b"]}, ".patterns[0]", "RE2"),
        ({"type": "JSONSchema", "schema": {"type": "objekt"}}, ".schema", "type"),
        ({"type": "JSONSchema", "schema": {"properties": {"a": {"pattern": "("}}}}, ".schema", "properties.a.pattern"),
        ({"type": "JSONSchema", "schema": {"$ref": "http://127.0.0.1:1/s"}}, ".schema", "another document"),
    ],
)
def test_what_can_not_work_is_told_with_its_field(detector: dict[str, Any], field: str, message: str) -> None:
    fine = {"name": "fine", "detector": {"type": "PII"}}
    policy = GuardrailPolicySpec.model_validate({"output": [fine, {"name": "x", "detector": detector}]})

    [problem] = validate(policy)

    assert problem.field == f"output[1].detector{field}"
    assert message in problem.message
    assert not problem.warning


def test_a_pattern_that_matches_nothing_is_a_warning() -> None:
    policy = GuardrailPolicySpec.model_validate(
        {"input": [{"name": "x", "detector": {"type": "Regex", "patterns": ["a*"]}}]}
    )

    [problem] = validate(policy, "content.guardrails[0].")

    assert problem.field == "content.guardrails[0].input[0].detector.patterns[0]"
    assert problem.warning
