"""A model server on loopback that answers what a test has scripted, down to the single write on the wire."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Json:
    """A whole response."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """A response in chunks, each one write. `then`: end properly, break the connection, or never go on."""

    writes: Sequence[bytes]
    then: str = "end"


@dataclass(frozen=True)
class Hang:
    """Accepts the request and never answers."""


@dataclass(frozen=True)
class Drop:
    """Closes the connection without a word."""


@dataclass(frozen=True)
class Seen:
    """A request that came in."""

    headers: dict[str, str]
    body: dict[str, Any]


USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


def answer(text: str | None = "Hello!", **message: Any) -> Json:
    """A chat completion."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": "stop",
        "logprobs": None,
    }
    return Json({"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE})


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """One chunk of a streamed chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], "usage": None}


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def streamed(*texts: str, then: str = "end", finish: bool = True) -> Stream:
    """An answer whose text comes in these pieces, with its usage at the end."""
    writes = [event(chunk({"role": "assistant", "content": ""}))]
    writes += [event(chunk({"content": text})) for text in texts]
    if finish:
        usage = {**chunk({}), "choices": [], "usage": USAGE}
        writes += [event(chunk({}, "stop")), event(usage), b"data: [DONE]\n\n"]
    return Stream(writes, then)


def failure(status: int, message: str = "no", headers: dict[str, str] | None = None, **error: Any) -> Json:
    """An error in the protocol's shape."""
    return Json({"error": {"message": message, "type": "e", **error}}, status, headers or {})


class Upstream:
    """The server. `script` is what the next requests get, in order; after that, `otherwise`."""

    def __init__(self) -> None:
        self.script: deque[Json | Stream | Hang | Drop] = deque()
        self.otherwise: Json | Stream | Hang | Drop = answer()
        self.echo = False
        """Answer with the last message instead."""
        self.pause_after: tuple[int, asyncio.Event] | None = None
        """After so many writes of a stream, wait for this."""
        self.seen: list[Seen] = []
        self.asked = asyncio.Event()
        self.abandoned = asyncio.Event()
        """Set when a client goes away from an answer that isn't finished."""
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Upstream":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def until_asked(self, times: int) -> None:
        """Returns when this many requests have come in."""
        while len(self.seen) < times:
            self.asked.clear()
            await self.asked.wait()

    @property
    def endpoint(self) -> str:
        assert self._server
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except asyncio.IncompleteReadError:
            pass  # the client has closed a connection that it needs no more
        except ConnectionError:
            self.abandoned.set()
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if head[0].startswith("GET"):
            # A runtime that starts asks whether anybody is there.
            writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\n\r\n")
            return True
        body = await reader.readexactly(int(headers["content-length"]))
        self.seen.append(Seen(headers, json.loads(body)))
        self.asked.set()
        reply = self._echo(self.seen[-1].body) if self.echo else self._next()
        match reply:
            case Json():
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                head_lines = [f"HTTP/1.1 {reply.status} X", f"content-length: {len(data)}"]
                head_lines += [f"{name}: {value}" for name, value in reply.headers.items()]
                writer.write("\r\n".join([*head_lines, "", ""]).encode() + data)
                await writer.drain()
                return True
            case Stream():
                await self._stream(reply, reader, writer)
                return reply.then == "end"
            case Hang():
                await self._abandonment(reader)
        return False

    def _next(self) -> Json | Stream | Hang | Drop:
        return self.script.popleft() if self.script else self.otherwise

    def _echo(self, body: dict[str, Any]) -> Json | Stream:
        text = body["messages"][-1]["content"]
        return streamed(*text) if body.get("stream") else answer(text)

    async def _stream(self, reply: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for number, data in enumerate(reply.writes):
            if self.pause_after and number == self.pause_after[0]:
                await self.pause_after[1].wait()
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
        if reply.then == "end":
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        elif reply.then == "hang":
            await self._abandonment(reader)

    async def _abandonment(self, reader: asyncio.StreamReader) -> None:
        await reader.read(1)
        self.abandoned.set()
