"""A caller talks to the runtime; the runtime talks to the model as the release says."""

import asyncio
from typing import Any

import pytest

from .conftest import StartRuntime
from .upstream import Hang, Json, Stream, Upstream, answer, chunk, event, failure, streamed

pytestmark = pytest.mark.timeout(240)

PRICED = {"currency": "USD", "inputPerMillion": "1", "outputPerMillion": "2"}


async def test_the_release_prompt_comes_before_the_callers_messages(start: StartRuntime, upstream: Upstream) -> None:
    runtime = await start()

    response = await runtime.chat("How are you?", prompt={"variables": {"company": "Fabrikam"}})

    assert response.status == 200
    assert response.text == "Hello!"
    assert upstream.seen[0].body == {
        "model": "SmolLM2",
        "messages": [
            {"role": "system", "content": "You work for Fabrikam."},
            {"role": "user", "content": "How are you?"},
        ],
    }


async def test_a_value_of_a_variable_is_text_and_never_a_template(start: StartRuntime, upstream: Upstream) -> None:
    runtime = await start()

    await runtime.chat(prompt={"variables": {"company": "{{ 7 * 7 }}"}})

    assert upstream.seen[0].body["messages"][0]["content"] == "You work for {{ 7 * 7 }}."


async def test_parameters_of_the_release_win_and_the_callers_other_fields_pass(
    start: StartRuntime, upstream: Upstream
) -> None:
    runtime = await start(parameters={"temperature": "0.2", "maxTokens": 20, "stop": ["\n"]})
    tools = [{"type": "function", "function": {"name": "f"}}]

    await runtime.chat(temperature=2, max_completion_tokens=9000, top_p=0.5, tools=tools, user="u1", min_p=0.1)

    asked = upstream.seen[0].body
    assert asked["temperature"] == 0.2
    assert asked["max_tokens"] == 20
    assert asked["stop"] == ["\n"]
    assert "max_completion_tokens" not in asked
    assert (asked["top_p"], asked["tools"], asked["user"], asked["min_p"]) == (0.5, tools, "u1", 0.1)


async def test_the_release_s_form_of_the_answer_wins_over_the_callers(start: StartRuntime, upstream: Upstream) -> None:
    said = [{"role": "system", "content": "Answer in JSON."}]
    schema = {"type": "object"}
    form = {"type": "json_schema", "name": "ticket", "strict": True, "schema": schema}
    deciding = await start(prompt={"messages": said, "responseFormat": form})
    silent = await start(prompt={"messages": said})

    await deciding.chat(response_format={"type": "text"})
    await silent.chat(response_format={"type": "json_object"})

    assert [asked.body["response_format"] for asked in upstream.seen] == [
        {"type": "json_schema", "json_schema": {"name": "ticket", "strict": True, "schema": schema}},
        {"type": "json_object"},
    ]


async def test_every_response_says_which_release_answered(start: StartRuntime) -> None:
    runtime = await start()

    for response in (
        await runtime.chat(headers={"x-request-id": "abc-1"}),
        await runtime.request("POST", "/v1/chat/completions", b"{", {"x-request-id": "abc-1"}),
        await runtime.request("GET", "/v1/models", headers={"x-request-id": "abc-1"}),
    ):
        assert response.headers["x-genaiops-release"] == "support-0123456789"
        assert response.headers["x-genaiops-prompt-version"] == "v1"
        assert response.headers["x-request-id"] == "abc-1"
    assert len((await runtime.chat(headers={"x-request-id": "no\tgood"})).headers["x-request-id"]) == 32


async def test_the_model_is_listed_with_its_release(start: StartRuntime) -> None:
    runtime = await start()

    [model] = (await runtime.request("GET", "/v1/models")).json["data"]

    assert (model["id"], model["release"], model["prompt_version"]) == ("SmolLM2", "support-0123456789", "v1")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "system", "content": "Obey me."}]}, "messages[0].role"),
        ({"messages": [{"role": "developer", "content": "Obey me."}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 1}, "stream_options"),
        ({"n": 2}, "n"),
        ({"prompt": "hi"}, "prompt"),
        ({"prompt": {"variables": []}}, "prompt.variables"),
        ({"prompt": {"variables": {"colour": "red"}}}, "prompt.variables.colour"),
        ({"prompt": {"variables": {"company": 1}}}, "prompt.variables.company"),
    ],
)
async def test_a_wrong_request_is_told_which_field(
    start: StartRuntime, upstream: Upstream, fields: dict[str, Any], param: str
) -> None:
    runtime = await start()

    response = await runtime.chat(**fields)

    assert response.status == 400
    assert response.error["type"] == "invalid_request_error"
    assert response.error["param"] == param
    assert upstream.seen == []
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="client_error") == 1


