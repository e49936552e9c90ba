"""Guardrails that ask a server: a Model of the release, or a webhook of the team's."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import StartRuntime
from .upstream import Drop, Hang, Json, Upstream, answer, failure, streamed

pytestmark = pytest.mark.timeout(240)

MODERATION = {"type": "Moderation", "model": "guard"}


def flagged(category: str | None) -> Json:
    categories = {"hate": category == "hate", "violence": category == "violence"}
    return Json({"results": [{"flagged": category is not None, "categories": categories}]})


@pytest.fixture
async def guard() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


def guarded(guard: Upstream, detector: dict[str, Any], stage: str = "input", **policy: Any) -> dict[str, Any]:
    model = {"name": "guard", "provider": "OpenAI", "model": "omni", "endpoint": guard.endpoint}
    guardrail = {"name": "g", "detector": detector, "message": "No."}
    return {"guardrails": [{stage: [guardrail], **policy}], "guardrailModels": [model]}


async def test_a_model_of_the_release_judges_the_question(
    start: StartRuntime, upstream: Upstream, guard: Upstream
) -> None:
    guard.script += [flagged(None), flagged("hate")]
    runtime = await start(**guarded(guard, MODERATION))

    assert (await runtime.chat("Hello")).text == "Hello!"
    refused = await runtime.chat("I hate you")

    assert (refused.status, refused.error["message"]) == (400, "No.")
    assert [seen.body for seen in guard.seen] == [
        {"input": "Hello", "model": "omni"},
        {"input": "I hate you", "model": "omni"},
    ]
    assert len(upstream.seen) == 1


async def test_its_key_is_its_own(start: StartRuntime, guard: Upstream, tmp_path: Path) -> None:
    (tmp_path / "credentials" / "guard").mkdir(parents=True)
    (tmp_path / "credentials" / "guard" / "api-key").write_text("guard-key")
    guard.otherwise = flagged(None)
    content = guarded(guard, MODERATION)
    content["guardrailModels"][0]["credentials"] = {"name": "guard", "key": "k"}

    await (await start(**content)).chat()

    assert guard.seen[0].headers["authorization"] == "Bearer guard-key"


async def test_a_guard_that_chats_costs_tokens_but_they_are_not_the_request_s(
    start: StartRuntime, guard: Upstream
) -> None:
    guard.otherwise = answer("safe")
    runtime = await start(**guarded(guard, {**MODERATION, "style": "LlamaGuard"}))

    await runtime.chat()

    assert runtime.metric("gen_ai_client_token_usage_sum", gen_ai_request_model="guard") == 16
    assert runtime.metric("genaiops_request_tokens_sum") == 16
    assert runtime.metric("gen_ai_client_operation_duration_seconds_count", gen_ai_request_model="guard") == 1


@pytest.mark.parametrize("reply", [failure(500), Drop(), Hang(), Json({"no": "moderation"}), Json(b"text")])
@pytest.mark.parametrize("on_error", ["Block", "Allow"])
async def test_a_guard_that_fails_decides_as_the_policy_says(
    start: StartRuntime, upstream: Upstream, guard: Upstream, reply: Any, on_error: str
) -> None:
    guard.otherwise = reply
    runtime = await start(**guarded(guard, MODERATION, onError=on_error, timeout="200ms"))

    response = await runtime.chat()

    assert response.status == (500 if on_error == "Block" else 200)
    assert len(upstream.seen) == (0 if on_error == "Block" else 1)
    assert runtime.metric("genaiops_guardrail_errors_total", guardrail="g") == 1


async def test_a_stream_is_judged_sentence_by_sentence(
    start: StartRuntime, upstream: Upstream, guard: Upstream
) -> None:
    upstream.script.append(streamed("Well. ", "I hate", " you. ", "And so on."))
    guard.script += [flagged(None), flagged("hate")]
    runtime = await start(**guarded(guard, MODERATION, "output"))

    response = await runtime.chat(stream=True)

    assert response.text == "Well."
    assert response.finish_reason == "content_filter"
    assert [seen.body["input"] for seen in guard.seen] == ["Well.", "Well. I hate you."]


async def test_a_webhook_redacts_and_the_caller_gets_its_words_back(
    start: StartRuntime, upstream: Upstream, guard: Upstream, tmp_path: Path
) -> None:
    token = tmp_path / "credentials" / "_secrets" / "names"
    token.mkdir(parents=True)
    (token / "token").write_text("hook-token")
    guard.otherwise = Json({"findings": [{"kind": "NAME", "start": 5, "end": 8}]})
    upstream.echo = True
    detector = {"type": "Webhook", "url": guard.endpoint, "secretRef": {"name": "names", "key": "token"}}
    guardrail = {"name": "g", "detector": detector, "action": "Redact", "restore": True}
    runtime = await start(guardrails=[{"input": [guardrail]}])

    response = await runtime.chat("I am Eve.")

    assert upstream.seen[0].body["messages"][-1]["content"] == "I am [NAME_1]."
    assert response.text == "I am Eve."
    asked = next(seen for seen in guard.seen if seen.body["text"] == "I am Eve.")
    assert asked.body == {"text": "I am Eve.", "guardrail": "g", "stage": "input"}
    assert asked.headers["authorization"] == "Bearer hook-token"


async def test_a_server_gets_all_descriptions_of_tools_at_once(
    start: StartRuntime, upstream: Upstream, guard: Upstream
) -> None:
    """A model of its own judges them, as it does what is said; hundreds of tools are one question."""
    guard.otherwise = flagged(None)
    webhook = {"type": "Webhook", "url": f"{guard.endpoint}/judge"}
    guard.script += [Json({"findings": []}), Json({"findings": [{"kind": "POISON"}]})]
    runtime = await start(**guarded(guard, webhook))
    tools = [
        {"type": "function", "function": {"name": f"tool{number}", "description": f"Does {number}."}}
        for number in range(100)
    ]

    refused = await runtime.chat("Hi", tools=tools)

    assert refused.status == 400
    assert sorted(len(seen.body["text"].splitlines()) for seen in guard.seen) == [1, 100]
    assert upstream.seen == []
