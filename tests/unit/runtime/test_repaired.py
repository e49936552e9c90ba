"""An answer that breaks its schema is asked for once more."""

from typing import Any

import pytest

from .conftest import StartRuntime
from .upstream import Upstream, answer, failure

pytestmark = pytest.mark.timeout(240)

GOOD, BAD = '{"city": "Berlin"}', '{"town": "Berlin"}'
DETECTOR = {"type": "JSONSchema", "repair": True, "schema": {"type": "object", "required": ["city"]}}


def repairing(action: str = "Block", **guardrail: Any) -> dict[str, Any]:
    return {"guardrails": [{"output": [{"name": "form", "detector": DETECTOR, "action": action, **guardrail}]}]}


@pytest.mark.parametrize("stream", [False, True])
async def test_the_model_is_told_what_is_wrong_and_does_better(
    start: StartRuntime, upstream: Upstream, stream: bool
) -> None:
    upstream.script += [answer(BAD), answer(GOOD)]
    runtime = await start(**repairing())

    response = await runtime.chat("Where?", stream=stream, stream_options={"include_usage": True})

    assert response.text == GOOD
    assert response.finish_reason == "stop"
    *_, question, faulty, wish = upstream.seen[1].body["messages"]
    assert question["content"] == "Where?"
    assert faulty == {"role": "assistant", "content": BAD}
    assert '"city" is a required property' in wish["content"]
    assert "stream" not in upstream.seen[1].body
    assert runtime.metric("genaiops_repairs_total", guardrail="form", repaired="true") == 1
    assert runtime.metric("genaiops_answers_total", violated="true") == 0
    if stream:
        assert response.events[-1] == "[DONE]"
        assert response.events[-2]["usage"]["completion_tokens"] == 5


async def test_both_answers_cost(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script += [answer(BAD), answer(GOOD)]
    runtime = await start(**repairing())

    await runtime.chat()

    assert runtime.metric("gen_ai_client_token_usage_sum") == 32
    assert runtime.metric("genaiops_request_tokens_count") == 1
    assert runtime.metric("genaiops_request_tokens_sum") == 32


async def test_once_is_enough(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script += [answer(BAD), answer("still no JSON")]
    runtime = await start(**repairing(message="Not what was asked."))

    response = await runtime.chat()

    assert response.text == "Not what was asked."
    assert len(upstream.seen) == 2
    assert runtime.metric("genaiops_repairs_total", repaired="false") == 1
    assert runtime.metric("genaiops_answers_total", violated="true") == 1


async def test_where_the_second_answer_does_not_come_the_first_one_stands(
    start: StartRuntime, upstream: Upstream
) -> None:
    upstream.script += [answer(BAD), failure(500)]
    runtime = await start(**repairing("Flag"))

    assert (await runtime.chat()).text == BAD
    assert runtime.metric("genaiops_repairs_total", repaired="false") == 1


async def test_a_good_answer_is_asked_for_once(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script.append(answer(GOOD))
    runtime = await start(**repairing())

    assert (await runtime.chat()).text == GOOD
    assert len(upstream.seen) == 1


async def test_a_rehearsal_asks_nobody_again(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script.append(answer(BAD))
    runtime = await start(**repairing(dryRun=True))

    assert (await runtime.chat()).text == BAD
    assert len(upstream.seen) == 1
    assert runtime.metric("genaiops_guardrail_decisions_total", guardrail="form", dry_run="true") == 1
    assert runtime.metric("genaiops_answers_total", violated="false") == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_tool_calls_only_has_no_form(start: StartRuntime, upstream: Upstream, stream: bool) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    upstream.script.append(answer(None, tool_calls=[call]))
    runtime = await start(**repairing("Flag"))

    response = await runtime.chat(stream=stream)

    assert len(upstream.seen) == 1
    if stream:
        assert response.events[0]["choices"][0]["delta"]["tool_calls"] == [{"index": 0, **call}]
