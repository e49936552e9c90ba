"""What a suite needs beside itself is known to be there before anything runs."""

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
