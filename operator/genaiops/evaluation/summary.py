"""The end of a run in as many bytes as a termination message may have. Pure."""

import json
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from genaiops.api.evaluation import EvaluationSummary, EvaluatorResult

_Model = TypeVar("_Model", bound=BaseModel)
_SHORT: Final = 60
_NUMBERS: Final = ("stable_score", "score", "stable_passed", "difference_lower", "difference", "lower")
"""What is left out of a result where there is no room, the least missed first. The upper bounds stay the longest."""


def fit(summary: EvaluationSummary, size: int) -> str:
    """The summary as JSON of at most `size` bytes (512 or more), and as much of it as fits.

    Messages of evaluators go first, then the worst rows, then numbers, last the evaluators that are content.
    """
    for smaller in _ever_smaller(summary):
        text = _json(smaller)
        if len(text.encode()) <= size:
            return text
    raise AssertionError("a summary without evaluators has no 512 bytes")


def _json(summary: EvaluationSummary) -> str:
    # Defaults say nothing; a reader has them, too.
    fields: dict[str, Any] = summary.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


def _ever_smaller(summary: EvaluationSummary) -> Iterator[EvaluationSummary]:
    yield summary
    results = list(summary.evaluators)
    for contented in (True, False):
        for keep in (_SHORT, 0):
            results = [
                _with(result, message=_cut(result.message, keep)) if result.ok is contented else result
                for result in results
            ]
            yield _with(summary, evaluators=results)
    worst = [_with(row, reason=_cut(row.reason, _SHORT)) for row in summary.worst]
    for count in range(len(worst), -1, -1):
        yield _with(summary, evaluators=results, worst=worst[:count])
    for number in (*_NUMBERS, "difference_upper", "upper"):
        results = [_with(result, **{number: None}) for result in results]
        yield _with(summary, evaluators=results, worst=[])
    results = sorted(results, key=_ok_last)
    for length in (400, 100):
        short = _with(summary, worst=[], message=_cut(summary.message, length))
        for count in range(len(results), -1, -1):
            yield _with(short, evaluators=results[:count])
    yield _with(summary, worst=[], evaluators=[], message=_cut(summary.message, _SHORT))


def _ok_last(result: EvaluatorResult) -> bool:
    return result.ok


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: max(0, length - 1)] + ("…" if length else "")


def _with(model: _Model, **fields: Any) -> _Model:
    return model.model_copy(update=fields)
