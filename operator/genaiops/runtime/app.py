"""The HTTP interface: routes, request ids, error bodies, and the count of every request."""

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Coroutine, Iterator, Mapping
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Any

from genaiops.api.samples import OPT_OUT_HEADER
from genaiops.api.traffic import SHADOW_HEADER
from genaiops.runtime.chat import Chat
from genaiops.runtime.config import Release
from genaiops.runtime.errors import ApiError, ErrorType, bad_request, internal
from genaiops.runtime.feedback import Feedback
from genaiops.runtime.metrics import Metrics
from genaiops.runtime.reply import Receive, Reply, Scope, Send
from genaiops.runtime.sampler import Sampler
from genaiops.runtime.tracing import Tracing, current
from genaiops.runtime.transcript import Transcript

if TYPE_CHECKING:
    from genaiops.runtime.spans import RequestSpan

logger = logging.getLogger("genaiops.runtime")

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request: room for a few images in base64."""

_SHADOW = SHADOW_HEADER.encode()
_SAMPLE, _NEVER = OPT_OUT_HEADER.encode(), b"never"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Disconnected(Exception):  # noqa: N818 - not an error of ours
    """The caller is gone."""


class App:
    """The ASGI application of one release."""

    def __init__(
        self,
        release: Release,
        chat: Chat,
        metrics: Metrics,
        sampler: Sampler,
        feedback: Feedback,
        tracing: Tracing,
    ) -> None:
        self._release = release
        self._chat = chat
        self._sampler = sampler
        self._feedback = feedback
        self._tracing = tracing
        self._metrics = metrics
        self.draining = False
        """Set when the pod is about to stop: not ready any more, and connections are closed after their answer."""
        self.waiting: str | None = None
        """Why it can't take requests yet; the operator reads it from /readyz and tells it in the app's status."""

    def beside(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What has to run beside the server, until it is cancelled."""
        yield self._sampler.run()
        yield self._feedback.run()
        yield self._tracing.run()

    async def finish(self, seconds: float) -> None:
        """Wait so long for what is still to be sent."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(self._sampler.sent(), self._feedback.sent(), self._tracing.sent())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope["headers"])
        given = sent.get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        headers = {
            "x-request-id": request_id,
            "x-genaiops-release": self._release.name,
            "x-genaiops-prompt-version": self._release.spec.source.prompt_version,
        }
        reply = Reply(send, headers, closing=lambda: self.draining)
        trace = self._tracing.begin(sent, request_id) if _is_chat(scope) else None
        current.set(trace)
        started = perf_counter()
        outcome: ErrorType = "internal_error"
        try:
            await self._route(scope, receive, reply, request_id, sent)
            outcome = ""
        except ApiError as error:
            outcome = error.outcome
            await _send_error(reply, error)
        except Disconnected:
            outcome = "client_error"
        except Exception:
            logger.exception("request failed", extra={"fields": {"request_id": request_id}})
            await _send_error(reply, internal("internal error: the log has more under this request id"))
        finally:
            self._record(scope, reply, request_id, outcome, perf_counter() - started, trace)
            if trace:
                trace.end(reply.status, outcome, shadow=_SHADOW in sent)

    async def _route(
        self, scope: Scope, receive: Receive, reply: Reply, request_id: str, sent: Mapping[bytes, bytes]
    ) -> None:
        match scope["method"], scope["path"]:
            case "POST", "/v1/chat/completions":
                await self._answer(receive, reply, request_id, sent)
            case "GET", "/v1/models":
                await reply.json(200, self._models())
            case "POST", "/v1/feedback":
                status, told = self._feedback.take(await _body(receive))
                await reply.json(status, told)
            case "GET" | "HEAD", "/healthz":
                await reply.json(200, {"status": "ok"})
            case "GET" | "HEAD", "/readyz":
                reason = "draining" if self.draining else self.waiting
                await reply.json(503 if reason else 200, {"status": reason or "ok", "release": self._release.name})
            case _, "/v1/chat/completions" | "/v1/feedback" | "/v1/models" | "/healthz" | "/readyz":
                raise bad_request(f"{scope['path']} has no method {scope['method']}", status=405)
            case _:
                raise bad_request(f"there is no {scope['path']} here", code="not_found", status=404)

    async def _answer(self, receive: Receive, reply: Reply, request_id: str, sent: Mapping[bytes, bytes]) -> None:
        trace = current.get()
        private = sent.get(_SAMPLE, b"").strip().lower() == _NEVER
        sampled = not private and self._sampler.draws()
        traced = trace is not None and trace.content and not private
        flaggable = not private and self._sampler.may_flag
        transcript = Transcript(self._release.name, noted=sampled or traced or flaggable, shadow=_SHADOW in sent)
        if transcript.shadow:
            self._metrics.shadow_requests.inc()
        body = await _body(receive)
        with self._metrics.in_flight.one_more():
            await _unless_disconnected(receive, self._chat.answer(body, reply, request_id, transcript))
        transcript.end()
        if trace:
            trace.answered(transcript, words=traced)
        if sampled or (flaggable and transcript.flagged and self._sampler.draws_flagged()):
            self._sampler.take(transcript, drawn=sampled)

    def _models(self) -> dict[str, Any]:
        content = self._release.spec.content
        model = {
            "id": content.model.model,
            "object": "model",
            "created": 0,
            "owned_by": self._release.spec.app,
            "release": self._release.name,
            "prompt_version": self._release.spec.source.prompt_version,
        }
        return {"object": "list", "data": [model]}

    def _record(
        self,
        scope: Scope,
        reply: Reply,
        request_id: str,
        outcome: ErrorType,
        seconds: float,
        trace: "RequestSpan | None",
    ) -> None:
        path = scope["path"]
        if _is_chat(scope):
            self._metrics.request_duration.labels(outcome).observe(seconds)
        elif path in ("/healthz", "/readyz"):
            return
        fields = {
            "request_id": request_id,
            "method": scope["method"],
            "path": path[:256],
            "status": reply.status,
            "error_type": outcome,
            "seconds": round(seconds, 4),
            **({"trace_id": trace.trace_id} if trace else {}),
        }
        logger.info("request", extra={"fields": fields})


def _is_chat(scope: Scope) -> bool:
    return bool(scope["path"] == "/v1/chat/completions" and scope["method"] == "POST")


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_BODY:
            raise bad_request(f"the body is larger than {MAX_BODY} bytes", status=413)
        if not message.get("more_body"):
            return body


async def _unless_disconnected(receive: Receive, work: Awaitable[None]) -> None:
    """Does the work, or breaks it off (and with it the call of the model) when the caller is gone."""
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Disconnected
        task.result()
    finally:
        watch.cancel()
        if task.cancel():
            await asyncio.wait((task,))


async def _send_error(reply: Reply, error: ApiError) -> None:
    if reply.status is None:
        await reply.json(error.status, error.body(), error.headers)
    else:
        # The head of the stream is gone: clients of the protocol read an error from an event, and see no [DONE].
        await reply.end_stream(error.body())
