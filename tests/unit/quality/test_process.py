"""The collector's process, from its start to its end."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession

from ports import lasting_port

from .given import V1, sample_document

pytestmark = pytest.mark.timeout(240)
SETTINGS: dict[str, Any] = {
    "namespace": "team",
    "app": "support",
    "maxPerMinute": 100,
    "retention": "720h",
    "evaluators": [{"name": "digits", "type": "Regex", "pattern": "[0-9]"}],
}


class Process:
    """`python -m genaiops.quality` with its files in a folder."""

    def __init__(self, folder: Path, client: ClientSession) -> None:
        self.folder = folder
        self._client = client
        self.port, self.reports_port, self.metrics_port = (lasting_port() for _ in range(3))
        self.running: asyncio.subprocess.Process

    async def start(self, **settings: Any) -> None:
        (self.folder / "collector.json").write_text(json.dumps({**SETTINGS, **settings}))
        options = {
            "settings": self.folder / "collector.json",
            "dsn": self.folder / "dsn",
            "data": self.folder,
            "credentials": self.folder,
            "port": self.port,
            "reports-port": self.reports_port,
            "metrics-port": self.metrics_port,
        }
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self.running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "genaiops.quality", *arguments, stdout=asyncio.subprocess.PIPE
        )

    async def ready(self) -> None:
        while self.running.returncode is None:
            try:
                async with self._client.get(f"http://127.0.0.1:{self.port}/readyz") as response:
                    if response.status == 200:
                        return
            except ClientConnectionError:
                await asyncio.sleep(0.02)
        raise AssertionError("it ended before it was ready")

    async def post(self, path: str, body: Any) -> int:
        async with self._client.post(f"http://127.0.0.1:{self.port}{path}", json=body) as response:
            return response.status

    async def get(self, port: int, path: str) -> str:
        async with self._client.get(f"http://127.0.0.1:{port}{path}") as response:
            return await response.text()

    async def end(self) -> tuple[int | None, str]:
        """Exit code and log."""
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGTERM)
        log, _ = await self.running.communicate()
        return self.running.returncode, log.decode()


StartProcess = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartProcess]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(ClientSession())

        async def started(**settings: Any) -> Process:
            process = Process(tmp_path, client)
            await process.start(**settings)
            stack.push_async_callback(process.end)
            return process

        yield started


async def test_a_sample_is_judged_counted_and_still_there_after_a_restart(start: StartProcess) -> None:
    first = await start()
    await first.ready()
    sample = sample_document(V1, answer="no number", time=datetime.now(UTC).isoformat())
    assert await first.post("/v1/samples", sample) == 202
    series = f'genaiops_sampled_answers_total{{defect="true",evaluator="digits",release="{V1}"}} 1.0'
    while series not in (await first.get(first.metrics_port, "/metrics")):  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.02)
    code, log = await first.end()
    assert code == 0
    assert "no number" not in log

    second = await start()
    await second.ready()
    (told,) = json.loads(await second.get(second.reports_port, "/v1/summary"))["releases"]
    assert (told["samples"], told["evaluators"][0]["defects"]["count"]) == (1, 1)


async def test_a_detector_whose_model_is_down_is_an_error_of_the_judge_and_the_others_judge_on(
    start: StartProcess,
) -> None:
    moderation = {"name": "harmless", "type": "Guardrail", "detector": {"type": "Moderation", "model": "guard"}}
    guard = {"name": "guard", "provider": "OpenAI", "model": "m", "endpoint": "http://127.0.0.1:1/v1"}
    process = await start(evaluators=[moderation, *SETTINGS["evaluators"]], models=[guard])
    await process.ready()
    assert await process.post("/v1/samples", sample_document(V1, time=datetime.now(UTC).isoformat())) == 202
    failed = f'genaiops_judge_errors_total{{evaluator="harmless",release="{V1}"}} 1.0'
    while failed not in (text := await process.get(process.metrics_port, "/metrics")):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert f'genaiops_sampled_answers_total{{defect="true",evaluator="digits",release="{V1}"}} 1.0' in text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"retention": "soon"}, "its image"),
        ({"evaluators": [{"name": "x", "type": "Regex", "pattern": "("}]}, "evaluators[0]"),
    ],
)
async def test_what_it_can_t_do_it_says_and_ends(start: StartProcess, settings: dict[str, Any], said: str) -> None:
    process = await start(**settings)
    await process.running.wait()
    code, log = await process.end()
    assert code == 1
    assert said in json.loads(log.splitlines()[-1])["message"]


async def test_a_database_that_is_not_there_is_told_without_its_password(start: StartProcess, tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text("postgresql://me:hunter2@127.0.0.1:1/quality")
    process = await start()
    await process.running.wait()
    code, log = await process.end()
    assert code == 1
    assert "the database can't be used" in log
    assert "hunter2" not in log
