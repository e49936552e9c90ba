"""The model's server fails: what is tried again, who is asked next, and what the caller is told."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from genaiops.providers import backoff
from genaiops.providers.provider import retry_after

from .conftest import StartRuntime
from .upstream import Drop, Hang, Upstream, answer, chunk, event, failure, streamed

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_BACKOFF", 0.001)


def model(upstream: Upstream, name: str = "backup") -> dict[str, Any]:
    return {"name": name, "provider": "OpenAI", "model": name.upper(), "endpoint": upstream.endpoint}


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("fault", [failure(503), failure(429), Drop()], ids=["503", "429", "dropped"])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_may_pass_is_tried_again(start: StartRuntime, upstream: Upstream, fault: Any, stream: bool) -> None:
    upstream.script += [fault, fault, streamed("Hello!") if stream else answer()]
    runtime = await start(maxRetries=2)

    assert (await runtime.chat(stream=stream)).text == "Hello!"
    assert runtime.metric("genaiops_retries_total") == 2
    assert runtime.metric("gen_ai_client_operation_duration_seconds_count", error_type="provider_error") == 2
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="") == 1


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_the_server_says_how_long_to_wait(start: StartRuntime, upstream: Upstream, form: str) -> None:
    then = datetime.now(UTC) + timedelta(seconds=2)
    header = "1" if form == "seconds" else then.strftime("%a, %d %b %Y %H:%M:%S GMT")
    upstream.script += [failure(429, headers={"retry-after": header}), answer()]
    runtime = await start()

    before = time.perf_counter()
    assert (await runtime.chat()).status == 200
    assert time.perf_counter() - before > 0.9


async def test_a_server_that_asks_for_too_long_is_not_waited_for(
    start: StartRuntime, upstream: Upstream, second: Upstream
) -> None:
    upstream.otherwise = failure(429, headers={"retry-after": "3600"})
    runtime = await start(fallbacks=[model(second)])
    alone = await start()

    assert (await runtime.chat()).text == "Hello!"
    refused = await alone.chat()

    assert len(upstream.seen) == 2
    assert refused.status == 429
    assert refused.headers["retry-after"] == "3600"
    assert refused.error["code"] == "rate_limit_exceeded"


def test_both_forms_of_retry_after_are_read() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)

    assert retry_after("120", now) == 120
    assert retry_after("Wed, 01 Jan 2025 00:00:30 GMT", now) == 30
    assert retry_after("Tue, 31 Dec 2024 00:00:00 GMT", now) == 0
    assert retry_after("soon", now) is None
    assert retry_after("-1", now) is None
    assert retry_after(None, now) is None


@pytest.mark.usefixtures("no_jitter")
@pytest.mark.parametrize("fault", [failure(500), failure(401), failure(404), failure(503), Drop()])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_model_is_asked_when_one_fails(
    start: StartRuntime, upstream: Upstream, second: Upstream, fault: Any, stream: bool
) -> None:
    upstream.otherwise = fault
    second.otherwise = streamed("Hello!") if stream else answer()
    runtime = await start(fallbacks=[model(second)], maxRetries=1)

    assert (await runtime.chat(stream=stream)).text == "Hello!"
    assert second.seen[0].body["model"] == "BACKUP"
    assert runtime.metric("genaiops_fallbacks_total") == 1
    assert runtime.metric("gen_ai_client_token_usage_count", gen_ai_request_model="backup") == 2


async def test_a_model_that_is_too_slow(start: StartRuntime, upstream: Upstream, second: Upstream) -> None:
    upstream.otherwise = Hang()
    runtime = await start(timeout="200ms", fallbacks=[model(second)])
    alone = await start(timeout="200ms")

    assert (await runtime.chat()).status == 200
    response = await alone.chat()

    assert response.status == 504
    assert response.error["code"] == "timeout"
    assert alone.metric("gen_ai_server_request_duration_seconds_count", error_type="timeout") == 1
    assert len(upstream.seen) == 2, "a timeout is not tried again on the same model"


async def test_a_refusal_of_the_request_itself_is_passed_on(
    start: StartRuntime, upstream: Upstream, second: Upstream
) -> None:
    """It counts as the provider's: a release whose prompt or parameters the model refuses must not look healthy."""
    upstream.otherwise = failure(400, "too many tokens", code="context_length_exceeded", param="messages")
    runtime = await start(fallbacks=[model(second)])

    response = await runtime.chat()

    assert response.status == 400
    assert response.error == {
        "message": "too many tokens",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
    assert second.seen == []
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type="provider_error") == 1