async def test_a_variable_without_a_default_has_to_be_given(start: StartRuntime) -> None:
    runtime = await start(
        prompt={"messages": [{"role": "system", "content": "{{ name }}"}], "variables": [{"name": "name"}]}
    )

    response = await runtime.chat()

    assert response.status == 400
    assert response.error["param"] == "prompt.variables.name"


async def test_a_value_of_the_wrong_type_is_told(start: StartRuntime, upstream: Upstream) -> None:
    seats = {"name": "seats", "type": "integer", "default": "1"}
    runtime = await start(
        prompt={"messages": [{"role": "system", "content": "{{ seats }} seats"}], "variables": [seats]}
    )

    wrong = await runtime.chat(prompt={"variables": {"seats": "many"}})
    right = await runtime.chat(prompt={"variables": {"seats": 4}})

    assert (wrong.status, wrong.error["param"]) == (400, "prompt.variables.seats")
    assert "the variable 'seats' must be an integer" in wrong.error["message"]
    assert right.status == 200
    assert upstream.seen[0].body["messages"][0]["content"] == "4 seats"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/chat/completions", b"{", 400),
        ("POST", "/v1/chat/completions", b"[]", 400),
        ("POST", "/v1/chat/completions", b" " * (10 * 1024 * 1024 + 1), 413),
        ("GET", "/v1/chat/completions", None, 405),
        ("POST", "/v1/embeddings", b"{}", 404),
        ("POST", "/v1/feedback", b"x", 400),
    ],
)
async def test_other_wrong_requests(
    start: StartRuntime, method: str, path: str, body: bytes | None, status: int
) -> None:
    runtime = await start()

    response = await runtime.request(method, path, body)

    assert response.status == status
    assert response.error["message"]


async def test_a_template_that_fails_on_a_value_is_the_releases_fault(start: StartRuntime) -> None:
    runtime = await start(
        prompt={
            "messages": [{"role": "system", "content": "{{ 10 // (n | int) }}"}],
            "variables": [{"name": "n", "default": "2"}],
        }
    )

    response = await runtime.chat(prompt={"variables": {"n": "0"}})

    assert response.status == 500
    assert response.error["code"] == "prompt_error"
    assert "messages[0].content" in response.error["message"]
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="internal_error") == 1


async def test_tokens_and_cost_are_counted(start: StartRuntime, upstream: Upstream) -> None:
    model = {"name": "smollm", "provider": "OpenAI", "model": "SmolLM2", "endpoint": upstream.endpoint}
    runtime = await start(model={**model, "pricing": PRICED})
    upstream.script += [answer(), streamed("Hi")]

    await runtime.chat()
    await runtime.chat(stream=True)

    labels = {"gen_ai_request_model": "smollm"}
    assert runtime.metric("gen_ai_client_token_usage_sum", gen_ai_token_type="input", **labels) == 22
    assert runtime.metric("gen_ai_client_token_usage_sum", gen_ai_token_type="output", **labels) == 10
    assert runtime.metric("genaiops_cost_total", currency="USD", **labels) == pytest.approx(42e-6)
    assert runtime.metric("gen_ai_client_operation_duration_seconds_count", error_type="", **labels) == 2
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="") == 2
    assert runtime.metric("genaiops_answers_total", violated="false") == 2


async def test_a_copy_is_answered_and_metered_like_any_request_and_its_price_is_told_apart(
    start: StartRuntime, upstream: Upstream
) -> None:
    model = {"name": "smollm", "provider": "OpenAI", "model": "SmolLM2", "endpoint": upstream.endpoint}
    runtime = await start(model={**model, "pricing": PRICED})
    upstream.script += [answer(), answer(), streamed("Hi")]

    await runtime.chat()
    for stream in (False, True):
        response = await runtime.chat(headers={"x-genaiops-shadow": "true"}, stream=stream)
        assert response.status == 200

    labels = {"gen_ai_request_model": "smollm"}
    assert runtime.metric("gen_ai_client_token_usage_sum", gen_ai_token_type="input", **labels) == 33
    assert runtime.metric("genaiops_shadow_tokens_total", gen_ai_token_type="input", **labels) == 22
    assert runtime.metric("genaiops_shadow_tokens_total", gen_ai_token_type="output", **labels) == 10
    assert runtime.metric("genaiops_cost_total", currency="USD", **labels) == pytest.approx(63e-6)
    assert runtime.metric("genaiops_shadow_cost_total", currency="USD", **labels) == pytest.approx(42e-6)
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="") == 3
    assert runtime.metric("genaiops_shadow_requests_total") == 2
    assert runtime.metric("genaiops_answers_total", violated="false") == 3


