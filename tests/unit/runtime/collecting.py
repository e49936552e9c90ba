"""A collector on loopback that keeps what it gets, and answers as a test has told it."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from genaiops.api.samples import GivenFeedback, LiveSample


class FakeCollector:
    """What a runtime sees of the app's collector; what it gets has to be of the shape that the real one takes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "sampling.json"
        self.samples: list[LiveSample] = []
        self.feedback: list[GivenFeedback] = []
        self.bodies: list[str] = []
        self.statuses: list[int] = []
        """Of the next answers; then 202."""
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def __aenter__(self) -> "FakeCollector":
        app = web.Application()
        app.add_routes([web.post("/v1/samples", self._sample), web.post("/v1/feedback", self._rated)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner
        await self._runner.cleanup()

    def tell_runtimes(self, **settings: Any) -> None:
        """Write the file that the operator would."""
        document = {"collector": self.address, "rate": "1", "maxPerMinute": 600, **settings}
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps(document))
        unfinished.rename(self._file)

    async def _sample(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        status = self._status()
        if status == 202:
            self.samples.append(LiveSample.model_validate_json(body))
        return web.Response(status=status)

    async def _rated(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        status = self._status()
        if status == 202:
            self.feedback.append(GivenFeedback.model_validate_json(body))
        return web.Response(status=status)

    async def _body(self, request: web.Request) -> str:
        body = await request.text()
        self.bodies.append(body)
        await self.may_answer.wait()
        return body

    def _status(self) -> int:
        return self.statuses.pop(0) if self.statuses else 202
