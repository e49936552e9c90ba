"""Traces: what became of a request and whom it asked, in nobody's way, and without a word of it unless wanted."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from genaiops.runtime import outbox
from genaiops.runtime.outbox import HeadersError, read_headers
from ports import lasting_port

from .conftest import Response, Runtime, StartRuntime, release
from .receiving import Received, Receiver
from .test_drain import Process, launch, until_ready_is
from .upstream import Json, Seen, Upstream, answer, failure, streamed

RELEASE = "support-0123456789"
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRETS = [{"name": "no-secrets", "detector": {"type": "Regex", "patterns": ["secret"]}, "action": "Block"}]
EMAIL = [{"name": "pii", "detector": {"type": "PII", "entities": ["EMAIL"]}, "action": "Redact"}]


@pytest.fixture(autouse=True)
def _spans_wait_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "LINGER", 0.01)


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    async with Receiver(tmp_path) as running:
        yield running


async def traced(runtime: Runtime, receiver: Receiver, calls: int = 1, requests: int = 1) -> tuple[Received, ...]:
    """The span of the last request, and those of the calls that were made for it."""
    await runtime.until(lambda: (len(receiver.of("server")), len(receiver.of("client"))) == (requests, calls))
    return (receiver.of("server")[-1], *receiver.of("client"))


def sampled(request: Seen) -> bool:
    """Whether the model's server is told that the trace is recorded: the lowest bit of the flags."""
    return bool(int(request.headers["traceparent"].rpartition("-")[2], 16) & 1)


def messages(span: Received, name: str) -> Any:
    return json.loads(span.attributes[name])


# --- what a trace says --------------------------------------------------------------------------------------------


async def test_a_trace_tells_what_became_of_a_request_and_whom_it_asked(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    runtime = await start(parameters={"temperature": "0.2", "maxTokens": 50})

    response = await runtime.chat(headers={"x-request-id": "r-1", "x-conversation-id": "c-7"}, seed=7)
    request, call = await traced(runtime, receiver)

    assert (request.name, request.parent, request.failed) == ("POST /v1/chat/completions", "", False)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "url.path": "/v1/chat/completions",
        "url.scheme": "http",
        "http.response.status_code": 200,
        "genaiops.release": RELEASE,
        "genaiops.prompt.version": "v1",
        "genaiops.request.id": "r-1",
        "genaiops.answer.id": response.json["id"],
        "genaiops.shadow": False,
        "gen_ai.conversation.id": "c-7",
    }
    assert (call.name, call.trace, call.parent) == ("chat SmolLM2", request.trace, request.id)
    host, port = upstream.endpoint.removeprefix("http://").removesuffix("/v1").split(":")
    assert call.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "SmolLM2",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "text",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 5,
        "genaiops.model": "smollm",
        "server.address": host,
        "server.port": int(port),
    }
    assert 0 < call.seconds <= request.seconds
    about = {"service.name": "support", "service.namespace": "shop", "service.version": RELEASE}
    assert about.items() <= request.resource.items()
    await runtime.until(lambda: runtime.metric("genaiops_spans_total", result="sent") == 2)


