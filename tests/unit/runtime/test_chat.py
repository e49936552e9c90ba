"""A caller talks to the runtime; the runtime talks to the model as the release says."""

import pytest

from .conftest import StartRuntime
from .upstream import Upstream, streamed

pytestmark = pytest.mark.timeout(20)


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


async def test_a_stream_reaches_the_caller_with_its_end(start: StartRuntime, upstream: Upstream) -> None:
    upstream.script.append(streamed("Hel", "lo", "!"))
    runtime = await start()

    response = await runtime.chat(stream=True)

    assert response.headers["content-type"] == "text/event-stream"
    assert response.text == "Hello!"
    assert response.finish_reason == "stop"
    assert response.events[-1] == "[DONE]"
    assert runtime.metric("gen_ai_server_time_to_first_token_seconds_count") == 1