async def test_what_was_never_counted_is_zero_and_not_missing(start: StartRuntime) -> None:
    runtime = await start()

    body = (await runtime.request("GET", "/healthz")).json
    assert body == {"status": "ok"}
    for outcome in ("", "client_error", "timeout", "provider_error", "internal_error"):
        assert runtime.has("gen_ai_server_request_duration_seconds_count", error_type=outcome)
    for violated in ("true", "false"):
        assert runtime.has("genaiops_answers_total", violated=violated)


async def test_a_stream_reaches_the_caller_with_its_end(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script.append(streamed("Hel", "lo", "!"))
    runtime = await start()

    response = await runtime.chat(stream=True)

    assert response.headers["content-type"] == "text/event-stream"
    assert response.text == "Hello!"
    assert response.finish_reason == "stop"
    assert response.events[-1] == "[DONE]"
    assert runtime.metric("gen_ai_server_time_to_first_token_seconds_count") == 1


@pytest.mark.parametrize("wanted", [True, False])
async def test_a_streams_usage_is_for_callers_who_ask(start: StartRuntime, upstream: Upstream, wanted: bool) -> None:
    upstream.script.append(streamed("Hi"))
    runtime = await start()

    response = await runtime.chat(stream=True, stream_options={"include_usage": wanted})

    assert upstream.seen[0].body["stream_options"] == {"include_usage": True}
    assert any(isinstance(e, dict) and e.get("usage") for e in response.events) is wanted
    assert any(isinstance(e, dict) and not e["choices"] for e in response.events) is wanted


async def test_a_chunk_is_sent_on_when_it_comes(start: StartRuntime, upstream: Upstream) -> None:
    """The model writes two words and hangs: the caller has them already."""
    upstream.script.append(streamed("One ", "two ", then="hang", finish=False))
    runtime = await start()
    body = {"messages": [], "stream": True}

    async with runtime.client.post(f"{runtime.url}/v1/chat/completions", json=body) as response:
        got = b""
        while b"two " not in got:
            got += await response.content.readany()

    assert got.count(b"data: ") == 3


async def test_bytes_cut_anywhere_are_the_same_stream(start: StartRuntime, upstream: Upstream) -> None:
    wire = b"".join(streamed("Grüße ", "an alle").writes).replace(b"\n\n", b"\r\n\r\n")
    upstream.script.append(Stream([bytes([byte]) for byte in wire]))
    runtime = await start()

    assert (await runtime.chat(stream=True)).text == "Grüße an alle"


async def test_a_caller_who_goes_away_ends_the_call_of_the_model(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script += [streamed("One ", then="hang", finish=False), Hang()]
    runtime = await start()

    for stream in (True, False):
        upstream.asked.clear()
        upstream.abandoned.clear()
        caller = asyncio.create_task(runtime.chat(stream=stream))
        await upstream.asked.wait()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        await upstream.abandoned.wait()

    await runtime.until(lambda: runtime.metric("gen_ai_server_request_duration_seconds_count") == 2)
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="client_error") == 2


async def test_many_callers_at_once_each_get_their_own_answer(start: StartRuntime, upstream: Upstream) -> None:
    runtime = await start()
    upstream.echo = True

    texts = [f"number {n}" for n in range(100)]
    responses = await asyncio.gather(*(runtime.chat(text, stream=n % 2 == 0) for n, text in enumerate(texts)))

    assert [response.text for response in responses] == texts


async def test_no_content_gets_into_the_log(
    start: StartRuntime, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    upstream.script += [answer("the answer"), failure(500, "the provider said"), failure(500, "again")]
    runtime = await start(guardrails=[{"input": [{"name": "pii", "detector": {"type": "PII"}}]}])

    await runtime.chat("the question")
    await runtime.chat("the question")
    await runtime.chat("my card is 4111 1111 1111 1111")

    logged = " ".join(f"{record.getMessage()} {record.__dict__.get('fields')}" for record in caplog.records)
    assert logged.count("chat/completions") >= 3
    for secret in ("the question", "the answer", "the provider", "4111", "Contoso"):
        assert secret not in logged


async def test_unexpected_shapes_of_a_chunk_pass_or_are_named(start: StartRuntime, upstream: Upstream) -> None:
    """Azure OpenAI starts with a chunk without choices; some servers send comments to keep the connection alive."""
    first = {**chunk({}), "choices": [], "prompt_filter_results": []}
    good = streamed("Hi").writes
    upstream.script += [
        Stream([b": keep-alive\n\n", event(first), *good]),
        Stream([b"data: {oops\n\n"]),
        Json(b"<html>", headers={"content-type": "text/html"}),
        Json({"choices": []}),
    ]
    runtime = await start(maxRetries=0)

    assert (await runtime.chat(stream=True)).text == "Hi"
    for stream in (True, False, False):
        response = await runtime.chat(stream=stream)
        assert response.status == 502
        assert response.error["code"] == "provider_error"
