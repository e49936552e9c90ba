"""Detectors that ask a server: what they send, and what they make of the answers."""

from collections.abc import Mapping
from typing import Any

import pytest

from genaiops.api.detectors import Detector
from genaiops.guardrails import moderation
from genaiops.guardrails.finding import Context, Finding
from genaiops.guardrails.webhook import WebhookDetector


class Server:
    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def at(self, path: str) -> Any:
        async def ask(body: Mapping[str, Any]) -> Any:
            self.asked.append((path, body))
            return self._answer

        return ask


def moderator(server: Server, stage: str = "input", **fields: Any) -> moderation.ModerationDetector:
    spec = Detector.model_validate({"type": "Moderation", "model": "guard", **fields})
    return moderation.detector(spec, stage, server.at)  # type: ignore[arg-type]


def judged(flags: dict[str, bool], scores: dict[str, float] | None = None) -> Server:
    return Server({"results": [{"flagged": any(flags.values()), "categories": flags, "category_scores": scores}]})


SCORES = {"violence/graphic": 0.7, "hate": 0.2}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, [Finding(0, 4, "VIOLENCE_GRAPHIC", 0.7)]),
        ({"categories": ["hate"]}, []),
        ({"threshold": "0.1", "categories": ["hate"]}, [Finding(0, 4, "HATE", 0.2)]),
        ({"threshold": "0.8"}, []),
    ],
)
async def test_openai_s_moderation(fields: dict[str, Any], told: list[Finding]) -> None:
    server = judged({"violence/graphic": True, "hate": False}, SCORES)

    assert await moderator(server, **fields).find("evil", 0, True) == told
    assert server.asked == [("moderations", {"input": "evil"})]


def says(text: str) -> Server:
    return Server({"choices": [{"message": {"content": text}}]})


@pytest.mark.parametrize(
    ("answer", "fields", "told"),
    [
        ("safe", {}, []),
        ("\n\nunsafe\nS1,S10", {}, [Finding(0, 4, "S1")]),
        ("unsafe\nS1, S10", {"categories": ["S10"]}, [Finding(0, 4, "S10")]),
        ("unsafe\nS1", {"categories": ["S10"]}, []),
        ("unsafe", {"categories": ["S10"]}, [Finding(0, 4, "UNSAFE")]),
    ],
)
async def test_a_llama_guard(answer: str, fields: dict[str, Any], told: list[Finding]) -> None:
    assert await moderator(says(answer), style="LlamaGuard", **fields).find("evil", 0, True) == told


async def test_a_llama_guard_judges_an_answer_by_its_question() -> None:
    server = says("safe")
    detector = moderator(server, "output", style="LlamaGuard").given(Context(question="How?"))

    await detector.find("One. Two.", 4, False)

    [(path, body)] = server.asked
    assert path == "chat/completions"
    assert body["messages"] == [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "One. Two."}]


@pytest.mark.parametrize(
    ("server", "fields"),
    [
        (Server({"results": []}), {}),
        (Server({"error": "no"}), {}),
        (says("I can't tell"), {"style": "LlamaGuard"}),
        (says(""), {"style": "LlamaGuard"}),
        (Server({"choices": []}), {"style": "LlamaGuard"}),
    ],
)
async def test_a_moderation_that_is_none_is_an_error(server: Server, fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        await moderator(server, **fields).find("text", 0, True)


async def test_a_webhook_tells_spans_of_what_it_was_sent() -> None:
    server = Server({"findings": [{"kind": "NAME", "start": 6, "end": 9, "score": 0.9}]})
    detector = WebhookDetector(server.at(""), "names", "output")

    assert await detector.find("Hi. I am Eve", 3, False) == [Finding(9, 12, "NAME", 0.9)]
    assert server.asked == [("", {"text": " I am Eve", "guardrail": "names", "stage": "output"})]


async def test_a_webhook_s_finding_without_a_span_is_all_of_it() -> None:
    detector = WebhookDetector(Server({"findings": [{}]}).at(""), "g", "input")

    assert await detector.find("text", 0, True) == [Finding(0, 4, "WEBHOOK")]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"findings": [{"kind": "secret text"}]},
        {"findings": [{"start": 3}]},
        {"findings": [{"start": 3, "end": 2}]},
        {"findings": [{"score": 2}]},
        [],
    ],
)
async def test_a_webhook_s_answer_that_is_none_is_an_error_that_quotes_nothing(answer: Any) -> None:
    with pytest.raises(ValueError) as error:
        await WebhookDetector(Server(answer).at(""), "g", "input").find("text", 0, True)
    assert "secret" not in str(error.value)
