"""A pod takes no requests before one of its models was reached, and says why."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from genaiops.providers.provider import Provider, new_client
from genaiops.runtime.app import App
from genaiops.runtime.collector import Collector
from genaiops.runtime.config import Settings, load_release
from genaiops.runtime.guards import Guards
from genaiops.runtime.reach import wait_for_a_model
from genaiops.runtime.server import new_app, new_metrics, new_providers
from genaiops.runtime.surroundings import ProcessSurroundings
from genaiops.runtime.tracing import Tracing
from ports import lasting_port

from .conftest import release


class ModelServer:
    """A model's server that may not be up yet, or may refuse the key."""

    def __init__(self) -> None:
        self.port = lasting_port()
        self.status = 200
        self._runner: web.AppRunner | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def start(self) -> None:
        async def models(_: web.Request) -> web.Response:
            return web.json_response({"data": []}, status=self.status)

        app = web.Application()
        app.add_routes([web.get("/v1/models", models)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    server = ModelServer()
    yield server
    await server.stop()


@pytest.fixture
async def calls() -> AsyncIterator[ClientSession]:
    async with new_client("test") as client:
        yield client


def runtime(folder: Path, calls: ClientSession, endpoint: str) -> tuple[App, list[Provider]]:
    file = folder / "release.json"
    file.write_text(json.dumps(release(endpoint)))
    loaded, settings = load_release(file), Settings.from_env({"GENAIOPS_CREDENTIALS_DIR": str(folder)})
    metrics = new_metrics(loaded)
    providers = new_providers(loaded, settings, calls, metrics)
    guards = Guards(loaded.spec.content, ProcessSurroundings(loaded.spec.content, calls, folder, metrics), metrics)
    collector, tracing = Collector(settings.sampling_file, calls), Tracing(loaded, folder, calls, metrics)
    return new_app(loaded, providers, guards, metrics, collector, tracing), providers


async def until_it_says(app: App, words: str) -> None:
    async with asyncio.timeout(30):
        while words not in (app.waiting or ""):  # noqa: ASYNC110 - nothing tells of it but the app itself
            await asyncio.sleep(0.01)


async def test_a_model_that_comes_up_later_makes_the_pod_ready(
    tmp_path: Path, calls: ClientSession, model: ModelServer
) -> None:
    # given a release whose model's server is not up
    app, providers = runtime(tmp_path, calls, model.endpoint)
    app.waiting = "not asked yet"
    reaching = asyncio.create_task(wait_for_a_model(app, providers))
    # then the pod says what it can't reach
    await until_it_says(app, f"at {model.endpoint} can't be reached")
    # when the server comes up
    await model.start()
    # then the pod is ready, and asks no more
    async with asyncio.timeout(30):
        await reaching
    assert app.waiting is None


async def test_a_refused_key_is_told(tmp_path: Path, calls: ClientSession, model: ModelServer) -> None:
    # given a server that refuses the API key
    await model.start()
    model.status = 401
    app, providers = runtime(tmp_path, calls, model.endpoint)
    reaching = asyncio.create_task(wait_for_a_model(app, providers))
    # then the pod says so
    await until_it_says(app, "refuses its API key")
    # when the key is accepted, the pod becomes ready
    model.status = 200
    async with asyncio.timeout(30):
        await reaching
    assert app.waiting is None


@pytest.mark.parametrize("status", [403, 404, 405, 500])
async def test_a_server_that_lists_no_models_is_reached_all_the_same(
    tmp_path: Path, calls: ClientSession, model: ModelServer, status: int
) -> None:
    # given a server that has no list of models for us
    await model.start()
    model.status = status
    app, providers = runtime(tmp_path, calls, model.endpoint)
    app.waiting = "not asked yet"
    # then the pod becomes ready: that says nothing about chat completions
    async with asyncio.timeout(30):
        await wait_for_a_model(app, providers)
    assert app.waiting is None
