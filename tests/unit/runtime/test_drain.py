"""A pod is stopped while it serves: the real process, its signals and its exit code."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession

from genaiops.runtime.config import ConfigError, Settings, load_release
from ports import lasting_port

from .conftest import release
from .upstream import Upstream, streamed

pytestmark = pytest.mark.timeout(240)


class Process:
    def __init__(self, process: asyncio.subprocess.Process, url: str, metrics: str) -> None:
        self.process = process
        self.url = url
        self.metrics = metrics


async def launch(file: Path, **env: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "genaiops.runtime",
        env={**os.environ, "GENAIOPS_RELEASE_FILE": str(file), **env},
        stdout=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def process(tmp_path: Path, client: ClientSession, endpoint: str, drain: str) -> AsyncIterator[Process]:
    file = tmp_path / "release.json"
    file.write_text(json.dumps(release(endpoint)))
    port, metrics = lasting_port(), lasting_port()
    settings = {"GENAIOPS_PORT": port, "GENAIOPS_METRICS_PORT": metrics, "GENAIOPS_DRAIN_SECONDS": drain}
    started = await launch(file, **{name: str(value) for name, value in settings.items()})
    running = Process(started, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}/metrics")
    try:
        await until_ready_is(200, client, running)
        yield running
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def until_ready_is(status: int | None, client: ClientSession, running: Process) -> None:
    """None: it takes no more connections. The test's timeout is the limit."""
    while await ready(client, running) != status:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)


async def ready(client: ClientSession, running: Process) -> int | None:
    try:
        async with client.get(running.url + "/readyz") as response:
            return response.status
    except ClientConnectionError:
        return None


async def test_no_request_is_lost_when_a_pod_stops(tmp_path: Path, upstream: Upstream) -> None:
    async with ClientSession() as client, process(tmp_path, client, upstream.endpoint, "0.5") as pod:
        statuses: list[int] = []
        stopped = asyncio.Event()

        async def caller() -> None:
            """A gateway: it sends requests until the pod isn't ready any more."""
            while not stopped.is_set():
                async with client.post(pod.url + "/v1/chat/completions", json={"messages": []}) as response:
                    await response.read()
                    statuses.append(response.status)

        callers = [asyncio.create_task(caller()) for _ in range(8)]
        await upstream.until_asked(50)
        pod.process.send_signal(signal.SIGTERM)
        await until_ready_is(503, client, pod)
        before = len(statuses)
        async with client.post(pod.url + "/v1/chat/completions", json={"messages": []}) as response:
            assert response.status == 200
            assert response.headers["connection"] == "close"
        stopped.set()
        await asyncio.gather(*callers)

        assert await pod.process.wait() == 0
        assert set(statuses) == {200}
        assert len(statuses) >= before


async def test_a_running_stream_is_finished_before_the_end(tmp_path: Path, upstream: Upstream) -> None:
    go_on = asyncio.Event()
    upstream.script.append(streamed("One ", "two ", "three."))
    upstream.pause_after = (2, go_on)
    async with ClientSession() as client, process(tmp_path, client, upstream.endpoint, "0.1") as pod:
        async with client.post(pod.url + "/v1/chat/completions", json={"messages": [], "stream": True}) as response:
            got = await response.content.readany()
            pod.process.send_signal(signal.SIGTERM)
            await until_ready_is(None, client, pod)
            go_on.set()
            got += await response.read()

        assert b"three." in got
        assert got.endswith(b"data: [DONE]\n\n")
        assert await pod.process.wait() == 0


async def test_metrics_have_a_port_of_their_own(tmp_path: Path, upstream: Upstream) -> None:
    async with (
        ClientSession() as client,
        process(tmp_path, client, upstream.endpoint, "0") as pod,
        client.get(pod.metrics) as response,
    ):
        text = await response.text()

    assert 'gen_ai_server_request_duration_seconds_bucket{error_type="",le="81.92"} 0.0' in text
    assert 'genaiops_answers_total{violated="false"} 0.0' in text
    assert "_created" not in text


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (None, "can't read the release"),
        ("{", "is no JSON"),
        ({}, "it has no name"),
        ({"name": "x", "app": "x"}, "content: Field required"),
        ({"prompt": {"messages": [{"role": "system", "content": "{{ nobody }}"}]}}, "undeclared variable 'nobody'"),
        ({"prompt": {"messages": [{"role": "system", "content": "{% if %}"}]}}, "content.prompt.messages[0].content"),
        (
            {"guardrails": [{"input": [{"name": "g", "detector": {"type": "Regex", "patterns": ["("]}}]}]},
            "content.guardrails[0].input[0].detector.patterns[0]",
        ),
    ],
)
def test_a_release_that_can_not_be_served_is_told_with_its_field(tmp_path: Path, document: Any, told: str) -> None:
    file = tmp_path / "release.json"
    if isinstance(document, dict) and document.keys() <= {"prompt", "guardrails"} and document:
        document = release("http://127.0.0.1:9/v1", **document)
    if document is not None:
        file.write_text(document if isinstance(document, str) else json.dumps(document))

    with pytest.raises(ConfigError, match=re.escape(told)):
        load_release(file)


@pytest.mark.parametrize("value", ["soon", "-1", "inf"])
def test_a_setting_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(ConfigError, match=f"GENAIOPS_DRAIN_SECONDS='{value}'"):
        Settings.from_env({"GENAIOPS_DRAIN_SECONDS": value})


async def test_a_process_that_can_not_start_says_why_and_ends(tmp_path: Path) -> None:
    started = await launch(tmp_path / "none")
    output, _ = await started.communicate()

    assert started.returncode == 1
    line = json.loads(output)
    assert line["level"] == "critical"
    assert "can't read the release" in line["message"]
