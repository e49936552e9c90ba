"""The HTTP interface: routes, request ids, error bodies, and the count of every request."""

import asyncio
import re
import uuid
from collections.abc import Awaitable
from time import perf_counter
from typing import Any

import orjson

from genaiops.api.traffic import SHADOW_HEADER
from genaiops.runtime.chat import Chat
from genaiops.runtime.config import Release
from genaiops.runtime.errors import ApiError, ErrorType, bad_request, internal
from genaiops.runtime.logs import logger
from genaiops.runtime.metrics import RATINGS, Metrics
from genaiops.runtime.reply import Receive, Reply, Scope, Send

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request: room for a few images in base64."""
MAX_COMMENT = 4096
"""Characters of a comment on an answer."""

_SHADOW = SHADOW_HEADER.encode()
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Disconnected(Exception):  # noqa: N818 - not an error of ours
    """The caller is gone."""


class App:
    """The ASGI application of one release."""

    def __init__(self, release: Release, chat: Chat, metrics: Metrics) -> None:
        self._release = release
        self._chat = chat
        self._metrics = metrics
        self.draining = False
        """Set when the pod is about to stop: not ready any more, and connections are closed after their answer."""
        self.waiting: str | None = None
        """Why it can't take requests yet; the operator reads it from /readyz and tells it in the app's status."""

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
        started = perf_counter()
        outcome: ErrorType = "internal_error"
        try:
            await self._route(scope, receive, reply, request_id, shadow=_SHADOW in sent)
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
            self._record(scope, reply, request_id, outcome, perf_counter() - started)

    async def _route(self, scope: Scope, receive: Receive, reply: Reply, request_id: str, *, shadow: bool) -> None:
        match scope["method"], scope["path"]:
            case "POST", "/v1/chat/completions":
                if shadow:
                    self._metrics.shadow_requests.inc()
                body = await _body(receive)
                with self._metrics.in_flight.one_more():
                    await _unless_disconnected(receive, self._chat.answer(body, reply, request_id, shadow=shadow))
            case "GET", "/v1/models":
                await reply.json(200, self._models())
            case "POST", "/v1/feedback":
                await reply.json(200, self._feedback(await _body(receive)))
            case "GET" | "HEAD", "/healthz":
                await reply.json(200, {"status": "ok"})
            case "GET" | "HEAD", "/readyz":
                reason = "draining" if self.draining else self.waiting
                await reply.json(503 if reason else 200, {"status": reason or "ok", "release": self._release.name})
            case _, "/v1/chat/completions" | "/v1/feedback" | "/v1/models" | "/healthz" | "/readyz":
                raise bad_request(f"{scope['path']} has no method {scope['method']}", status=405)
            case _:
                raise bad_request(f"there is no {scope['path']} here", code="not_found", status=404)

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

    def _feedback(self, body: bytes) -> dict[str, Any]:
        try:
            feedback = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise bad_request(f"the body is no JSON: {error}") from error
        if not isinstance(feedback, dict):
            raise bad_request("the body must be a JSON object")
        answer = feedback.get("id", feedback.get("response_id"))
        if not isinstance(answer, str) or not 0 < len(answer) <= 256:
            raise bad_request("id must be the id of the answer", "id")
        rating = feedback.get("rating")
        if rating not in RATINGS:
            raise bad_request(f"rating must be one of: {', '.join(RATINGS)}", "rating")
        comment = feedback.get("comment")
        if comment is not None and not (isinstance(comment, str) and len(comment) <= MAX_COMMENT):
            raise bad_request(f"comment must be a string of at most {MAX_COMMENT} characters", "comment")
        self._metrics.feedback.labels(rating).inc()
        return {"id": answer, "object": "feedback", "rating": rating}

    def _record(self, scope: Scope, reply: Reply, request_id: str, outcome: ErrorType, seconds: float) -> None:
        path = scope["path"]
        if path == "/v1/chat/completions" and scope["method"] == "POST":
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
        }
        logger.info("request", extra={"fields": fields})


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
