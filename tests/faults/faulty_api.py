"""A reverse proxy between the operator and the real API server that does what networks and API servers do at times.

It speaks plain HTTP to the operator, on loopback, and TLS to the API server, as the operator's user.
"""

import asyncio
import base64
import json
import random
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from controlplane import ControlPlane
from yarl import URL

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
PASSED_ON = ("Content-Type", "Accept", "User-Agent")

OnTheWay = Callable[[bytes], Iterable[tuple[float, bytes]]]
"""What becomes of a watch event: what is delivered instead, each after how many seconds."""


@dataclass
class Faults:
    """What is wrong just now."""

    delay: float = 0.0
    """Seconds by which every answer comes late."""
    conflicts: bool = False
    """The first try of each write is answered 409, and not carried out."""
    busy: bool = False
    """Every request is answered 429."""
    breaks: bool = False
    """Every other answer is lost: the connection breaks when the API server has done what it was asked for."""
    events: OnTheWay | None = None
    """What becomes of watch events."""


def lost(share: float) -> OnTheWay:
    """That share of the events never arrives."""
    return lambda event: () if random.random() < share else ((0.0, event),)


def repeated(event: bytes) -> Iterable[tuple[float, bytes]]:
    """Each event comes again, once at once and once when it is outdated."""
    return (0.0, event), (0.0, event), (1.5, event)


def late(event: bytes) -> Iterable[tuple[float, bytes]]:
    """Each event takes its own time, so that a later one overtakes an earlier one."""
    return ((random.uniform(0.0, 3.0), event),)


class FaultyApi:
    """The API server as the operator sees it. A context manager."""

    def __init__(self, controlplane: ControlPlane, folder: Path, user: str) -> None:
        self.faults = Faults()
        self.written: list[Any] = []
        """What the API server answered to each write it carried out, but for those of the lease: the new objects."""
        self.after_write: Callable[[str, bool], None] = lambda path, answered: None
        """Called after each with its path, before the operator gets the answer and again when it has got it."""
        self._server = controlplane.url
        self._tls = _tls(controlplane.kubeconfig_for(user, "system:masters"), folder)
        self._tried: set[tuple[str, str]] = set()
        self._answers = 0
        self._watches: set[asyncio.Transport] = set()
        self._under_way: set[asyncio.Task[Any]] = set()
        self.kubeconfig = folder / f"{user}.faulty.kubeconfig"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls, limit=0),
            timeout=aiohttp.ClientTimeout(),
            read_bufsize=2**22,  # a watch event is a line
        )
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "faulty",
            "clusters": [{"name": "faulty", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "faulty", "user": {}}],
            "contexts": [{"name": "faulty", "context": {"cluster": "faulty", "user": "faulty"}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(document))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._session.close()

    def cut(self) -> None:
        """Break every watch that is open."""
        for connection in list(self._watches):
            connection.abort()

    # --- requests -------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.faults.busy:
            await asyncio.sleep(self.faults.delay)
            return _refusal(429, "TooManyRequests", {"Retry-After": "1"})
        if request.query.get("watch") == "true":
            return await self._watch(request)
        if request.method in WRITES and self.faults.conflicts:
            write = (request.method, request.path)
            self._tried ^= {write}
            if write in self._tried:
                return _refusal(409, "Conflict")
        # What was sent is carried out and counted, whether or not who sent it lives to hear of it.
        carried_out = asyncio.create_task(self._carry_out(request, await request.read() or None))
        self._under_way.add(carried_out)
        carried_out.add_done_callback(self._under_way.discard)
        try:
            answer = await asyncio.shield(carried_out)
        except aiohttp.ClientError:
            return _broken(request)
        self._answers += 1
        if self.faults.breaks and self._answers % 2:
            return _broken(request)
        await answer.prepare(request)
        await answer.write_eof()
        if _is_write(request, answer):
            self.after_write(request.path, True)
        return answer

    async def _carry_out(self, request: web.Request, data: bytes | None) -> web.Response:
        async with self._send(request, data=data) as upstream:
            body = await upstream.read()
        await asyncio.sleep(self.faults.delay)
        answer = web.Response(status=upstream.status, body=body, headers=_headers(upstream.headers))
        if _is_write(request, answer):
            self.written.append(json.loads(body))
            self.after_write(request.path, False)
        return answer

    def _send(self, request: web.Request, **options: Any) -> Any:
        url = URL(self._server + request.raw_path, encoded=True)
        headers = {**_headers(request.headers), "Accept-Encoding": "identity"}
        return self._session.request(
            request.method, url, headers=headers, skip_auto_headers=("Content-Type",), **options
        )

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        late: set[asyncio.Task[None]] = set()
        answer = web.StreamResponse()
        connection = request.transport
        assert connection is not None
        self._watches.add(connection)
        try:
            async with self._send(request) as upstream:
                answer.set_status(upstream.status)
                answer.headers.update(_headers(upstream.headers))
                await asyncio.sleep(self.faults.delay)
                await answer.prepare(request)
                async for event in upstream.content:
                    for seconds, delivered in self.faults.events(event) if self.faults.events else ((0.0, event),):
                        if seconds:
                            late.add(asyncio.create_task(_write_later(answer, seconds, delivered)))
                        else:
                            await answer.write(delivered)
        except aiohttp.ClientError:
            return _broken(request)
        finally:
            self._watches.discard(connection)
            for task in late:
                task.cancel()
        return answer


async def _write_later(answer: web.StreamResponse, seconds: float, event: bytes) -> None:
    await asyncio.sleep(seconds)
    await answer.write(event)


def _is_write(request: web.Request, answer: web.Response) -> bool:
    """Whether something was written, other than a lease."""
    return request.method in WRITES and answer.status < 400 and "/leases" not in request.path


def _broken(request: web.Request) -> web.Response:
    """The connection breaks, as that to an API server that is not there, or no more."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def _headers(headers: Any) -> dict[str, str]:
    return {name: headers[name] for name in (*PASSED_ON, "Retry-After") if name in headers}


def _refusal(code: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return web.json_response({**status, "message": f"{reason}, said by a test"}, status=code, headers=headers)


def _tls(kubeconfig: Path, folder: Path) -> ssl.SSLContext:
    """What a kubeconfig with everything in it says of TLS."""
    document = yaml.safe_load(kubeconfig.read_text())
    authority = document["clusters"][0]["cluster"]["certificate-authority-data"]
    user = document["users"][0]["user"]
    certificate, key = folder / "client.crt", folder / "client.key"
    certificate.write_bytes(base64.b64decode(user["client-certificate-data"]))
    key.write_bytes(base64.b64decode(user["client-key-data"]))
    context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
    context.load_cert_chain(certificate, key)
    return context
