"""Redaction that the caller doesn't notice: the model sees placeholders, the answer has the values again."""

import json
from typing import Any

import pytest

from .conftest import StartRuntime
from .upstream import Upstream, answer, streamed

pytestmark = pytest.mark.timeout(240)

PII = {"type": "PII"}
RESTORING = {"name": "pii", "detector": PII, "action": "Redact", "restore": True}


@pytest.mark.parametrize("stream", [False, True])
async def test_the_model_never_sees_what_the_caller_gets_back(
    start: StartRuntime, upstream: Upstream, stream: bool
) -> None:
    upstream.echo = True
    runtime = await start(guardrails=[{"input": [RESTORING]}])
    text = "Tell bob@example.com and eve@example.com, but bob@example.com first. [1]"

    response = await runtime.chat(text, stream=stream)

    asked = upstream.seen[0].body["messages"][-1]["content"]
    assert asked == "Tell [EMAIL_1] and [EMAIL_2], but [EMAIL_1] first. [1]"
    assert response.text == text


@pytest.mark.parametrize("stream", [False, True])
async def test_what_the_caller_sent_is_no_finding_in_the_answer(
    start: StartRuntime, upstream: Upstream, stream: bool
) -> None:
    """The output checks judge what the model wrote."""
    text = "Is it [EMAIL_1] or al@example.com?"
    upstream.script.append(streamed(*text) if stream else answer(text))
    output = {"name": "pii", "detector": PII, "action": "Redact"}
    runtime = await start(guardrails=[{"input": [RESTORING], "output": [output]}])

    response = await runtime.chat("I am bob@example.com", stream=stream)

    assert response.text == "Is it bob@example.com or [EMAIL]?"


async def test_one_request_s_values_are_no_other_s(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script += [answer("[EMAIL_1]"), answer("[EMAIL_1]")]
    runtime = await start(guardrails=[{"input": [RESTORING]}])

    assert (await runtime.chat("I am bob@example.com")).text == "bob@example.com"
    assert (await runtime.chat("Who am I?")).text == "[EMAIL_1]"


async def test_arguments_of_a_tool_stay_json(start: StartRuntime, upstream: Upstream) -> None:
    function = {"name": "send", "arguments": '{"to": "[REGEX_1]"}'}
    upstream.script.append(answer(None, tool_calls=[{"id": "c", "type": "function", "function": function}]))
    detector = {"type": "Regex", "patterns": ["<<[^>]*>>"]}
    runtime = await start(guardrails=[{"input": [{**RESTORING, "detector": detector}]}])

    response = await runtime.chat('I am <<the "one">>')

    call: Any = response.json["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"to": '<<the "one">>'}


async def test_without_restore_the_answer_stays_redacted(start: StartRuntime, upstream: Upstream) -> None:
    upstream.echo = True
    runtime = await start(guardrails=[{"input": [{**RESTORING, "restore": False}]}])

    assert (await runtime.chat("I am bob@example.com")).text == "I am [EMAIL]"


async def test_a_rehearsal_of_a_redaction_redacts_nothing(start: StartRuntime, upstream: Upstream) -> None:
    upstream.echo = True
    runtime = await start(guardrails=[{"input": [{**RESTORING, "dryRun": True}]}])

    await runtime.chat("I am bob@example.com")

    assert upstream.seen[0].body["messages"][-1]["content"] == "I am bob@example.com"
    assert runtime.metric("genaiops_guardrail_decisions_total", guardrail="pii", action="Redact", dry_run="true") == 1
    assert runtime.metric("genaiops_guardrail_decisions_total", dry_run="false") == 0
