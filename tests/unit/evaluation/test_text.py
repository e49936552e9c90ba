"""Evaluators that hold an answer against what the row expects, a pattern or a schema."""

import pytest

from genaiops.api import evaluator as api
from genaiops.evaluation.build import evaluators_of
from genaiops.evaluation.judgement import EvaluatorError
from genaiops.evaluation.places import Places

from .given import evaluator, judged, no_judge, sample


@pytest.mark.parametrize(
    ("type_", "fields", "said", "expected", "passes"),
    [
        ("ExactMatch", {}, " Paris\n", "Paris", True),
        ("ExactMatch", {}, "paris", "Paris", False),
        ("ExactMatch", {"ignoreCase": True}, "STRASSE", "straße", True),
        ("ExactMatch", {}, "Paris.", "Paris", False),
        ("Contains", {}, "It is Paris, of course.", "Paris", True),
        ("Contains", {}, "It is paris, of course.", "Paris", False),
        ("Contains", {"ignoreCase": True}, "It is paris, of course.", "Paris", True),
        ("Contains", {}, "Paris and Rome", "Paris\n\n  Rome ", True),
        ("Contains", {}, "Paris alone", "Paris\nRome", False),
        ("Regex", {"pattern": r"\b\d{4}\b"}, "in the year 1789", None, True),
        ("Regex", {"pattern": r"^\d{4}$"}, "in the year 1789", None, False),
        ("Regex", {"pattern": "paris", "ignoreCase": True}, "PARIS", None, True),
        ("JSONSchema", {"schema": {"type": "object", "required": ["a"]}}, '{"a": 1}', None, True),
        ("JSONSchema", {"schema": {"type": "object", "required": ["a"]}}, '{"b": 1}', None, False),
        ("JSONSchema", {"schema": {"type": "object"}}, "a: 1", None, False),
    ],
)
async def test_an_answer_is_right_or_it_is_not(type_, fields, said, expected, passes) -> None:
    found = await judged(type_, sample(said, expected), **fields)

    assert (found.passed, found.score) == (passes, float(passes))
    assert (found.reason == "") == passes


async def test_who_reads_the_reason_learns_which_line_is_missing() -> None:
    found = await judged("Contains", sample("Paris", "Paris\nRome"))

    assert found.reason == "the answer does not contain 'Rome'"


@pytest.mark.parametrize("type_", ["ExactMatch", "Contains", "F1", "BLEU", "METEOR", "Similarity"])
async def test_without_an_expected_text_nothing_is_said_of_the_answer(type_: str) -> None:
    with pytest.raises(EvaluatorError, match="the row has no `expected`: add it"):
        await judged(type_, sample("Paris"))


async def test_an_expected_text_without_words_contains_nothing_to_look_for() -> None:
    with pytest.raises(EvaluatorError, match="`expected` of the row is empty"):
        await judged("Contains", sample("Paris", " \n"))


@pytest.mark.parametrize(("threshold", "passes"), [("0.8", True), ("0.81", False)])
async def test_a_measure_passes_from_its_threshold_on(threshold: str, passes: bool) -> None:
    # precision 2/3, recall 1: F1 = 0.8
    assert (await judged("F1", sample("red green blue", "green red"), threshold=threshold)).passed is passes


async def test_half_is_enough_where_the_suite_says_nothing() -> None:
    found = await judged("F1", sample("red green", "green blue"))

    assert (found.score, found.passed) == (0.5, True)


def test_what_cannot_be_read_is_named() -> None:
    specs = [
        api.Evaluator.model_validate({"name": "same", "type": "ExactMatch"}),
        api.Evaluator.model_validate({"name": "year", "type": "Regex", "pattern": "("}),
    ]

    with pytest.raises(ValueError, match=r"evaluators\[1\] \(year\): missing \)"):
        evaluators_of(specs, no_judge, Places())


@pytest.mark.parametrize(
    ("type_", "threshold", "scale"),
    [("ROUGE", "40", "0 to 1"), ("F1", "-1", "0 to 1"), ("Relevance", "0.8", "1 to 5"), ("Fluency", "6", "1 to 5")],
)
def test_a_threshold_beyond_the_scale_is_refused(type_: str, threshold: str, scale: str) -> None:
    judge = {"model": "gpt"} if scale == "1 to 5" else {}

    with pytest.raises(ValueError, match=rf"threshold: scores go from {scale} here; correct {threshold}"):
        evaluator(type_, judge=lambda name: None, threshold=threshold, **judge)


def test_a_threshold_of_the_team_s_own_scale_is_theirs() -> None:
    assert evaluator("Webhook", threshold="-40", webhook={"url": "http://scorer"})
    assert evaluator("Latency", threshold="90")


async def test_evaluators_are_found_by_their_names_and_let_go() -> None:
    specs = [
        api.Evaluator.model_validate({"name": "same", "type": "ExactMatch"}),
        api.Evaluator.model_validate({"name": "alike", "type": "ROUGE"}),
    ]
    built = evaluators_of(specs, no_judge, Places())

    assert list(built) == ["same", "alike"]
    for each in [*built.values(), evaluator("Latency", threshold=1)]:
        await each.close()
