"""What stands in the way of online quality, in words that say what to do; what judges it where nothing does."""

from typing import Any

import pytest

from genaiops.api.quality import Quality
from genaiops.release.resolve import ReferenceProblem, resolve_quality

from .namespace import Namespace

RELEVANCE = {"name": "relevance", "type": "Relevance", "model": "gpt"}


def problems(namespace: Namespace, **quality: Any) -> tuple[ReferenceProblem, ...]:
    return resolved(namespace, **quality)[1]


def resolved(namespace: Namespace, **quality: Any) -> tuple[list[str], tuple[ReferenceProblem, ...]]:
    spec = Quality.model_validate({"sampling": {}, **quality})
    judges, found = resolve_quality("shop", spec, lambda kind, name: namespace.objects.get((kind, name)))
    return [judge.name for judge in judges], found


def test_a_judge_that_several_evaluators_name_is_resolved_once() -> None:
    again = {**RELEVANCE, "name": "again"}
    assert resolved(Namespace(), evaluators=[RELEVANCE, again]) == (["gpt"], ())


def test_a_judge_whose_server_is_still_starting_stops_nothing() -> None:
    namespace = Namespace().has("Model", "gpt", model="m", serving={"image": "llm:1"})
    assert resolved(namespace, evaluators=[RELEVANCE]) == (["gpt"], ())


@pytest.mark.parametrize(
    ("quality", "reason", "words"),
    [
        ({"evaluators": [{**RELEVANCE, "model": "nobody"}]}, "ModelNotFound", "there is no Model 'nobody'"),
        (
            {"evaluators": [{"name": "x", "type": "Regex", "pattern": "("}]},
            "EvaluatorUnusable",
            "quality.evaluators[0].pattern",
        ),
        (
            {"store": {"postgresql": {"secretRef": {"name": "db", "key": "url"}}}},
            "SecretNotFound",
            "its database's address from Secret 'db'",
        ),
    ],
)
def test_what_is_wrong_is_told(quality: dict[str, Any], reason: str, words: str) -> None:
    (problem,) = problems(Namespace(), **quality)
    assert problem.reason == reason
    assert problem.field.startswith("spec.quality")
    assert words in problem.message


def test_a_secret_without_the_key_is_told_with_the_keys_it_has() -> None:
    namespace = Namespace().has_secret("db", "password")
    (problem,) = problems(namespace, store={"postgresql": {"secretRef": {"name": "db", "key": "url"}}})
    assert (problem.reason, "has only password" in problem.message) == ("SecretKeyNotFound", True)


def test_quality_is_no_part_of_a_release() -> None:
    namespace = Namespace()
    before = namespace.target()
    assert namespace.asks(quality={"sampling": {}, "evaluators": [{**RELEVANCE, "model": "nobody"}]}).target() == before
