"""From what was found out of each row to what is said of the release. Pure.

An answer that the release failed to give has failed: it counts as judged, and does not pass. An answer that an
evaluator could not judge says nothing of the release: it counts as an error, and too many of those are no result.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from genaiops.api.evaluation import EvaluationPhase, EvaluationSuiteSpec, EvaluatorResult, WorstRow
from genaiops.api.evaluator import LESS_IS_BETTER, Evaluator, EvaluatorType
from genaiops.evaluation.records import Answered, Record
from genaiops.evaluation.statistics import difference, pass_rate
from genaiops.intervals import Share

_WORST: Final = 3
_MESSAGE: Final = 256
_REASON: Final = 160
_DIGITS: Final = 4


@dataclass(frozen=True)
class Outcome:
    """What is said of the release, and by what."""

    phase: EvaluationPhase
    message: str
    evaluators: list[EvaluatorResult]
    worst: list[WorstRow]


@dataclass(slots=True)
class _Row:
    """What one evaluator said of one row, over its repeats."""

    judged: int = 0
    passed: int = 0
    stable_judged: int = 0
    stable_passed: int = 0


@dataclass
class _Tally:
    """What one evaluator said of all rows."""

    spec: Evaluator
    rows: dict[str, _Row] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    stable_scores: list[float] = field(default_factory=list)
    errors: int = 0
    stable_errors: int = 0
    unanswered: int = 0
    error: str = ""
    """The first of them."""
    failures: dict[str, tuple[float | None, str]] = field(default_factory=dict)
    """Rows with an answer that did not pass: the worst score, and why."""

    def add(self, record: Record) -> None:
        row = self.rows.setdefault(record.id, _Row())
        verdict = record.candidate.verdicts.get(self.spec.name)
        if record.candidate.error is not None:
            row.judged += 1
            self.unanswered += 1
            self._fail(record.id, None, f"not answered: {record.candidate.error}")
        elif verdict is None or verdict.error is not None:
            self.errors += 1
            self.error = self.error or ((verdict.error if verdict else None) or "it was not judged")
        else:
            row.judged += 1
            row.passed += verdict.passed
            self.scores.append(verdict.score or 0.0)
            if not verdict.passed:
                self._fail(record.id, verdict.score, verdict.reason)
        if record.baseline is not None and self.spec.type is not EvaluatorType.PAIRWISE:
            self._add_stable(row, record.baseline)

    def _add_stable(self, row: _Row, baseline: Answered) -> None:
        # A stable release that does not answer says nothing of the candidate.
        verdict = baseline.verdicts.get(self.spec.name)
        if baseline.error is not None or verdict is None or verdict.error is not None:
            self.stable_errors += 1
            return
        row.stable_judged += 1
        row.stable_passed += verdict.passed
        self.stable_scores.append(verdict.score or 0.0)

    def _fail(self, row: str, score: float | None, reason: str) -> None:
        known = self.failures.get(row)
        if known is None or self.badness(score) > self.badness(known[0]):
            self.failures[row] = (score, reason)

    def badness(self, score: float | None) -> float:
        """The larger, the worse; no answer is the worst."""
        if score is None:
            return float("inf")
        return score if self.spec.type in LESS_IS_BETTER else -score


def judge(records: Iterable[Record], suite: EvaluationSuiteSpec, *, compared: bool) -> Outcome:
    """What is said of the release; `compared`: there is a baseline.

    An evaluator is content (`ok`) when enough answers pass and it is not shown that the release is worse than stable by
    more than it may be: that the whole interval of the difference lies beyond -maxRegression. Where no more can be said
    than that it might be worse, the share of answers that pass decides alone: of few rows nothing else would ever pass.
    """
    tallies = [_Tally(spec) for spec in suite.evaluators]
    for record in records:
        for tally in tallies:
            tally.add(record)
    judged = [_judge(tally, suite, compared) for tally in tallies]
    failed = [result for result, problem in judged if not result.ok and problem is None]
    problems = [problem for _, problem in judged if problem is not None]
    results = [result for result, _ in judged]
    if failed:
        phase, said = EvaluationPhase.FAILED, [result.message for result in failed]
    elif problems:
        phase, said = EvaluationPhase.ERROR, problems
    else:
        phase, said = EvaluationPhase.PASSED, [result.message for result in results]
    worst = list(_worst(tallies, {result.name for result in failed}))
    return Outcome(phase, cut("; ".join(said), 1024), results, worst)


def _judge(tally: _Tally, suite: EvaluationSuiteSpec, compared: bool) -> tuple[EvaluatorResult, str | None]:
    """What one evaluator says, and why it can't be said whether the release is good."""
    spec = tally.spec
    rows = [row.passed / row.judged for row in tally.rows.values() if row.judged]
    pairs = [
        (row.passed / row.judged, row.stable_passed / row.stable_judged)
        for row in tally.rows.values()
        if row.judged and row.stable_judged
    ]
    share = pass_rate(rows) if rows else None
    change = difference(pairs) if pairs else None
    stable_judged = sum(row.stable_judged for row in tally.rows.values())
    result = EvaluatorResult(
        name=spec.name,
        type=spec.type,
        judged=sum(row.judged for row in tally.rows.values()),
        errors=tally.errors,
        passed=sum(row.passed for row in tally.rows.values()),
        score=_mean(tally.scores),
        lower=_decimal(share.lower if share else None),
        upper=_decimal(share.upper if share else None),
        stable_score=_mean(tally.stable_scores),
        stable_passed=sum(row.stable_passed for row in tally.rows.values()) if stable_judged else None,
        difference=_decimal(change.value if change else None),
        difference_lower=_decimal(change.lower if change else None),
        difference_upper=_decimal(change.upper if change else None),
        ok=False,
    )
    if spec.type is EvaluatorType.PAIRWISE and not compared:
        message = f"{spec.name}: there is no stable release to compare with"
        return result.model_copy(update={"ok": True, "errors": 0, "message": message}), None
    if problem := _unjudged(tally, result.judged, suite.max_errors):
        return result.model_copy(update={"message": cut(problem, _MESSAGE)}), problem
    assert share
    needed = spec.min_pass_rate if spec.min_pass_rate is not None else suite.pass_.min_pass_rate
    # A mean of floats may miss the limit by its last digit.
    enough = Decimal(repr(round(share.value, 12))) >= needed
    missing = _stable_missing(tally, stable_judged, suite.max_errors) if compared and enough else None
    limit = float(suite.pass_.max_regression)
    worse = change is not None and change.upper < -limit
    message = missing or _message(tally, result.judged, share, change, needed, limit if worse else None, enough)
    ok = enough and not worse and missing is None
    return result.model_copy(update={"ok": ok, "message": cut(message, _MESSAGE)}), missing


