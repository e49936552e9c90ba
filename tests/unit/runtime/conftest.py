"""A running runtime: the real server on loopback, in front of a scripted model server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from genaiops.providers.provider import new_client
from genaiops.runtime.app import App
from genaiops.runtime.collector import Collector
from genaiops.runtime.config import Settings, load_release
from genaiops.runtime.guards import Guards
from genaiops.runtime.server import DrainingServer, new_app, new_metrics, new_providers, new_server
from genaiops.runtime.surroundings import ProcessSurroundings
from genaiops.runtime.tracing import Tracing

from .upstream import Upstream


class Response:
    """What came back."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The stream's events; the last one is the text [DONE] where the stream ended well."""
        data = [part.removeprefix("data: ") for part in self.body.decode().split("\n\n") if part]
        return [part if part == "[DONE]" else json.loads(part) for part in data]

    @property
    def text(self) -> str:
        """All the text of the answer, streamed or not."""
        if not self.body.startswith(b"data:"):
            return self.json["choices"][0]["message"]["content"]
        deltas = [e["choices"][0]["delta"] for e in self.events if isinstance(e, dict) and e.get("choices")]
        return "".join(delta.get("content") or "" for delta in deltas)

    @property
    def finish_reason(self) -> str | None:
        events = [self.json] if not self.body.startswith(b"data:") else self.events
        reasons = [e["choices"][0]["finish_reason"] for e in events if isinstance(e, dict) and e.get("choices")]
        return reasons[-1]


class Runtime:
    """The running server and its metrics."""

    def __init__(
        self, server: DrainingServer, client: ClientSession, registry: Any, app: App, tracing: Tracing
    ) -> None:
        self.server = server
        self.client = client
        self.app = app
        self.tracing = tracing
        self.answered = 0
        self.port = server.servers[0].sockets[0].getsockname()[1]
        self.registry = registry

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Response:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        async with self.client.request(method, self.url + path, data=data, headers=headers) as response:
            return Response(response.status, response.headers, await response.read())

    async def chat(self, text: str = "Hi", headers: dict[str, str] | None = None, **fields: Any) -> Response:
        body = {"model": "any", "messages": [{"role": "user", "content": text}], **fields}
        response = await self.request("POST", "/v1/chat/completions", body, headers)
        # A request is counted at its end, which is just after the caller has it.
        self.answered += 1
        await self.until(lambda: self.metric("gen_ai_server_request_duration_seconds_count") >= self.answered)
        return response

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples with this name and these labels."""
        return sum(self._samples(name, labels))

    def has(self, name: str, **labels: str) -> bool:
        return bool(self._samples(name, labels))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what happens after the response, such as the last count; the test's timeout is the limit."""
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def _samples(self, name: str, labels: dict[str, str]) -> list[float]:
        samples = [sample for family in self.registry.collect() for sample in family.samples]
        return [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]


def release(endpoint: str, **content: Any) -> dict[str, Any]:
    """A release document as the operator writes it into the ConfigMap."""
    return {
        "name": "support-0123456789",
        "app": "support",
        "hash": "0123456789" + "0" * 54,
        "source": {"prompt": "support", "promptVersion": "v1", "model": "smollm"},
        "content": {
            "prompt": {
                "messages": [{"role": "system", "content": "You work for {{ company }}."}],
                "variables": [{"name": "company", "default": "Contoso"}],
            },
            "model": {"name": "smollm", "provider": "OpenAI", "model": "SmolLM2", "endpoint": endpoint},
            "parameters": {},
            "timeout": "5s",
            "maxRetries": 2,
            "runtime": {"image": "genaiops/runtime:test"},
            **content,
        },
    }


StartRuntime = Callable[..., Awaitable[Runtime]]


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[Upstream]:
    async with Upstream() as server:
        yield server


@pytest.fixture
async def start(tmp_path: Path, upstream: Upstream) -> AsyncIterator[StartRuntime]:
    """Starts a runtime for a release with this content, in front of `upstream`."""
    async with AsyncExitStack() as stack:

        async def started(**content: Any) -> Runtime:
            file = tmp_path / "release.json"
            file.write_text(json.dumps(release(upstream.endpoint, **content)))
            settings = Settings.from_env(
                {
                    "GENAIOPS_RELEASE_FILE": str(file),
                    "GENAIOPS_CREDENTIALS_DIR": str(tmp_path / "credentials"),
                    "GENAIOPS_SAMPLING_FILE": str(tmp_path / "sampling.json"),
                    "GENAIOPS_TRACING_DIR": str(tmp_path / "tracing"),
                    "GENAIOPS_PORT": "0",
                    "GENAIOPS_DRAIN_SECONDS": "0.3",
                }
            )
            loaded = load_release(file)
            metrics = new_metrics(loaded)
            calls = await stack.enter_async_context(new_client("test"))
            client = await stack.enter_async_context(ClientSession())
            providers = new_providers(loaded, settings, calls, metrics)
            content, credentials = loaded.spec.content, settings.credentials_dir
            surroundings = stack.enter_context(closing(ProcessSurroundings(content, calls, credentials, metrics)))
            guards = Guards(content, surroundings, metrics)
            tracing = Tracing(loaded, settings.tracing_dir, calls, metrics)
            await tracing.look()
            app = new_app(loaded, providers, guards, metrics, Collector(settings.sampling_file, calls), tracing)
            server = new_server(loaded, settings, app)
            task = asyncio.create_task(server.serve())
            beside = [asyncio.create_task(each) for each in app.beside()]
            while not server.started:  # noqa: ASYNC110 - uvicorn tells in no other way
                await asyncio.sleep(0.001)

            async def stop() -> None:
                for each in (task, *beside):
                    each.cancel()
                for listener in server.servers:
                    listener.close()
                for each in (task, *beside):
                    with suppress(asyncio.CancelledError):
                        await each

            stack.push_async_callback(stop)
            return Runtime(server, client, metrics.registry, app, tracing)

        yield started
