"""How far a run is, over HTTP, for the operator."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from genaiops.api.evaluation import EvaluationSummary


@asynccontextmanager
async def serving(port: int, progress: Callable[[], EvaluationSummary]) -> AsyncIterator[None]:
    """GET /progress answers the EvaluationSummary of the moment, GET /healthz 200, until the block ends."""

    async def tell(_: web.Request) -> web.Response:
        return web.json_response(progress().to_manifest())

    async def live(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.add_routes([web.get("/progress", tell), web.get("/healthz", live)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
