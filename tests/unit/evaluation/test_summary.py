"""The end of a run in a termination message."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from genaiops.api.evaluation import EvaluationPhase, EvaluationSummary, EvaluatorResult, WorstRow
from genaiops.api.evaluator import EvaluatorType
from genaiops.evaluation.summary import fit

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)
numbers = st.none() | st.decimals(-1, 1, places=4)


def result(name: str, message: str, ok: bool, number: Decimal | None) -> EvaluatorResult:
    rates = ("score", "lower", "upper", "stable_score", "difference", "difference_lower", "difference_upper")
    fields = dict.fromkeys(rates, number)
    kind = EvaluatorType.RESPONSE_COMPLETENESS
    return EvaluatorResult(
        name=name,
        type=kind,
        judged=99_999,
        errors=9_999,
        passed=99_999,
        stable_passed=99_999,
        ok=ok,
        message=message,
        **fields,
    )


results = st.builds(result, st.text("abc-9", min_size=1, max_size=63), texts, st.booleans(), numbers)
rows = st.builds(
    WorstRow, id=st.text(max_size=63), evaluator=st.just("e" * 63), score=numbers, reason=texts.map(lambda t: t[:160])
)
summaries = st.builds(
    EvaluationSummary,
    done=st.integers(0, 100_000),
    total=st.just(100_000),
    dataset_hash=st.just("a" * 64),
    phase=st.sampled_from(EvaluationPhase),
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=1024),
    evaluators=st.lists(results, max_size=20),
    worst=st.lists(rows, max_size=3),
    cost=st.just(Decimal("12345.678901")),
)


def read(text: str) -> EvaluationSummary:
    return EvaluationSummary.model_validate_json(text)


@given(summaries, st.integers(512, 4096))
def test_it_fits_whatever_there_is_to_say_and_says_what_counts(summary: EvaluationSummary, size: int) -> None:
    text = fit(summary, size)

    assert len(text.encode()) <= size
    told = read(text)
    assert (told.phase, told.done, told.total) == (summary.phase, summary.done, summary.total)
    assert summary.message.startswith(told.message.removesuffix("…"))
    kept = [each.name for each in summary.evaluators]
    assert all(each.name in kept for each in told.evaluators)


def test_where_there_is_room_nothing_is_left_out() -> None:
    found = [result("relevance", "relevance: 71 % of 100 answers pass", False, Decimal("0.71"))]
    worst = [WorstRow(id="r1", evaluator="relevance", score=Decimal("0.1"), reason="it does not answer")]
    summary = EvaluationSummary(done=100, total=100, phase=EvaluationPhase.FAILED, evaluators=found, worst=worst)

    assert read(fit(summary, 4096)) == summary


def test_messages_go_before_rows_rows_before_numbers_and_those_that_are_content_first() -> None:
    found = [result(f"evaluator-{n}", "m" * 250, ok=n > 0, number=Decimal("0.1234")) for n in range(8)]
    worst = [WorstRow(id="r1", evaluator="evaluator-0", reason="w" * 160)] * 3
    summary = EvaluationSummary(done=9, total=9, phase=EvaluationPhase.FAILED, evaluators=found, worst=worst)

    large, small, tiny = (read(fit(summary, size)) for size in (3600, 2300, 600))

    assert len(large.evaluators[0].message) == 250
    assert len(large.evaluators[1].message) <= 60
    assert len(large.worst) == 3
    assert not small.worst
    assert small.evaluators[0].upper == Decimal("0.1234")
    assert tiny.evaluators[0].name == "evaluator-0"
    assert 0 < len(tiny.evaluators) < 8


def test_it_is_what_a_person_can_read() -> None:
    summary = EvaluationSummary(done=1, total=1, phase=EvaluationPhase.ERROR, message="größer")

    assert json.loads(fit(summary, 512)) == {"done": 1, "total": 1, "phase": "Error", "message": "größer"}
