"""A release on loopback: it plays what the runtime, or a team's own app, answers."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Semaphore, Thread
from typing import Any


@dataclass
class Reply:
    """What the release does with one question."""

    text: str = ""
    status: int = 200
    error: dict[str, Any] | None = None
    finish: str | None = "stop"
    headers: dict[str, str] = field(default_factory=dict)
    streams: bool = True
    breaks_off: bool = False
    """The connection ends before the answer does."""
    usage: dict[str, Any] | None = field(default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 5})
    extra: list[dict[str, Any]] = field(default_factory=list)
    """Deltas before the text."""


Behaviour = Callable[[str, int], Reply]
"""From a question, and how often it was asked before, to the reply."""


class Release:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.at_once = 0
        """The most requests that were under way at a time."""
        self.under_way = 0
        self.gate: Semaphore | None = None
        """Each answer takes one, where there is one."""
        self.lock = Condition()
        self.address = ""

    def await_under_way(self, count: int) -> None:
        """Wait until so many requests wait for their answer."""
        with self.lock:
            assert self.lock.wait_for(lambda: self.under_way >= count, timeout=120), f"{self.under_way} under way"

    @property
    def asked(self) -> list[str]:
        """The questions, in the order in which they came."""
        return [question(body) for body in self.bodies]


def question(body: dict[str, Any]) -> str:
    text = body["messages"][-1]["content"]
    assert isinstance(text, str)
    return text


def parrot(asked: str, _: int) -> Reply:
    """Says what it is told."""
    return Reply(asked)


@contextmanager
def serving(behaviour: Behaviour = parrot) -> Iterator[Release]:
    """A release, until the block ends."""
    release = Release(behaviour)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self._whole(405, {"error": {"message": "POST it"}}, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with release.lock:
                before = release.asked.count(question(body))
                release.bodies.append(body)
                release.times.append(time.monotonic())
                release.under_way += 1
                release.at_once = max(release.at_once, release.under_way)
                release.lock.notify_all()
            try:
                if release.gate:
                    release.gate.acquire()
                reply = release.behaviour(question(body), before)
            finally:
                with release.lock:
                    # Before it is answered: who has an answer may ask again at once.
                    release.under_way -= 1
            try:
                if reply.status != 200:
                    self._whole(reply.status, {"error": reply.error}, reply.headers)
                elif reply.streams:
                    self._stream(reply)
                else:
                    message = {"role": "assistant", "content": reply.text}
                    choice = {"index": 0, "message": message, "finish_reason": reply.finish}
                    self._whole(200, {"choices": [choice], "usage": reply.usage}, {})
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _whole(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _stream(self, reply: Reply) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            words = re.findall(r"\S+\s*|\s+", reply.text)
            for delta in [*reply.extra, *({"content": word} for word in words)]:
                self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            if reply.breaks_off:
                self.close_connection = True
                return
            if reply.error:
                self._event({"error": reply.error})
            if reply.finish:
                self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": reply.finish}]})
            if reply.usage:
                self._event({"choices": [], "usage": reply.usage})
            self._data(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _event(self, data: dict[str, Any]) -> None:
            self._data(b"data: " + json.dumps(data).encode() + b"\n\n")

        def _data(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    release.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield release
    finally:
        if release.gate:
            release.gate.release(1000)
        server.shutdown()
        server.server_close()
        thread.join()
