"""The process: one event loop, the API and the metrics port, and an end that loses no request."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import closing
from types import FrameType

import uvicorn
from aiohttp import ClientSession
from prometheus_client import start_http_server

from genaiops.providers.provider import Provider, new_client
from genaiops.runtime.app import App
from genaiops.runtime.chat import Chat
from genaiops.runtime.collector import Collector
from genaiops.runtime.config import Release, Settings
from genaiops.runtime.failover import Failover
from genaiops.runtime.feedback import Feedback
from genaiops.runtime.guards import Guards
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.reach import wait_for_a_model, wait_for_guards
from genaiops.runtime.sampler import Sampler
from genaiops.runtime.surroundings import ProcessSurroundings
from genaiops.runtime.tracing import Tracing, follow

logger = logging.getLogger("genaiops.runtime")

KEEP_ALIVE = 3900
"""Seconds. Longer than the hour after which Envoy drops an idle connection: were the server the first to close, a
request could be on its way into a closing connection, and be lost."""

_LAST_SECONDS = 2.0
"""Time for samples, feedback and spans that still wait to be sent when the last answer is out."""


class DrainingServer(uvicorn.Server):
    """A server that, told to stop, first says that it isn't ready, and goes on until nobody sends it anything."""

    def __init__(self, config: uvicorn.Config, app: App, drain: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT; the second ends the drain, the third everything."""
        if self.should_exit:
            self.force_exit = True
        elif self._app.draining:
            self.should_exit = True
        else:
            self._app.draining = True
            logger.info("%s: draining for %g s", signal.Signals(sig).name, self._drain)
            # A signal handler may run inside any line of the loop's own code.
            loop = asyncio.get_running_loop()
            loop.call_soon_threadsafe(loop.call_later, self._drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def new_providers(release: Release, settings: Settings, client: ClientSession, metrics: Metrics) -> list[Provider]:
    """The models of this release, in the order in which they are asked."""
    content = release.spec.content
    models = [content.model, *content.fallbacks]
    return [
        Provider(model, client, content.timeout, settings.credentials_dir, metrics.called, follow) for model in models
    ]


def new_app(
    release: Release,
    providers: Sequence[Provider],
    guards: Guards,
    metrics: Metrics,
    collector: Collector,
    tracing: Tracing,
) -> App:
    """The application of this release."""
    content = release.spec.content
    chat = Chat(content, Failover(providers, content.max_retries, metrics), guards, metrics)
    sampler, feedback = Sampler(release, collector, metrics), Feedback(release, collector, metrics)
    return App(release, chat, metrics, sampler, feedback, tracing)


def new_metrics(release: Release) -> Metrics:
    """The metrics of this release, all at zero."""
    content = release.spec.content
    return Metrics([content.model, *content.fallbacks, *content.guardrail_models], content.guardrails)


def new_server(release: Release, settings: Settings, app: App) -> DrainingServer:
    """The API's server."""
    config = uvicorn.Config(
        app,
        host="0.0.0.0",
        port=settings.port,
        interface="asgi3",
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        # After the drain, what still runs is given the time that one call of a model may take.
        timeout_graceful_shutdown=int(release.timeout.total_seconds()) + 1,
    )
    return DrainingServer(config, app, settings.drain)


async def _wait(app: App, guards: Guards, providers: Sequence[Provider]) -> None:
    await wait_for_guards(app, guards)
    await wait_for_a_model(app, providers)


async def serve(release: Release, settings: Settings) -> None:
    """Serves until SIGTERM, then drains and returns."""
    metrics = new_metrics(release)
    start_http_server(settings.metrics_port, registry=metrics.registry)
    content = release.spec.content
    async with new_client("genaiops-runtime") as client:
        with closing(ProcessSurroundings(content, client, settings.credentials_dir, metrics)) as surroundings:
            providers = new_providers(release, settings, client, metrics)
            guards = Guards(content, surroundings, metrics)
            collector = Collector(settings.sampling_file, client)
            tracing = Tracing(release, settings.tracing_dir, client, metrics)
            await tracing.look()
            app = new_app(release, providers, guards, metrics, collector, tracing)
            app.waiting = "no model was reached yet"
            server = new_server(release, settings, app)
            looking = (collector.file.keep_looking(), tracing.keep_looking())
            beside = [_wait(app, guards, providers), *looking, *app.beside()]
            tasks = [asyncio.create_task(each) for each in beside]
            logger.info("serving release %s on port %d", release.name, settings.port)
            await server.serve()
            await app.finish(_LAST_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    logger.info("stopped")
