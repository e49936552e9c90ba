"""One call of one model over the OpenAI protocol."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import orjson
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import ConnectTimeoutError, NetworkError, PyreqwestError, RequestTimeoutError
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from genaiops.api.release import ModelContent
from genaiops.runtime.credentials import ApiKey, CredentialError
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.sse import DONE, EventParser

CONNECT_TIMEOUT = timedelta(seconds=5)
# Shorter than the 5 s after which common Python servers close an idle connection: a reused one is a live one.
IDLE_TIMEOUT = timedelta(seconds=4)
RETRYABLE = frozenset({429, 503})
# The server understood and won't: another try, or another model, would only repeat the caller's mistake.
REFUSALS = frozenset({400, 413, 422})


class ProviderError(Exception):
    """A call that brought no answer. The message is fit for the caller: no address, no key, no content."""

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["timeout", "provider_error"] = "provider_error",
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after
        """Seconds that the server asks to wait."""
        self.error = error or {}
        """The server's own `error` object."""

    @property
    def refused(self) -> bool:
        """Whether the server refused the request itself."""
        return self.status in REFUSALS


def new_client() -> Client:
    """The process's HTTP client. Redirects are off: an API key goes where the Model says, and nowhere else."""
    return (
        ClientBuilder()
        .user_agent("genaiops-runtime")
        .follow_redirects(False)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build()
    )


class Provider:
    """A model's server."""

    def __init__(
        self, model: ModelContent, client: Client, timeout: timedelta, credentials_dir: Path, metrics: Metrics
    ) -> None:
        self.model = model
        self._client = client
        self._timeout = timeout
        self._url = model.endpoint.rstrip("/") + "/chat/completions"
        self._key = ApiKey(credentials_dir, model.name) if model.credentials else None
        self._metrics = metrics

    async def complete(self, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """The answer, whole. Raises ProviderError."""
        async with self._measured():
            response = await self._request(payload, request_id).build().send()
            body = memoryview(await response.bytes())
            if response.status != 200:
                raise _status_failure(response, bytes(body))
            return _answer(body)

    @asynccontextmanager
    async def stream(self, payload: Mapping[str, Any], request_id: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The answer's chunks. Entering it waits for the response's head; leaving it ends the call.

        Raises ProviderError on entry and while iterating, also where the stream ends without being finished.
        """
        async with self._measured():
            request = self._request(payload, request_id).streamed_read_buffer_limit(0).build_streamed()
            async with request as response:
                if response.status != 200:
                    raise _status_failure(response, bytes(await response.bytes()))
                yield _chunks(response)

    def _request(self, payload: Mapping[str, Any], request_id: str) -> RequestBuilder:
        request = (
            self._client.post(self._url)
            .header("content-type", "application/json")
            .header("x-request-id", request_id)
            .timeout(self._timeout)
            .body_bytes(orjson.dumps({**payload, "model": self.model.model}))
        )
        if self._key:
            try:
                request = request.bearer_auth(self._key.read())
            except CredentialError as error:
                raise ProviderError(str(error)) from error
        return request

    @asynccontextmanager
    async def _measured(self) -> AsyncIterator[None]:
        started = perf_counter()
        outcome: str | None = None
        try:
            try:
                yield
            except PyreqwestError as error:
                raise _transport_failure(error) from error
            outcome = ""
        except ProviderError as failure:
            outcome = failure.kind
            raise
        finally:
            # A call that the caller, or a guardrail, broke off says nothing about the model's server.
            if outcome is not None:
                duration = self._metrics.call_duration.labels(self.model.name, outcome)
                duration.observe(perf_counter() - started)


async def _chunks(response: Response) -> AsyncIterator[dict[str, Any]]:
    finished = False
    async for event in _events(response):
        chunk = _object(event)
        if error := chunk.get("error"):
            raise ProviderError("the model's server broke its answer off", error=_error_object(error))
        finished = finished or any(choice.get("finish_reason") for choice in _choices(chunk))
        yield chunk
    if not finished:
        raise ProviderError("the model's server ended its answer early")


async def _events(response: Response) -> AsyncIterator[bytes]:
    parser = EventParser()
    while (data := await response.body_reader.read_chunk()) is not None:
        for event in parser.feed(bytes(data)):
            if event == DONE:
                return
            yield event


def _answer(body: memoryview) -> dict[str, Any]:
    answer = _object(body)
    if not all(isinstance(choice.get("message"), dict) for choice in _choices(answer)) or not answer["choices"]:
        raise ProviderError("the model's server answered without a message")
    return answer


def _object(data: bytes | memoryview) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ProviderError("the model's server answered something that is no JSON") from error
    if not isinstance(value, dict):
        raise ProviderError("the model's server answered something that is no chat completion")
    return value


def _choices(chunk: Mapping[str, Any]) -> list[dict[str, Any]]:
    choices = chunk.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise ProviderError("the model's server answered something that is no chat completion")
    return choices


def _status_failure(response: Response, body: bytes) -> ProviderError:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    return ProviderError(
        f"the model's server answered with status {response.status}",
        status=response.status,
        retryable=response.status in RETRYABLE,
        retry_after=retry_after(response.get_header("retry-after"), datetime.now(UTC)),
        error=_error_object(document.get("error") if isinstance(document, dict) else None),
    )


def _error_object(error: object) -> dict[str, Any]:
    return error if isinstance(error, dict) else {}


def _transport_failure(error: PyreqwestError) -> ProviderError:
    match error:
        case ConnectTimeoutError():
            return ProviderError("the model's server can't be reached in time", kind="timeout", retryable=True)
        case RequestTimeoutError():
            return ProviderError("the model's server did not answer in time", kind="timeout")
        case NetworkError():
            return ProviderError("the connection to the model's server failed", retryable=True)
        case _:
            return ProviderError(f"the call of the model's server failed ({type(error).__name__})")


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, in either form (RFC 9110, section 10.2.3). None: absent or invalid."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
