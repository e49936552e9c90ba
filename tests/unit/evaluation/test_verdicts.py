"""What is said of a release, from what was said of its answers."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.api.evaluation import EvaluationPhase, EvaluationSuiteSpec
from genaiops.evaluation.records import Answered, Record, Verdict
from genaiops.evaluation.verdicts import Outcome, judge

PASSED, FAILED, ERROR = EvaluationPhase.PASSED, EvaluationPhase.FAILED, EvaluationPhase.ERROR
Said = bool | str | None
"""True or False of an answer; a text: it could not be judged; None: there was no answer."""


def suite(*types: str, **fields: Any) -> EvaluationSuiteSpec:
    """Evaluators are called as their types."""
    kinds = types or ("ExactMatch",)
    needed = {"Latency": {"threshold": "2"}, "Pairwise": {"model": "gpt"}}
    evaluators = [{"name": kind.lower(), "type": kind, **needed.get(kind, {})} for kind in kinds]
    rows = [{"id": "a", "query": "b"}]
    return EvaluationSuiteSpec.model_validate({"dataset": {"rows": rows}, "evaluators": evaluators, **fields})


def answered(said: Said, name: str = "exactmatch") -> Answered:
    if said is None:
        return Answered(error="it answers 503: overloaded")
    if isinstance(said, str):
        return Answered(text="so", verdicts={name: Verdict(error=said)})
    return Answered(text="so", verdicts={name: Verdict(score=float(said), passed=said, reason="" if said else "wrong")})


def judged(candidate: Sequence[Said], stable: Sequence[Said] | None = None, **fields: Any) -> Outcome:
    """One row for each."""
    stables = [None if stable is None else answered(said) for said in stable or candidate]
    records = [
        Record(id=f"r{n}", query="q", candidate=answered(said), baseline=base if stable is not None else None)
        for n, (said, base) in enumerate(zip(candidate, stables, strict=True))
    ]
    return judge(records, suite(**fields), compared=stable is not None)


def test_enough_answers_pass() -> None:
    outcome = judged([True] * 19 + [False])

    assert outcome.phase is PASSED
    assert outcome.message == "exactmatch: 95 % of 20 answers pass (76 to 99 %)"
    (result,) = outcome.evaluators
    assert (result.judged, result.passed, result.errors, result.ok) == (20, 19, 0, True)
    assert result.difference is None


def test_too_few_answers_pass_and_the_numbers_say_so() -> None:
    outcome = judged([True] * 71 + [False] * 29, [True] * 95 + [False] * 5)

    assert outcome.phase is FAILED
    assert outcome.message == (
        "exactmatch: 71 % of 100 answers pass (61 to 79 %), needs 90 %; "
        "against stable -24 points (-33 to -17), may lose 5"
    )


def test_exactly_as_many_as_are_needed_are_enough() -> None:
    assert judged([True] * 9 + [False], **{"pass": {"minPassRate": "0.9"}}).phase is PASSED
    assert judged([True, True, False] * 10, **{"pass": {"minPassRate": "0.6666666666"}}).phase is PASSED


def test_an_evaluator_may_ask_for_less_than_the_suite() -> None:
    lenient = {"name": "exactmatch", "type": "ExactMatch", "minPassRate": "0.5"}

    assert judged([True, False], evaluators=[lenient]).phase is PASSED


def test_a_release_that_does_not_answer_has_failed_the_row() -> None:
    outcome = judged([True] * 8 + [None] * 2)

    assert outcome.phase is FAILED
    assert "80 % of 10 answers pass" in outcome.message
    assert "2 were not answered" in outcome.message
    assert outcome.worst[0].id == "r8"
    assert outcome.worst[0].reason == "not answered: it answers 503: overloaded"


def test_a_judge_that_fails_now_and_then_changes_nothing() -> None:
    outcome = judged([True] * 19 + ["the judge failed: timeout"])

    assert outcome.phase is PASSED
    assert (outcome.evaluators[0].judged, outcome.evaluators[0].errors) == (19, 1)


def test_one_that_fails_often_says_nothing_of_the_release() -> None:
    outcome = judged([True] * 17 + ["the judge failed: timeout"] * 3)

    assert outcome.phase is ERROR
    assert outcome.message == "exactmatch: 3 of 20 answers could not be judged: the judge failed: timeout"
    assert not outcome.evaluators[0].ok


def test_no_judgement_is_never_a_pass() -> None:
    assert judged(["down"] * 5, maxErrors="1").phase is ERROR
    assert judged([]).phase is ERROR


def test_a_regression_counts_where_the_interval_shows_it() -> None:
    generous = {"minPassRate": "0.5"}
    shown = judged([True] * 80 + [False] * 20, [True] * 100, **{"pass": generous})
    not_shown = judged([True] * 18 + [False] * 2, [True] * 20, **{"pass": generous})
    allowed = judged([True] * 80 + [False] * 20, [True] * 100, **{"pass": {**generous, "maxRegression": "0.3"}})

    assert shown.phase is FAILED
    assert shown.message.endswith("against stable -20 points (-29 to -13), may lose 5")
    assert (not_shown.phase, allowed.phase) == (PASSED, PASSED)


def test_a_stable_release_that_does_not_answer_makes_no_candidate_good() -> None:
    silent = judged([True] * 10, [None] * 10)
    mostly_there = judged([True] * 20, [True] * 19 + [None])

    assert silent.phase is ERROR
    assert silent.message == "exactmatch: 10 of 10 answers of stable are missing or could not be judged"
    assert mostly_there.phase is PASSED
    assert judged([False] * 10, [None] * 10).phase is FAILED


def test_a_failure_outweighs_what_could_not_be_judged() -> None:
    record = Record(
        id="r", query="q", candidate=Answered(verdicts={"exactmatch": Verdict(score=0), "f1": Verdict(error="down")})
    )

    outcome = judge([record] * 5, suite("ExactMatch", "F1"), compared=False)

    assert outcome.phase is FAILED
    assert "exactmatch" in outcome.message
    assert "could not be judged" in outcome.evaluators[1].message


def test_a_comparison_needs_no_stable_release_where_there_is_none() -> None:
    record = Record(id="r", query="q", candidate=Answered(text="so"))

    alone = judge([record], suite("Pairwise"), compared=False)
    missing = judge([record], suite("Pairwise"), compared=True)

    assert alone.phase is PASSED
    assert alone.message == "pairwise: there is no stable release to compare with"
    assert missing.phase is ERROR


def test_answers_to_one_question_count_as_one() -> None:
    records = [
        Record(id=f"r{row}", repeat=repeat, query="q", candidate=answered(repeat < 3))
        for row in range(10)
        for repeat in range(5)
    ]

    (result,) = judge(records, suite(), compared=False).evaluators

    assert (result.judged, result.passed) == (50, 30)
    once = judged([True] * 6 + [False] * 4).evaluators[0]
    assert (result.lower, result.upper) == (once.lower, once.upper)


def test_three_rows_went_worst_each_told_once() -> None:
    def record(n: int, score: float, seconds: float) -> Record:
        verdicts = {
            "f1": Verdict(score=score, passed=score >= 0.5, reason=f"only {score}"),
            "latency": Verdict(score=seconds, passed=seconds <= 2),
        }
        return Record(id=f"r{n}", query="q", candidate=Answered(verdicts=verdicts))

    records = [record(0, 0.4, 1), record(1, 0.1, 1), record(2, 0.3, 9), record(3, 0.9, 8), record(4, 0.9, 1)]

    outcome = judge(records, suite("F1", "Latency"), compared=False)

    assert [(row.id, row.evaluator) for row in outcome.worst] == [("r2", "latency"), ("r1", "f1"), ("r3", "latency")]
    assert outcome.worst[1].reason == "only 0.1"


said = st.lists(st.tuples(st.sampled_from([True, False, None, "down"]), st.sampled_from([True, False, None, "down"])))


@given(said, st.booleans())
def test_there_is_always_something_to_say(pairs: list[tuple[Said, Said]], compared: bool) -> None:
    outcome = judged([first for first, _ in pairs], [second for _, second in pairs] if compared else None)

    assert outcome.phase in (PASSED, FAILED, ERROR)
    assert outcome.message
    for result in outcome.evaluators:
        assert result.passed <= result.judged
        assert result.ok is (outcome.phase is PASSED)
    assert len({row.id for row in outcome.worst}) == len(outcome.worst)


@pytest.mark.parametrize("extra", [0, 1, 5])
def test_a_better_answer_never_hurts(extra: int) -> None:
    worse, better = judged([True] * 9 + [False] * (1 + extra)), judged([True] * 10 + [False] * extra)

    assert (worse.phase, better.phase) != (PASSED, FAILED)
