"""Traces of requests, where the app has `tracing`. Where it has none, OpenTelemetry is not even imported."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import ClientSession

from genaiops.api.release import ModelContent
from genaiops.api.tracing import TRACING_FILE, TRACING_HEADERS, TracingSettings
from genaiops.providers.provider import CallTrace
from genaiops.runtime.config import Release
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.outbox import Outbox
from genaiops.runtime.watched import LOOK_EVERY, WatchedFile

if TYPE_CHECKING:
    from genaiops.runtime.spans import Finished, RequestSpan, Spans

logger = logging.getLogger("genaiops.runtime")

current: Final[ContextVar["RequestSpan | None"]] = ContextVar("current", default=None)
"""The span of the request that is being answered: guardrails call models, too, and know nothing of requests."""


def follow(model: ModelContent, path: str, payload: Mapping[str, Any]) -> CallTrace | None:
    """See providers.Follow: a call that is made for a request which is traced."""
    request = current.get()
    return request.call(model, path, payload) if request else None


class Tracing:
    """Traces the requests to one release."""

    def __init__(self, release: Release, folder: Path, client: ClientSession, metrics: Metrics) -> None:
        """`folder` has the settings and what the receiver asks for; both may be absent, and change."""
        self._release = release
        self._file = WatchedFile(folder / TRACING_FILE, TracingSettings, "nothing is traced")
        self._outbox = Outbox(self._file, folder / TRACING_HEADERS, client, metrics, _encoded, _rejected)
        self._made_for: TracingSettings | None = None
        self._spans: Spans | None = None

    def begin(self, headers: Mapping[bytes, bytes], request_id: str) -> "RequestSpan | None":
        """The span of a chat completion with these headers; None where nothing is traced."""
        return self._spans.begin(headers, request_id) if self._spans else None

    async def look(self) -> None:
        """Do as the settings say now."""
        self._file.look()
        settings = self._file.settings
        if settings is self._made_for:
            return
        self._made_for = settings
        try:
            # In a thread: the first import takes some 30 ms, while others wait for their answers.
            self._spans = await asyncio.to_thread(self._new_spans, settings) if settings else None
        except Exception:
            logger.exception("nothing is traced")
            self._spans = None
        else:
            logger.info("requests are traced" if settings else "requests are not traced any more")

    def _new_spans(self, settings: TracingSettings) -> "Spans":
        spans: Spans = import_module("genaiops.runtime.spans").Spans(self._release, settings, self._outbox)
        return spans

    async def keep_looking(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.look()

    async def run(self) -> None:
        """Send spans until cancelled."""
        await self._outbox.run()

    async def sent(self) -> None:
        """Returns when no span waits to be sent any more."""
        await self._outbox.sent()


def _encoded(spans: Sequence["Finished"]) -> bytes:
    body: bytes = import_module("genaiops.runtime.spans").encoded(spans)
    return body


def _rejected(answer: bytes) -> int:
    spans: int = import_module("genaiops.runtime.spans").rejected(answer)
    return spans
