"""Spans on their way to the receiver of an app's traces: OTLP over HTTP, in nobody's way.

The OpenTelemetry SDK's own exporter has a thread of its own that posts with another HTTP library; this one sends from
the event loop, with the process's client, which follows neither redirects nor the environment's proxies.
https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from aiohttp import ClientError, ClientSession, ClientTimeout

from genaiops.api.tracing import TracingSettings
from genaiops.providers.backoff import LONGEST_BACKOFF, backoff
from genaiops.providers.provider import CONNECT_TIMEOUT, retry_after
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.watched import WatchedFile

if TYPE_CHECKING:
    from genaiops.runtime.spans import Finished

logger = logging.getLogger("genaiops.runtime")

ROOM: Final = 2048
"""Spans that wait to be sent; more are dropped."""
ROOM_FOR_WORDS: Final = 4_000_000
"""Characters of message content that wait with them; a span that brings more goes without its own."""
BATCH: Final = 64
"""Spans in one request."""
_BATCH_WORDS: Final = 1_000_000
LINGER: Final = 1.0
"""Seconds that a span waits for others."""
TRIES: Final = 4
_TELL_EVERY: Final = 60.0
"""Seconds between two lines of the log about spans that were not sent."""
_TIMEOUT: Final = ClientTimeout(total=10.0, sock_connect=CONNECT_TIMEOUT)
_AGAIN: Final = frozenset({429, 502, 503, 504})
_LARGEST_ANSWER: Final = 65_536
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e]*")


class HeadersError(Exception):
    """The headers for the receiver can't be used. The message has none of them."""


class _NotTaken(Exception):  # noqa: N818 - not always an error
    """The receiver did not take a batch. `again`: it may when it is asked once more, after `wait` seconds or so."""

    def __init__(self, message: str, *, again: bool, wait: float | None = None) -> None:
        super().__init__(message)
        self.again = again
        self.wait = wait


class Outbox:
    """Sends spans in batches, and counts what became of them."""

    def __init__(
        self,
        file: WatchedFile[TracingSettings],
        headers: Path,
        client: ClientSession,
        metrics: Metrics,
        encoded: Callable[[Sequence["Finished"]], bytes],
        rejected: Callable[[bytes], int],
    ) -> None:
        """`headers`: the file with what the receiver asks for, which may be absent. `encoded` makes the body of a
        request, `rejected` reads from that of an answer how many spans the receiver did not take."""
        self._file = file
        self._headers = headers
        self._client = client
        self._count = metrics.spans
        self._encoded = encoded
        self._rejected = rejected
        self._waiting: asyncio.Queue[Finished] = asyncio.Queue(ROOM)
        self._words = 0
        self._unsent = 0
        self._enough = asyncio.Event()
        """A batch is full, or nothing more will come."""
        self._ending = asyncio.Event()
        self._told = -_TELL_EVERY
        self._lost = 0

    def put(self, span: "Finished") -> None:
        """A span that is over."""
        if self._waiting.full():
            self._lose("dropped", 1, "more than can be sent")
            return
        if self._words + span.size > ROOM_FOR_WORDS:
            span = span.wordless()
        self._words += span.size
        self._unsent += 1
        self._waiting.put_nowait(span)
        if self._waiting.qsize() >= BATCH:
            self._enough.set()

    async def run(self) -> None:
        """Send batch after batch until cancelled."""
        try:
            while True:
                batch = await self._batch()
                try:
                    await self._deliver(batch)
                except Exception as error:
                    # Nothing about one batch may keep the others from being sent. Only what went wrong: no content.
                    self._lose("failed", len(batch), type(error).__name__)
                finally:
                    self._unsent -= len(batch)
                    for _ in batch:
                        self._waiting.task_done()
        finally:
            if self._unsent:
                logger.warning("%d spans were not sent before the end", self._unsent)

    async def sent(self) -> None:
        """Send what waits, at once and without trying for long; returns when nothing waits."""
        self._ending.set()
        self._enough.set()
        await self._waiting.join()

    async def _batch(self) -> list["Finished"]:
        batch = [await self._waiting.get()]
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._enough.wait()
        size = batch[0].size
        while len(batch) < BATCH and size < _BATCH_WORDS and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
            size += batch[-1].size
        self._words -= size
        if self._waiting.qsize() < BATCH and not self._ending.is_set():
            self._enough.clear()
        return batch

    async def _deliver(self, batch: list["Finished"]) -> None:
        settings = self._file.settings
        if settings is None:
            self._lose("dropped", len(batch), "the app has no tracing any more")
            return
        # Milliseconds of computing, while others wait for their answers.
        body = await asyncio.to_thread(self._encoded, batch)
        for attempt in range(TRIES):
            try:
                rejected = await self._post(settings, body)
            except _NotTaken as error:
                if not error.again or attempt + 1 == TRIES or self._ending.is_set():
                    self._lose("failed", len(batch), str(error))
                    return
                await self._pause(min(backoff(attempt, error.wait), LONGEST_BACKOFF))
            else:
                self._count.labels("sent").inc(len(batch) - rejected)
                if rejected:
                    self._lose("failed", rejected, "the receiver rejected them")
                return

    async def _post(self, settings: TracingSettings, body: bytes) -> int:
        """How many spans the receiver rejected. Raises _NotTaken."""
        try:
            headers = read_headers(self._headers)
            async with self._client.post(
                f"{settings.endpoint.rstrip('/')}/v1/traces",
                data=body,
                headers={**headers, "content-type": "application/x-protobuf"},
                timeout=_TIMEOUT,
                # A key goes where the settings say, and nowhere else.
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    raise _NotTaken(
                        f"the receiver answered with status {response.status}",
                        again=response.status in _AGAIN,
                        wait=retry_after(response.headers.get("retry-after"), datetime.now(UTC)),
                    )
                return self._rejected(await response.content.read(_LARGEST_ANSWER))
        except (ClientError, TimeoutError) as error:
            raise _NotTaken(f"the receiver can't be reached: {type(error).__name__}", again=True) from error
        except HeadersError as error:
            raise _NotTaken(str(error), again=False) from error

    async def _pause(self, seconds: float) -> None:
        """So long, or until the end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    def _lose(self, result: str, spans: int, why: str) -> None:
        self._count.labels(result).inc(spans)
        self._lost += spans
        if monotonic() - self._told >= _TELL_EVERY:
            logger.warning("%d spans were not sent: %s", self._lost, why)
            self._told, self._lost = monotonic(), 0


def read_headers(file: Path) -> dict[str, str]:
    """The headers in the file, ``name=value,name=value`` with values URL-encoded, none where there is no file.

    The form of OTEL_EXPORTER_OTLP_HEADERS; spaces and = may stand in a value as they are, as vendors write them.
    https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables
    Raises HeadersError.
    """
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise HeadersError("the receiver's headers can't be read") from error
    headers = {}
    for item in filter(None, map(str.strip, text.split(","))):
        name, separator, value = item.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not separator or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HeadersError("the receiver's headers are not of the form name=value,name=value")
        headers[name.lower()] = value
    return headers