async def test_an_error_of_the_server_tells_nothing_of_its_inside(start: StartRuntime, upstream: Upstream) -> None:
    upstream.otherwise = failure(500, "stack trace at 10.0.0.7")
    runtime = await start()

    response = await runtime.chat()

    assert response.status == 502
    assert "10.0.0.7" not in response.body.decode()


@pytest.mark.parametrize("then", ["break", "end", "error", "hang"])
async def test_a_stream_that_breaks_is_told_and_never_begun_again(
    start: StartRuntime, upstream: Upstream, second: Upstream, then: str
) -> None:
    broken = streamed("One ", "two", then="end" if then == "error" else then, finish=False)
    if then == "error":
        broken = type(broken)([*broken.writes, event({"error": {"message": "overloaded"}})])
    upstream.script.append(broken)
    runtime = await start(fallbacks=[model(second)], timeout="300ms")

    response = await runtime.chat(stream=True)

    assert response.status == 200
    assert "[DONE]" not in response.events
    assert "error" in response.events[-1]
    assert b"One " in response.body
    assert second.seen == []
    outcome = "timeout" if then == "hang" else "provider_error"
    assert runtime.metric("gen_ai_server_request_duration_seconds_count", error_type=outcome) == 1


@pytest.mark.usefixtures("no_jitter")
async def test_a_stream_that_breaks_before_its_first_chunk_goes_to_the_next_model(
    start: StartRuntime, upstream: Upstream, second: Upstream
) -> None:
    upstream.otherwise = type(streamed())([event({"error": {"message": "overloaded"}})])
    second.otherwise = streamed("Hello!")
    runtime = await start(fallbacks=[model(second)])

    assert (await runtime.chat(stream=True)).text == "Hello!"


@pytest.mark.usefixtures("no_jitter")
async def test_retries_never_multiply_an_outage(start: StartRuntime, upstream: Upstream) -> None:
    """Of 100 requests with two retries each, the budget lets a fraction through."""
    upstream.otherwise = failure(503)
    runtime = await start(maxRetries=2)

    responses = [await runtime.chat() for _ in range(100)]

    assert {response.status for response in responses} == {503}
    assert runtime.metric("genaiops_retries_total") < 60
    assert len(upstream.seen) == 100 + runtime.metric("genaiops_retries_total")


async def test_a_rotated_key_is_used_without_a_restart(start: StartRuntime, upstream: Upstream, tmp_path: Path) -> None:
    """The kubelet's way: a directory of the new Secret, and a link that is swapped to it."""
    mount = tmp_path / "credentials" / "smollm"
    mount.mkdir(parents=True)

    def rotate(generation: str, key: str) -> None:
        (mount / generation).mkdir()
        (mount / generation / "api-key").write_text(key + "\n")
        (mount / "new").symlink_to(generation)
        (mount / "new").replace(mount / "..data")

    rotate("1", "first-key")
    (mount / "api-key").symlink_to("..data/api-key")
    secret = {"credentials": {"name": "s", "key": "k"}}
    runtime = await start(model={**model(upstream, "smollm"), **secret})

    await runtime.chat()
    rotate("2", "other-key")
    await runtime.chat()

    assert [seen.headers["authorization"] for seen in upstream.seen] == ["Bearer first-key", "Bearer other-key"]


async def test_a_missing_key_is_the_releases_fault_and_asks_the_next_model(
    start: StartRuntime, upstream: Upstream, second: Upstream
) -> None:
    secret = {"credentials": {"name": "s", "key": "k"}}
    runtime = await start(model={**model(upstream, "smollm"), **secret}, fallbacks=[model(second)])
    alone = await start(model={**model(upstream, "smollm"), **secret})

    assert (await runtime.chat()).status == 200
    response = await alone.chat()

    assert response.status == 502
    assert "API key of model smollm" in response.error["message"]
    assert upstream.seen == []


async def test_a_redirect_is_not_followed(start: StartRuntime, upstream: Upstream, second: Upstream) -> None:
    upstream.otherwise = failure(307, headers={"location": second.endpoint + "/chat/completions"})
    runtime = await start()

    assert (await runtime.chat()).status == 502
    assert second.seen == []


async def test_tool_calls_come_through(start: StartRuntime, upstream: Upstream) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    delta = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    upstream.script += [
        answer(None, tool_calls=[call]),
        type(streamed())([event(chunk({"tool_calls": [delta]})), event(chunk({}, "tool_calls"))]),
    ]
    runtime = await start()

    assert (await runtime.chat()).json["choices"][0]["message"]["tool_calls"] == [call]
    streamed_call = (await runtime.chat(stream=True)).events[0]["choices"][0]["delta"]["tool_calls"]
    assert streamed_call == [delta]
