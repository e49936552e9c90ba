"""One HTML page of a run: no other file, no other host, readable offline, on a phone, in the dark. Pure.

Everything in it is untrusted: questions and answers come from other people and from models. All of it is escaped, and
the page itself forbids the browser to run any other script than its own, or to load anything.
"""

import base64
import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from genaiops.api.evaluation import EvaluationSummary, EvaluatorResult
from genaiops.evaluation.records import Answered, Record

ROWS_SHOWN: Final = 300
_TEXT: Final = 6000
"""Characters of a text that are shown."""
_BINS: Final = 12


@dataclass
class Chart:
    """How one evaluator's scores are spread: bars in percent of the highest one."""

    low: str = ""
    high: str = ""
    bars: list[tuple[float, float]] = field(default_factory=list)
    """Of the release, and of stable."""


@dataclass
class _Rows:
    """What is kept of the rows: all scores, and the rows that went worst."""

    scores: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    count: int = 0
    _worst: list[tuple[tuple[int, int, int], Record]] = field(default_factory=list)

    def add(self, record: Record) -> None:
        self.count += 1
        self.tags.update(record.tags)
        for side, answered in enumerate((record.candidate, record.baseline)):
            for name, verdict in (answered.verdicts if answered else {}).items():
                if verdict.score is not None:
                    self.scores.setdefault(name, ([], []))[side].append(verdict.score)
        item = ((*_badness(record), -self.count), record)
        if len(self._worst) < ROWS_SHOWN:
            heapq.heappush(self._worst, item)
        else:
            heapq.heappushpop(self._worst, item)

    def worst_first(self) -> list[Record]:
        return [record for _, record in sorted(self._worst, key=lambda item: item[0], reverse=True)]


def report(rows: Iterable[Mapping[str, Any]], summary: EvaluationSummary, *, title: str) -> str:
    """The page. `rows`: the objects of rows.jsonl, each read once; those that went worst are shown, 300 at the most.

    Raises ValueError where a row is none.
    """
    kept = _Rows()
    for row in rows:
        kept.add(Record.model_validate(row))
    script = files(__package__).joinpath("report.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template().render(
        title=title,
        summary=summary,
        charts={name: _chart(*scores) for name, scores in kept.scores.items()},
        rows=kept.worst_first(),
        count=kept.count,
        tags=sorted(kept.tags),
        script=Markup(script),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
    )


def _badness(record: Record) -> tuple[int, int]:
    failed = sum(verdict.error is None and not verdict.passed for verdict in record.candidate.verdicts.values())
    return int(record.candidate.error is not None), failed


def _chart(ours: Sequence[float], stable: Sequence[float]) -> Chart:
    low, high = min([*ours, *stable]), max([*ours, *stable])
    width = (high - low) / _BINS or 1.0

    def counted(scores: Sequence[float]) -> list[float]:
        bins = [0] * _BINS
        for score in scores:
            bins[min(_BINS - 1, int((score - low) / width))] += 1
        return [count / len(scores) for count in bins] if scores else [0.0] * _BINS

    pairs = list(zip(counted(ours), counted(stable), strict=True))
    top = max(max(pair) for pair in pairs)
    return Chart(f"{low:.4g}", f"{high:.4g}", [(100 * a / top, 100 * b / top) for a, b in pairs])


def _share(result: EvaluatorResult) -> float | None:
    return result.passed / result.judged if result.judged else None


def _percent(value: Decimal | float | None, sign: bool = False) -> str:
    if value is None:
        return "–"
    text = f"{float(value) * 100:+.1f}" if sign else f"{float(value) * 100:.1f}"
    return text.removesuffix(".0")


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}… ({len(text) - _TEXT} more characters)"


def _failed(answered: Answered, results: Sequence[EvaluatorResult]) -> list[str]:
    """Names of the evaluators by which an answer does not pass; one that was not given passes by none."""
    if answered.error is not None:
        return [result.name for result in results]
    return [name for name, verdict in answered.verdicts.items() if verdict.error is None and not verdict.passed]


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"percent": _percent, "cut": _cut, "share": _share, "failed": _failed}
    return environment.from_string(files(__package__).joinpath("report.html").read_text())
