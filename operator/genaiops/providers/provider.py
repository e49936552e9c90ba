"""One call of one model over the OpenAI protocol."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, Protocol
from uuid import uuid4

import orjson
from aiohttp import (
    ClientConnectionError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    TCPConnector,
)

from genaiops.api.release import ModelContent
from genaiops.providers.credentials import CredentialError, MountedSecret
from genaiops.providers.sse import DONE, EventParser

CONNECT_TIMEOUT = 5.0
"""Seconds."""
# Shorter than the 5 s after which common Python servers close an idle connection: a reused one is a live one.
IDLE_TIMEOUT = 4.0
_CHAT = "chat/completions"
_PROBE_TIMEOUT = ClientTimeout(total=CONNECT_TIMEOUT)
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


class CallTrace(Protocol):
    """Somebody who follows one call of a model."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What is to be sent with the call, so that the model's server can be followed too."""

    def heard(self, said: Mapping[str, Any]) -> None:
        """The answer, or one chunk of it, as the server sent it."""

    def ended(self, failure: ProviderError | None, *, finished: bool) -> None:
        """The call is over. `finished`: it brought an answer or a failure; else it was broken off on this side."""


Follow = Callable[[ModelContent, str, Mapping[str, Any]], CallTrace | None]
"""Told of a call that begins: the model, the path below its endpoint, the payload. None: nobody follows it."""


def new_client(program: str) -> ClientSession:
    """The HTTP client of the process that is this program.

    A call that is cancelled closes its connection, so the model's server stops too.
    """
    return ClientSession(
        connector=TCPConnector(limit=0, keepalive_timeout=IDLE_TIMEOUT),
        cookie_jar=DummyCookieJar(),
        headers={"user-agent": program, "content-type": "application/json"},
    )


class Provider:
    """A model's server."""

    def __init__(
        self,
        model: ModelContent,
        client: ClientSession,
        timeout: timedelta,
        credentials_dir: Path,
        on_call: Callable[[str, str, float], None] = lambda *_: None,
        follow: Follow = lambda *_: None,
    ) -> None:
        """`on_call` is told of each call: name of the Model, "" or the kind of its failure, seconds."""
        self.model = model
        self._client = client
        self._timeout = ClientTimeout(total=timeout.total_seconds(), sock_connect=CONNECT_TIMEOUT)
        self._base = model.endpoint.rstrip("/")
        key = credentials_dir / model.name / "api-key"
        self._key = MountedSecret(key, f"model {model.name}") if model.credentials else None
        self._on_call = on_call
        self._follow = follow

    async def unreachable(self) -> str | None:
        """Why a call can't succeed, found out without one; None where the server answers at all.

        Not every server lists its models, and not every key may ask for the list: only what rules every call out
        counts.
        """
        try:
            async with self._client.get(
                f"{self._base}/models",
                headers=self._headers(uuid4().hex),
                timeout=_PROBE_TIMEOUT,
                allow_redirects=False,
            ) as response:
                refused = response.status == 401
                return f"the server of model {self.model.name} refuses its API key" if refused else None
        except ProviderError as error:
            return error.message
        except (ClientError, TimeoutError) as error:
            why = str(error) or type(error).__name__
            return f"the server of model {self.model.name} at {self._base} can't be reached: {why}"

    async def complete(self, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """The answer, whole. Raises ProviderError."""
        async with self._called(_CHAT, payload, request_id) as (response, trace):
            return _followed(trace, _answer(await response.read()))

    async def ask(self, path: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that the server answers at this path below its endpoint. Raises ProviderError."""
        async with self._called(path, payload, uuid4().hex) as (response, trace):
            return _followed(trace, _object(await response.read()))

    @asynccontextmanager
    async def stream(self, payload: Mapping[str, Any], request_id: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The answer's chunks. Entering it waits for the response's head; leaving it ends the call.

        Raises ProviderError on entry and while iterating, also where the stream ends without being finished.
        """
        async with self._called(_CHAT, payload, request_id) as (response, trace):
            yield _chunks(response, trace)

    @asynccontextmanager
    async def _called(
        self, path: str, payload: Mapping[str, Any], request_id: str
    ) -> AsyncIterator[tuple[ClientResponse, CallTrace | None]]:
        """The response, once its head says 200, and who follows it."""
        started = perf_counter()
        outcome: str | None = None
        failed: ProviderError | None = None
        trace = self._follow(self.model, path, payload)
        body = orjson.dumps({**payload, "model": self.model.model})
        try:
            try:
                async with self._client.post(
                    f"{self._base}/{path}",
                    data=body,
                    headers=self._headers(request_id) | (dict(trace.headers) if trace else {}),
                    timeout=self._timeout,
                    # An API key goes where the Model says, and nowhere else.
                    allow_redirects=False,
                ) as response:
                    if response.status != 200:
                        raise _status_failure(response, await response.read())
                    yield response, trace
            except (ClientError, TimeoutError) as error:
                raise _transport_failure(error) from error
            outcome = ""
        except ProviderError as failure:
            failed, outcome = failure, failure.kind
            raise
        finally:
            # A call that the caller, or a guardrail, broke off says nothing about the model's server.
            if outcome is not None:
                self._on_call(self.model.name, outcome, perf_counter() - started)
            if trace:
                trace.ended(failed, finished=outcome is not None)

    def _headers(self, request_id: str) -> dict[str, str]:
        headers = {"x-request-id": request_id}
        if self._key:
            try:
                headers["authorization"] = f"Bearer {self._key.read()}"
            except CredentialError as error:
                raise ProviderError(str(error)) from error
        return headers


def _followed(trace: CallTrace | None, said: dict[str, Any]) -> dict[str, Any]:
    if trace:
        trace.heard(said)
    return said


async def _chunks(response: ClientResponse, trace: CallTrace | None) -> AsyncIterator[dict[str, Any]]:
    finished = False
    async for event in _events(response):
        chunk = _followed(trace, _object(event))
        if error := chunk.get("error"):
            raise ProviderError("the model's server broke its answer off", error=_error_object(error))
        finished = finished or any(choice.get("finish_reason") for choice in _choices(chunk))
        yield chunk
    if not finished:
        raise ProviderError("the model's server ended its answer early")


async def _events(response: ClientResponse) -> AsyncIterator[bytes]:
    parser = EventParser()
    async for data in response.content.iter_any():
        for event in parser.feed(data):
            if event == DONE:
                return
            yield event


def _answer(body: bytes) -> dict[str, Any]:
    answer = _object(body)
    if not all(isinstance(choice.get("message"), dict) for choice in _choices(answer)) or not answer["choices"]:
        raise ProviderError("the model's server answered without a message")
    return answer


def _object(data: bytes) -> dict[str, Any]:
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


def _status_failure(response: ClientResponse, body: bytes) -> ProviderError:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    return ProviderError(
        f"the model's server answered with status {response.status}",
        status=response.status,
        retryable=response.status in RETRYABLE,
        retry_after=retry_after(response.headers.get("retry-after"), datetime.now(UTC)),
        error=_error_object(document.get("error") if isinstance(document, dict) else None),
    )


def _error_object(error: object) -> dict[str, Any]:
    return error if isinstance(error, dict) else {}


def _transport_failure(error: Exception) -> ProviderError:
    match error:
        case ConnectionTimeoutError():
            return ProviderError("the model's server can't be reached in time", kind="timeout", retryable=True)
        case TimeoutError():
            return ProviderError("the model's server did not answer in time", kind="timeout")
        case ClientConnectionError() | ClientPayloadError():
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
