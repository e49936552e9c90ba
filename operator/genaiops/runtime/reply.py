"""What goes back to the caller of one request, over raw ASGI."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from genaiops.providers import sse

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Reply:
    """One response. Every one carries the same headers: who answered, and under which request id."""

    def __init__(self, send: Send, headers: Mapping[str, str], closing: Callable[[], bool]) -> None:
        self._send = send
        self._closing = closing
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.status: int | None = None
        """None until the head was sent."""

    async def json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        """A whole response."""
        data = orjson.dumps(body)
        await self._start(
            status,
            [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(data)).encode()),
                *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
            ],
        )
        await self._send({"type": "http.response.body", "body": data})

    async def start_stream(self) -> None:
        """The head of a stream of events."""
        await self._start(
            200,
            # nginx, and what follows its lead, buffers a stream unless it is told not to.
            [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")],
        )

    async def event(self, data: dict[str, Any] | bytes) -> None:
        """One event of the stream."""
        await self._send({"type": "http.response.body", "body": sse.encode(data), "more_body": True})

    async def end_stream(self, last: dict[str, Any] | bytes) -> None:
        """The stream's last event."""
        await self._send({"type": "http.response.body", "body": sse.encode(last)})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        if self._closing():
            headers.append((b"connection", b"close"))
        await self._send({"type": "http.response.start", "status": status, "headers": [*self._headers, *headers]})
