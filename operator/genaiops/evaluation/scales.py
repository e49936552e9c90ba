"""What each judged type is graded by: its rubric, and what the judge gets to see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from genaiops.api.evaluator import EvaluatorType
from genaiops.evaluation import rubrics
from genaiops.evaluation.judgement import Answer, EvaluatorError, Sample

Use = Literal["hidden", "shown", "needed"]
"""Of a part: not for this judge; where there is one; always."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Scores from 1 to 5, and what they are given for."""

    rubric: str
    question: Use = "needed"
    context: Use = "hidden"
    expected: Use = "hidden"
    tool_calls: Use = "hidden"

    def parts(self, sample: Sample) -> dict[str, str]:
        """What the judge gets to see, by name. Raises EvaluatorError where the row lacks what is needed."""
        return {
            **known(sample, self.question, self.context, self.expected),
            "answer": shown(sample.answer),
            **_tool_calls(sample.answer, self.tool_calls),
        }


def known(sample: Sample, question: Use, context: Use, expected: Use) -> dict[str, str]:
    """What the row knows. Raises EvaluatorError where it lacks what is needed."""
    row = sample.row
    fields = {"query": (question, row.query), "context": (context, row.context), "expected": (expected, row.expected)}
    parts: dict[str, str] = {}
    for field, (use, text) in fields.items():
        if use == "needed" and text is None:
            raise EvaluatorError(f"the row has no `{field}`: add it to the dataset, or leave this evaluator out")
        if use != "hidden" and text is not None:
            parts[_NAMES[field]] = text
    return parts


def shown(answer: Answer) -> str:
    """An answer's text, and what is to be known where it has none."""
    if answer.refused_by is not None:
        return f"[no answer: the guardrail {answer.refused_by} refused]"
    return answer.text or "[an empty answer]"


def _tool_calls(answer: Answer, use: Use) -> Mapping[str, str]:
    if use == "hidden" or (use == "shown" and not answer.tool_calls):
        return {}
    calls = orjson.dumps(answer.tool_calls).decode() if answer.tool_calls else "[no tool was called]"
    return {"tool-calls": calls}


_NAMES: Final = {"query": "question", "context": "context", "expected": "reference"}
"""What rubrics call the fields of a row."""

SCALES: Final = {
    EvaluatorType.RELEVANCE: Scale(rubrics.text("relevance")),
    EvaluatorType.COHERENCE: Scale(rubrics.text("coherence")),
    EvaluatorType.FLUENCY: Scale(rubrics.text("fluency"), question="hidden"),
    EvaluatorType.GROUNDEDNESS: Scale(rubrics.text("groundedness"), context="needed"),
    EvaluatorType.RESPONSE_COMPLETENESS: Scale(
        rubrics.text("response-completeness"), question="hidden", expected="needed"
    ),
    EvaluatorType.JUDGED_SIMILARITY: Scale(rubrics.text("similarity"), expected="needed"),
    EvaluatorType.INTENT_RESOLUTION: Scale(rubrics.text("intent-resolution"), tool_calls="shown"),
    EvaluatorType.TASK_ADHERENCE: Scale(rubrics.text("task-adherence"), context="shown", tool_calls="shown"),
    EvaluatorType.TOOL_CALL_ACCURACY: Scale(
        rubrics.text("tool-call-accuracy"), context="shown", expected="shown", tool_calls="needed"
    ),
}
"""The types that have a rubric of ours."""


def own(rubric: str) -> Scale:
    """A rubric of the suite: its judge sees all there is."""
    return Scale(rubric, context="shown", expected="shown", tool_calls="shown")
