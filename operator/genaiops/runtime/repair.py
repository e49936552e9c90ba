"""An answer that breaks its schema goes back to the model once, with what is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from genaiops.api.guardrails import GuardrailPolicySpec
from genaiops.guardrails.whole import JSONSchemaDetector


class Repairs:
    """The schemas of a release whose answers are repaired. False where there are none."""

    def __init__(self, policies: Sequence[GuardrailPolicySpec]) -> None:
        self._schemas = [
            (guardrail.name, JSONSchemaDetector(guardrail.detector.json_schema or {}))
            for policy in policies
            for guardrail in policy.output
            if guardrail.detector.repair and not guardrail.dry_run
        ]

    def __bool__(self) -> bool:
        return bool(self._schemas)

    def fault(self, answer: Mapping[str, Any]) -> tuple[str, str] | None:
        """The first schema's guardrail that the answer breaks, and what is wrong with it; None where it is fine."""
        message = answer["choices"][0]["message"]
        content = message.get("content") or ""
        if not isinstance(content, str) or (not content and message.get("tool_calls")):
            return None
        for guardrail, schema in self._schemas:
            if problem := schema.problem(content):
                return guardrail, problem
        return None


def asked_again(payload: Mapping[str, Any], answer: Mapping[str, Any], problem: str) -> dict[str, Any]:
    """The payload, with the faulty answer and the request for a better one at its end."""
    return {
        **payload,
        "messages": [
            *payload["messages"],
            {"role": "assistant", "content": answer["choices"][0]["message"].get("content") or ""},
            {
                "role": "user",
                "content": f"Your answer does not have the required form: {problem[:1000]}. Give the same answer again "
                "as JSON of that form, and nothing else.",
            },
        ],
    }
