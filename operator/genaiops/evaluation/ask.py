"""Asking a release as a user would: one question, its answer as a stream, so that the first token is timed, too."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final

from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiolimiter import AsyncLimiter

from genaiops.api.dataset import Row
from genaiops.api.evaluation_run import CHAT_PATH
from genaiops.api.model import Pricing
from genaiops.evaluation.heard import REFUSED, BrokenOffError, Heard, message_of
from genaiops.evaluation.judgement import Answer
from genaiops.providers.backoff import backoff
from genaiops.providers.provider import CONNECT_TIMEOUT, IDLE_TIMEOUT, RETRYABLE, retry_after
from genaiops.providers.sse import DONE, EventParser

REQUEST_TIMEOUT: Final = 300.0
"""Seconds for one answer: the release's own timeouts, retries and fallbacks are to come first."""
TRIES: Final = 6
LONGEST_WAIT: Final = 60.0
"""Seconds. A release that asks to be left alone for longer is not waited for."""
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of one answer."""
_PROBE_TIMEOUT: Final = ClientTimeout(total=CONNECT_TIMEOUT)
_PROBE_INTERVAL: Final = 0.5


class UnansweredError(Exception):
    """There is no answer. That is the release's failure, told in the message."""


class UnreachableError(Exception):
    """Nobody takes requests there."""


class _RetryableError(UnansweredError):
    """It may be answered when asked again."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait
        """Seconds that the release asks to wait."""


def new_client() -> ClientSession:
    """The client of a run. It keeps no cookies: no question has to do with another."""
    return ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=IDLE_TIMEOUT),
        cookie_jar=DummyCookieJar(),
        headers={"user-agent": "genaiops-evaluator", "content-type": "application/json"},
    )


class Asked:
    """A release that is asked. At most `per_minute` requests begin in a minute, evenly spread."""

    def __init__(
        self, address: str, app: str, pricing: Pricing | None, client: ClientSession, per_minute: int | None
    ) -> None:
        self._url = address.rstrip("/") + CHAT_PATH
        self._app = app
        self._pricing = pricing
        self._client = client
        # One at a time and not a bucket of many: a full bucket and what flows in meanwhile are twice as much.
        self._pace = AsyncLimiter(1, 60 / per_minute) if per_minute else None

    async def reach(self, patience: float) -> None:
        """Wait until it answers anything at all. Raises UnreachableError after `patience` seconds."""
        why = "no answer"
        try:
            async with asyncio.timeout(patience):
                while True:
                    try:
                        async with self._client.get(self._url, timeout=_PROBE_TIMEOUT, allow_redirects=False):
                            return
                    except (ClientError, TimeoutError) as error:
                        why = str(error) or type(error).__name__
                        await asyncio.sleep(_PROBE_INTERVAL)
        except TimeoutError:
            raise UnreachableError(f"{self._url} can't be reached within {patience:g} s: {why}") from None

    async def ask(self, row: Row) -> Answer:
        """The answer to a row's question. Raises UnansweredError."""
        body: dict[str, Any] = {
            "model": self._app,
            "messages": [{"role": "user", "content": row.query}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if row.variables:
            body["prompt"] = {"variables": row.variables}
        data = json.dumps(body).encode()
        attempt = 0
        while True:
            if self._pace:
                await self._pace.acquire()
            try:
                return await self._once(data)
            except _RetryableError as failure:
                wait = backoff(attempt, failure.wait)
                attempt += 1
                if attempt == TRIES or wait > LONGEST_WAIT:
                    raise
                await asyncio.sleep(wait)

    async def _once(self, data: bytes) -> Answer:
        heard, answering = Heard(started=perf_counter()), False
        try:
            async with self._client.post(
                self._url,
                data=data,
                timeout=ClientTimeout(total=REQUEST_TIMEOUT, sock_connect=CONNECT_TIMEOUT),
                allow_redirects=False,
            ) as response:
                if response.status != 200:
                    heard.refused = await _refused(response)
                    return heard.answer(self._pricing)
                answering = True
                async for chunk in _chunks(response):
                    heard.take(chunk)
        except BrokenOffError as error:
            raise UnansweredError(f"the answer broke off: {error}") from error
        except ClientConnectionError as error:
            if answering:
                raise UnansweredError("the connection broke off in the middle of the answer") from error
            raise _RetryableError(f"it can't be reached: {str(error) or type(error).__name__}") from error
        except TimeoutError as error:
            raise UnansweredError(f"no answer within {REQUEST_TIMEOUT:g} s") from error
        except (ClientError, ValueError) as error:
            raise UnansweredError(f"the answer can't be read: {str(error)[:200]}") from error
        if not heard.finished:
            raise UnansweredError("the answer broke off")
        return heard.answer(self._pricing)


async def _refused(response: ClientResponse) -> bool:
    """True where a guardrail refused the question. Raises UnansweredError for any other error."""
    error: object = None
    try:
        document = json.loads(await response.content.read(65536))
        error = document.get("error") if isinstance(document, dict) else None
    except ValueError:
        pass  # something in front of the release answers in its own words: the status has to do
    if isinstance(error, dict) and error.get("code") == REFUSED:
        return True
    message = f"it answers {response.status}: {message_of(error)}"
    if response.status in RETRYABLE:
        raise _RetryableError(message, retry_after(response.headers.get("retry-after"), datetime.now(UTC)))
    raise UnansweredError(message)


async def _chunks(response: ClientResponse) -> AsyncIterator[bytes]:
    """The events of the stream; of an app that answers whole, its one object."""
    parser, whole, size = EventParser(), bytearray(), 0
    streams = response.content_type == "text/event-stream"
    async for data in response.content.iter_any():
        size += len(data)
        if size > _LARGEST:
            raise ValueError(f"it is longer than {_LARGEST >> 20} MiB")
        if not streams:
            whole += data
        for event in parser.feed(data) if streams else ():
            if event == DONE:
                return
            yield event
    if not streams:
        yield bytes(whole)
