"""A receiver of traces on loopback (OTLP over HTTP), as a collector or a tracing backend is one."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

KINDS = {Sent.SPAN_KIND_SERVER: "server", Sent.SPAN_KIND_CLIENT: "client"}


@dataclass(frozen=True)
class Received:
    """A span, in Python's own types."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    failed: bool
    state: str
    resource: dict[str, Any]
    seconds: float


class Receiver:
    """What it gets has to be of the shape that the protocol asks for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "tracing"
        self._folder.mkdir()
        self.spans: list[Received] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        """Of the next answers; then 200."""
        self.rejects = 0
        """Spans that each answer says were not taken."""
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def __aenter__(self) -> "Receiver":
        app = web.Application()
        app.add_routes([web.post("/v1/traces", self._take)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.go_down()

    async def go_down(self) -> None:
        """Nobody listens at its address any more."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    def tell_runtimes(self, **settings: Any) -> None:
        """Write the file that the kubelet would."""
        document = {"endpoint": self.address, "namespace": "shop", **settings}
        self._write("tracing.json", json.dumps(document))

    def ask_for(self, headers: str) -> None:
        """Write the file of the Secret."""
        self._write("headers", headers)

    def forget_runtimes(self) -> None:
        """The ConfigMap is gone."""
        (self._folder / "tracing.json").unlink()

    def of(self, kind: str) -> list[Received]:
        """The server's span, or those of calls, in the order in which they came."""
        return [span for span in self.spans if span.kind == kind]

    def _write(self, name: str, text: str) -> None:
        unfinished = self._folder / "new"
        unfinished.write_text(text)
        unfinished.rename(self._folder / name)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        await self.may_answer.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            return web.Response(status=status, headers={"retry-after": "0"})
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            about = _values(resource.resource.attributes)
            self.spans += [_received(span, about) for scope in resource.scope_spans for span in scope.spans]
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = self.rejects
        return web.Response(body=answer.SerializeToString(), content_type="application/x-protobuf")


def _received(span: Sent, resource: dict[str, Any]) -> Received:
    return Received(
        name=span.name,
        kind=KINDS[span.kind],
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        events=[(event.name, _values(event.attributes)) for event in span.events],
        failed=span.status.code == 2,
        state=span.trace_state,
        resource=resource,
        seconds=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    )


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(item) for item in value.array_value.values] if kind == "array_value" else getattr(value, kind)