def _unjudged(tally: _Tally, judged: int, limit: Decimal) -> str | None:
    asked = judged + tally.errors
    if judged and Decimal(tally.errors) <= limit * asked:
        return None
    why = tally.error or "there are none"
    return f"{tally.spec.name}: {tally.errors} of {asked} answers could not be judged: {why}"


def _stable_missing(tally: _Tally, judged: int, limit: Decimal) -> str | None:
    asked = judged + tally.stable_errors
    if not asked or (judged and Decimal(tally.stable_errors) <= limit * asked):
        return None
    of = f"{tally.stable_errors} of {asked} answers of stable"
    return f"{tally.spec.name}: {of} are missing or could not be judged"


def _message(
    tally: _Tally,
    judged: int,
    share: Share,
    change: Share | None,
    needed: Decimal,
    exceeded: float | None,
    enough: bool,
) -> str:
    """The numbers in a sentence: the ones that decided first."""
    said = f"{tally.spec.name}: {_percent(share.value)} % of {judged} answers pass ({_range(share)} %)"
    if not enough:
        said += f", needs {_percent(float(needed))} %"
    if tally.unanswered:
        said += f"; {tally.unanswered} were not answered"
    if change is not None:
        said += f"; against stable {_percent(change.value, sign=True)} points ({_range(change, sign=True)})"
    if exceeded is not None:
        said += f", may lose {_percent(exceeded)}"
    return said


def _worst(tallies: Sequence[_Tally], failed: set[str]) -> Iterator[WorstRow]:
    """Rows that went worst, each once: by evaluators that decided before others, by how many, by how badly."""
    ranked = []
    for order, tally in enumerate(tallies):
        by_badness = sorted(tally.failures, key=lambda row: tally.badness(tally.failures[row][0]), reverse=True)
        places = {row: place for place, row in enumerate(by_badness)}
        for row, (score, reason) in tally.failures.items():
            also = sum(row in other.failures for other in tallies)
            rank = (tally.spec.name not in failed, score is not None, -also, places[row], order, row)
            ranked.append((rank, row, tally.spec.name, score, reason))
    told: set[str] = set()
    for _, row, name, score, reason in sorted(ranked, key=lambda item: item[0]):
        if row not in told and len(told) < _WORST:
            told.add(row)
            yield WorstRow(id=row, evaluator=name, score=_decimal(score), reason=cut(reason, _REASON))


def cut(text: str, length: int) -> str:
    """At most so many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _mean(values: Sequence[float]) -> Decimal | None:
    return _decimal(sum(values) / len(values)) if values else None


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(round(value, _DIGITS)))


def _percent(value: float, *, sign: bool = False) -> str:
    text = f"{value * 100:+.1f}" if sign else f"{value * 100:.1f}"
    return text.removesuffix(".0")


def _range(share: Share, *, sign: bool = False) -> str:
    low, high = (f"{bound * 100:+.0f}" if sign else f"{bound * 100:.0f}" for bound in (share.lower, share.upper))
    return f"{low} to {high}"
