"""What a suite needs beside itself is known to be there before anything runs."""

import pytest

from genaiops.api.evaluator import Evaluator
from genaiops.release.suites import evaluator_problems
from release.namespace import Namespace

TOKEN = {"name": "files", "key": "token"}
REMOTE = {"remote": {"url": "https://files/golden.jsonl", "bearerToken": TOKEN}}


def evaluated() -> Namespace:
    namespace = Namespace().has("EvaluationSuite", "golden", dataset=REMOTE, evaluators=[{"name": "f1", "type": "F1"}])
    return namespace.asks(evaluations=[{"suite": "golden"}])


def test_a_secret_that_is_missing_is_told_with_the_suite_that_names_it() -> None:
    problem = evaluated().problem()

    assert (problem.reason, problem.field) == ("SecretNotFound", "spec.evaluations[0].suite")
    assert "EvaluationSuite 'golden' takes a key from Secret 'files', which does not exist" in problem.message


def test_a_key_that_is_missing_is_told_too() -> None:
    assert (
        "from key 'token' of Secret 'files', which has only other"
        in evaluated().has_secret("files", "other").problem().message
    )


def test_with_its_secret_the_release_can_be_evaluated() -> None:
    (suite,) = evaluated().has_secret("files", "token").target().suites

    assert suite.name == "golden"


@pytest.mark.parametrize(
    ("of", "threshold", "scale"),
    [
        ({"type": "ROUGE"}, "40", "0 to 1"),
        ({"type": "F1"}, "-0.1", "0 to 1"),
        ({"type": "Relevance", "model": "gpt"}, "0.8", "1 to 5"),
        ({"type": "LLMJudge", "model": "gpt", "rubric": "5 is polite"}, "6", "1 to 5"),
    ],
)
def test_a_threshold_beyond_its_scale_is_told_before_anything_runs(
    of: dict[str, str], threshold: str, scale: str
) -> None:
    judge = Evaluator.model_validate({"name": "x", "threshold": threshold, **of})

    (problem,) = evaluator_problems([judge])

    assert str(problem) == (f"evaluators[0].threshold: {of['type']} scores go from {scale}; correct {threshold}")


@pytest.mark.parametrize(
    "of",
    [
        {"type": "ROUGE", "threshold": "0"},
        {"type": "Relevance", "model": "gpt", "threshold": "5"},
        {"type": "Latency", "threshold": "90"},
        {"type": "Webhook", "threshold": "-40", "webhook": {"url": "http://scorer"}},
    ],
)
def test_a_threshold_on_its_scale_is_fine_and_an_open_scale_has_no_end(of: dict[str, object]) -> None:
    assert evaluator_problems([Evaluator.model_validate({"name": "x", **of})]) == []