async def test_a_stream_is_traced_with_its_first_chunk_and_its_tokens(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    upstream.script.append(streamed("Hi", "!"))
    runtime = await start()

    response = await runtime.chat(stream=True)
    request, call = await traced(runtime, receiver)

    assert request.attributes["genaiops.answer.id"] == response.events[0]["id"]
    assert call.attributes["gen_ai.request.stream"] is True
    assert 0 < call.attributes["gen_ai.response.time_to_first_chunk"] <= call.seconds
    assert call.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert call.attributes["gen_ai.usage.output_tokens"] == 5


async def test_each_attempt_and_the_fallback_have_a_span_of_their_own(
    start: StartRuntime, upstream: Upstream, second: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    upstream.script += [failure(503, headers={"retry-after": "0"})] * 2
    backup = {"name": "backup", "provider": "OpenAI", "model": "big", "endpoint": second.endpoint}
    runtime = await start(fallbacks=[backup], maxRetries=1)

    await runtime.chat()
    request, *calls = await traced(runtime, receiver, calls=3)

    assert [call.attributes["genaiops.model"] for call in calls] == ["smollm", "smollm", "backup"]
    assert [call.attributes.get("error.type") for call in calls] == ["503", "503", None]
    assert [call.failed for call in calls] == [True, True, False]
    assert {call.parent for call in calls} == {request.id}
    assert not request.failed


async def test_a_request_that_fails_says_how(start: StartRuntime, upstream: Upstream, receiver: Receiver) -> None:
    receiver.tell_runtimes()
    upstream.script.append(failure(500, "the database of user 4711 is down"))
    runtime = await start(maxRetries=0)

    await runtime.chat()
    request, _ = await traced(runtime, receiver)

    assert request.attributes["http.response.status_code"] == 502
    assert request.attributes["error.type"] == "provider_error"
    assert request.failed
    assert b"4711" not in b"".join(receiver.bodies)


async def test_a_caller_s_own_mistake_is_no_failure_of_the_app(start: StartRuntime, receiver: Receiver) -> None:
    receiver.tell_runtimes()
    runtime = await start()

    await runtime.chat(n=2)
    (request,) = await traced(runtime, receiver, calls=0)

    assert (request.attributes["http.response.status_code"], request.failed) == (400, False)
    assert request.attributes["error.type"] == "client_error"


async def test_guardrails_decisions_are_events_without_what_they_found(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    upstream.script.append(streamed("the ", "secret is 42"))
    runtime = await start(guardrails=[{"input": EMAIL, "output": [{**SECRETS[0], "dryRun": True}]}])

    await runtime.chat("I am jo@example.com", stream=True)
    request, _ = await traced(runtime, receiver)

    assert request.events == [
        (
            "genaiops.guardrail",
            {
                "genaiops.guardrail.name": "pii",
                "genaiops.guardrail.stage": "input",
                "genaiops.guardrail.action": "Redact",
                "genaiops.guardrail.dry_run": False,
                "genaiops.guardrail.kinds": ["EMAIL"],
            },
        ),
        (
            "genaiops.guardrail",
            {
                "genaiops.guardrail.name": "no-secrets",
                "genaiops.guardrail.stage": "output",
                "genaiops.guardrail.action": "Block",
                "genaiops.guardrail.dry_run": True,
                "genaiops.guardrail.kinds": ["REGEX"],
            },
        ),
    ]
    assert not any(word in b"".join(receiver.bodies) for word in (b"jo@", b"secret is", b"Contoso"))


async def test_a_blocked_stream_breaks_its_call_off_and_both_spans_end(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    upstream.script.append(streamed("One. ", "the secret is 42. ", "Three. ", then="hang", finish=False))
    runtime = await start(guardrails=[{"output": SECRETS}])

    response = await runtime.chat(stream=True)
    request, call = await traced(runtime, receiver)

    assert response.finish_reason == "content_filter"
    assert [name for name, _ in request.events] == ["genaiops.guardrail"]
    assert (call.attributes["genaiops.broken_off"], call.failed, request.failed) == (True, False, False)


async def test_a_guardrail_s_own_model_is_traced_and_so_is_its_failure(
    start: StartRuntime, upstream: Upstream, second: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    second.otherwise = Json({"nothing": "of use"})
    guard = {"name": "guard", "provider": "OpenAI", "model": "guard-1", "endpoint": second.endpoint}
    moderation = {"name": "polite", "detector": {"type": "Moderation", "model": "guard"}}
    runtime = await start(guardrails=[{"input": [moderation], "onError": "Allow"}], guardrailModels=[guard])

    response = await runtime.chat()
    request, asked, _ = await traced(runtime, receiver, calls=2)

    assert response.status == 200
    assert (asked.name, asked.parent) == ("moderations guard-1", request.id)
    assert asked.attributes["genaiops.model"] == "guard"
    failed = {"genaiops.guardrail.name": "polite", "genaiops.guardrail.stage": "input"}
    assert request.events == [("genaiops.guardrail.error", failed)]


# --- whose trace it is ---------------------------------------------------------------------------------------------


async def test_a_caller_s_trace_goes_on_and_reaches_the_model_s_server(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes(sampleRate="0")
    runtime = await start()

    await runtime.chat(headers={"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=1"})
    request, call = await traced(runtime, receiver)

    assert (request.trace, request.parent, request.state) == (TRACE, CALLER, "vendor=1")
    assert upstream.seen[0].headers["traceparent"] == f"00-{TRACE}-{call.id}-01"
    assert upstream.seen[0].headers["tracestate"] == "vendor=1"


@pytest.mark.parametrize(
    ("rate", "sent"),
    [("0", {}), ("1", {"traceparent": f"00-{TRACE}-{CALLER}-00"})],
    ids=["by the app's rate", "by the caller"],
)
async def test_what_is_not_sampled_is_not_sent_and_the_model_s_server_is_told_so(
    start: StartRuntime, upstream: Upstream, receiver: Receiver, rate: str, sent: dict[str, str]
) -> None:
    receiver.tell_runtimes(sampleRate=rate)
    runtime = await start(guardrails=[{"input": EMAIL}])

    await runtime.chat("I am jo@example.com", headers=sent)
    # One that is sampled comes after it, so that nothing is waited for in vain.
    await runtime.chat(headers={"traceparent": f"00-{'a' * 32}-{CALLER}-01"})
    request, _ = await traced(runtime, receiver)

    assert request.trace == "a" * 32
    assert not sampled(upstream.seen[0])


async def test_a_header_that_is_no_trace_begins_a_new_one(start: StartRuntime, receiver: Receiver) -> None:
    receiver.tell_runtimes()
    runtime = await start()

    response = await runtime.chat(headers={"traceparent": "00-nonsense", "tracestate": "=,="})
    request, _ = await traced(runtime, receiver)

    assert (response.status, request.parent) == (200, "")


# --- content -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_content_that_is_wanted_comes_without_personal_data_and_credentials(
    start: StartRuntime, upstream: Upstream, receiver: Receiver, stream: bool
) -> None:
    receiver.tell_runtimes(content=True)
    said = "I wrote to jo@example.com."
    upstream.script.append(streamed(said) if stream else answer(said))
    runtime = await start()

    await runtime.chat("I am jo@example.com, password: hunter2xyz99", stream=stream)
    request, call = await traced(runtime, receiver)

    (asked,) = messages(request, "gen_ai.input.messages")
    assert asked["role"] == "user"
    assert asked["parts"][0]["type"] == "text"
    assert asked["parts"][0]["content"].startswith("I am [EMAIL], password: ")
    part = {"type": "text", "content": "I wrote to [EMAIL]."}
    assert messages(request, "gen_ai.output.messages") == [
        {"role": "assistant", "parts": [part], "finish_reason": "stop"}
    ]
    assert not any("messages" in name for name in call.attributes)
    assert not any(word in b"".join(receiver.bodies) for word in (b"jo@", b"hunter2", b"Contoso"))


async def test_what_a_guardrail_withheld_or_a_caller_keeps_to_itself_stays_in_the_pod(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes(content=True)
    upstream.script += [answer("the secret is 42"), answer("quiet")]
    runtime = await start(guardrails=[{"input": SECRETS, "output": SECRETS}])

    await runtime.chat("tell me")
    withheld, _ = await traced(runtime, receiver)
    await runtime.chat("hush", headers={"x-genaiops-sample": "never"})
    private, *_ = await traced(runtime, receiver, calls=2, requests=2)
    await runtime.chat("my secret")
    refused, *_ = await traced(runtime, receiver, calls=2, requests=3)

    (said,) = messages(withheld, "gen_ai.output.messages")
    assert (said["parts"], said["finish_reason"]) == ([], "content_filter")
    assert not any("messages" in name for name in (*private.attributes, *refused.attributes))
    assert not any(word in b"".join(receiver.bodies) for word in (b"is 42", b"hush", b"quiet", b"my secret"))


async def test_content_is_bounded(start: StartRuntime, upstream: Upstream, receiver: Receiver) -> None:
    receiver.tell_runtimes(content=True)
    runtime = await start()

    await runtime.chat("a " * 10_000)
    long, _ = await traced(runtime, receiver)
    await runtime.chat("a " * 60_000)
    huge, *_ = await traced(runtime, receiver, calls=2, requests=2)

    assert len(messages(long, "gen_ai.input.messages")[0]["parts"][0]["content"]) == 8192
    assert "gen_ai.input.messages" not in huge.attributes


# --- in nobody's way -----------------------------------------------------------------------------------------------


async def test_a_receiver_that_is_down_loses_no_answer_and_is_counted(
    start: StartRuntime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "TRIES", 1)
    receiver.tell_runtimes()
    await receiver.go_down()
    runtime = await start()

    response = await runtime.chat()

    assert response.status == 200
    await runtime.until(lambda: runtime.metric("genaiops_spans_total", result="failed") == 2)


async def test_a_receiver_that_hangs_delays_nobody_and_what_does_not_fit_is_counted(
    start: StartRuntime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "ROOM", 4)
    receiver.tell_runtimes()
    receiver.may_answer.clear()
    runtime = await start()

    first = await runtime.chat()
    await runtime.until(lambda: len(receiver.headers) == 1)
    responses = [first, *[await runtime.chat() for _ in range(10)]]

    assert {response.status for response in responses} == {200}
    dropped = runtime.metric("genaiops_spans_total", result="dropped")
    assert dropped > 0
    receiver.may_answer.set()
    await runtime.until(lambda: runtime.metric("genaiops_spans_total", result="sent") == 22 - dropped)


async def test_what_is_refused_for_now_is_sent_again_and_what_is_refused_for_good_is_counted(
    start: StartRuntime, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    receiver.statuses.append(503)
    runtime = await start()
    await runtime.chat()
    await traced(runtime, receiver)

    receiver.statuses += [400] * 2
    await runtime.chat()
    await runtime.until(lambda: runtime.metric("genaiops_spans_total", result="failed") == 2)
    receiver.statuses.clear()

    receiver.rejects = 1
    await runtime.chat()
    await runtime.until(lambda: runtime.metric("genaiops_spans_total", result="failed") > 2)


async def test_a_receiver_s_key_is_sent_and_told_to_nobody(
    start: StartRuntime, upstream: Upstream, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.tell_runtimes()
    receiver.ask_for("Authorization=Basic%20c2VjcmV0,x-tenant=shop\n")
    runtime = await start()

    await runtime.chat()
    await traced(runtime, receiver)
    # Rotated to something that can't be sent.
    receiver.ask_for("c2VjcmV0")
    await runtime.chat()
    await runtime.until(lambda: runtime.metric("genaiops_spans_total", result="failed") == 2)

    assert (receiver.headers[0]["authorization"], receiver.headers[0]["x-tenant"]) == ("Basic c2VjcmV0", "shop")
    assert "authorization" not in upstream.seen[0].headers
    assert "not of the form" in caplog.text
    assert "c2VjcmV0" not in caplog.text


@pytest.mark.parametrize("text", ["key", "a b=c", "a=b%0d%0ac: d", "=x", "a=ü"])
def test_headers_that_can_not_be_sent_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "headers"
    file.write_text(text)
    with pytest.raises(HeadersError):
        read_headers(file)


def test_headers_come_as_vendors_write_them(tmp_path: Path) -> None:
    assert read_headers(tmp_path / "none") == {}
    (tmp_path / "headers").write_text("Authorization=Basic cGs6c2s=, x-key = a%2Cb ,\n")
    assert read_headers(tmp_path / "headers") == {"authorization": "Basic cGs6c2s=", "x-key": "a,b"}


# --- it comes and goes ---------------------------------------------------------------------------------------------


async def test_settings_come_change_and_go_while_the_process_runs(
    start: StartRuntime, upstream: Upstream, receiver: Receiver
) -> None:
    runtime = await start()
    await runtime.chat()
    assert "traceparent" not in upstream.seen[-1].headers

    receiver.tell_runtimes()
    await runtime.tracing.look()
    await runtime.chat()
    await traced(runtime, receiver)

    receiver.tell_runtimes(sampleRate="0")
    await runtime.tracing.look()
    await runtime.chat()
    assert not sampled(upstream.seen[-1])

    receiver.forget_runtimes()
    await runtime.tracing.look()
    await runtime.chat()
    assert "traceparent" not in upstream.seen[-1].headers
    assert len(receiver.spans) == 2


async def test_settings_that_can_not_be_read_trace_nothing_and_stop_no_answer(
    start: StartRuntime, upstream: Upstream, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.tell_runtimes(sampleRate="often")
    runtime = await start()

    response: Response = await runtime.chat()

    assert response.status == 200
    assert "nothing is traced" in caplog.text
    assert "traceparent" not in upstream.seen[-1].headers


async def test_what_waits_is_sent_at_the_end(
    start: StartRuntime, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LINGER", 3600)
    receiver.tell_runtimes()
    runtime = await start()
    await runtime.chat()
    assert receiver.spans == []

    await runtime.app.finish(30)

    assert len(receiver.spans) == 2


def test_who_traces_nothing_does_not_import_what_traces() -> None:
    program = "import sys, genaiops.runtime.server; sys.exit(any('opentelemetry' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.timeout(60)
async def test_a_pod_that_stops_has_sent_its_traces_to_where_it_was_told_and_through_nobody(
    tmp_path: Path, upstream: Upstream, receiver: Receiver
) -> None:
    receiver.tell_runtimes()
    file, port, nowhere = tmp_path / "release.json", lasting_port(), "http://127.0.0.1:9"
    file.write_text(json.dumps(release(upstream.endpoint)))
    settings = {
        "GENAIOPS_PORT": str(port),
        "GENAIOPS_METRICS_PORT": str(lasting_port()),
        "GENAIOPS_DRAIN_SECONDS": "0",
        "GENAIOPS_TRACING_DIR": str(tmp_path / "tracing"),
        "POD_NAME": "bot-1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": nowhere,
        "http_proxy": nowhere,
    }
    started = await launch(file, **settings)
    pod = Process(started, f"http://127.0.0.1:{port}", "")
    try:
        async with ClientSession() as client:
            await until_ready_is(200, client, pod)
            async with client.post(pod.url + "/v1/chat/completions", json={"messages": []}) as response:
                assert response.status == 200
        started.send_signal(signal.SIGTERM)
        await started.communicate()
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()

    assert started.returncode == 0
    assert [span.resource["k8s.pod.name"] for span in receiver.spans] == ["bot-1"] * 2
