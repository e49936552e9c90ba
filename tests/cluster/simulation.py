"""A data plane for tests without a kubelet: pods that become ready, gateways that take up routes, requests counted.

The API server is real and the Deployment controller is real; what a node would do is done here, over real sockets:
each pod gets a loopback address of its own, on which it serves what the operator asks pods for.
"""

import asyncio
import ipaddress
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kubernetes import client
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from tasks import beside
from urllib3.exceptions import HTTPError

BUCKETS = tuple(0.01 * 2**n for n in range(14))
_NETWORK = ipaddress.ip_address("127.0.0.0") + 256 * (os.getpid() % 65000 + 100)
_hosts = itertools.cycle(range(1, 255))
"""Each process has 254 loopback addresses of its own: tests run side by side."""


@dataclass
class Counted:
    """What a pod counts: a runtime, or a collector."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.requests = Histogram(
            "gen_ai_server_request_duration_seconds", "", ["error_type"], buckets=BUCKETS, registry=self.registry
        )
        self.answers = Counter("genaiops_answers", "", ["violated"], registry=self.registry)
        self.sampled = Counter(
            "genaiops_sampled_answers", "", ["release", "evaluator", "defect"], registry=self.registry
        )

    def answer(self, times: int, *, violated: bool = False, seconds: float = 0.1) -> None:
        """Count answers that were given."""
        for _ in range(times):
            self.requests.labels("").observe(seconds)
            self.answers.labels("true" if violated else "false").inc()

    def judge(self, release: str, evaluator: str, times: int, *, defect: bool) -> None:
        """Count sampled answers that were judged: a collector does."""
        self.sampled.labels(release, evaluator, "true" if defect else "false").inc(times)

    def fail(self, times: int) -> None:
        """Count requests that ended in a server error."""
        for _ in range(times):
            self.requests.labels("provider_error").observe(0.1)


@dataclass
class Pod:
    """A simulated pod."""

    name: str
    uid: str
    component: str
    release: str
    address: str
    counted: Counted = field(default_factory=Counted)
    runners: list[web.AppRunner] = field(default_factory=list)


async def honest_metrics(pod: Pod) -> bytes:
    """What the pod has counted, in the text that Prometheus reads."""
    return generate_latest(pod.counted.registry)


class DataPlane:
    """Plays kubelet and containers for all pods of one namespace."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._core = client.CoreV1Api(api)
        self.namespace = namespace
        self.pods: dict[str, Pod] = {}
        self.ready: Callable[[Pod], bool] = lambda pod: True
        """Whether a pod passes its readiness probe."""
        self.config_reaches_gateway = True
        self.metrics = honest_metrics
        """What a runtime pod answers who asks for what it has counted."""
        self.progress: Callable[[Pod], Any] = lambda pod: {"done": 0, "total": 0, "phase": "Running"}
        """What an evaluator's pod answers who asks how far it is."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DataPlane"]:
        """Play until the block ends."""
        try:
            async with beside(self._play()):
                yield self
        finally:
            for pod in list(self.pods.values()):
                await self._stop(pod)

    def of(self, release: str) -> list[Pod]:
        """The live pods of a release."""
        return [pod for pod in self.pods.values() if pod.release == release]

    async def _play(self) -> None:
        while True:
            # What runs on a node goes on running while the API server is away.
            with suppress(HTTPError, client.ApiException):
                await self._sync()
            await asyncio.sleep(0.1)

    async def _sync(self) -> None:
        alive = set()
        for item in await asyncio.to_thread(self._list):
            meta = item["metadata"]
            if meta.get("deletionTimestamp"):
                await self._write(
                    self._core.delete_namespaced_pod, meta["name"], self.namespace, grace_period_seconds=0
                )
                continue
            alive.add(meta["uid"])
            pod = self.pods.get(meta["uid"]) or await self._start(meta)
            await self._report(item, pod)
        for uid in set(self.pods) - alive:
            await self._stop(self.pods.pop(uid))

    def _list(self) -> list[dict[str, Any]]:
        # Typed objects would cost more time than all the rest.
        answer = self._core.list_namespaced_pod(self.namespace, _preload_content=False)
        items: list[dict[str, Any]] = json.loads(answer.data)["items"]
        return items

    @staticmethod
    async def _write(call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        try:
            await asyncio.to_thread(call, *arguments, **options)
        except client.ApiException as refusal:
            if refusal.status not in (404, 409):  # deleted or changed meanwhile
                raise

    async def _start(self, meta: dict[str, Any]) -> Pod:
        labels = meta["labels"]
        pod = Pod(
            name=meta["name"],
            uid=meta["uid"],
            component=labels["genaiops.dev/component"],
            release=labels.get("genaiops.dev/release", ""),
            address=str(_NETWORK + next(_hosts)),
        )
        self.pods[pod.uid] = pod
        if pod.component == "gateway":
            app = labels["genaiops.dev/app"]
            await _serve(pod, 9902, {"/config_dump": self._config_dump(app), "/clusters": self._clusters(app)})
        elif pod.component in ("runtime", "quality"):

            async def metrics(_: web.Request) -> web.Response:
                return web.Response(body=await self.metrics(pod))

            await _serve(pod, 9464, {"/metrics": metrics})
        elif pod.component == "evaluator":

            async def progress(_: web.Request) -> web.Response:
                return web.json_response(self.progress(pod))

            await _serve(pod, 9465, {"/progress": progress})
        return pod

    async def _stop(self, pod: Pod) -> None:
        for runner in pod.runners:
            await runner.cleanup()

    async def _report(self, item: dict[str, Any], pod: Pod) -> None:
        ready = "True" if self.ready(pod) else "False"
        known = {condition["type"]: condition["status"] for condition in item["status"].get("conditions", ())}
        if known.get("Ready") == ready:
            return
        status = {
            "phase": "Running",
            "podIP": pod.address,
            "podIPs": [{"ip": pod.address}],
            "conditions": [
                {"type": kind, "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}
                for kind in ("Ready", "ContainersReady")
            ],
        }
        await self._write(self._core.patch_namespaced_pod_status, pod.name, self.namespace, {"status": status})

    def _config_dump(self, app: str) -> Callable[[web.Request], Any]:
        live: dict[str, Any] = {}

        async def answer(_: web.Request) -> web.Response:
            config = await self._config(app)
            if self.config_reaches_gateway or not live:
                live.update(config["rds.json"])
            dump = {"version_info": live["version_info"], "route_config": live["resources"][0]}
            return web.json_response({"configs": [dump]})

        return answer

    def _clusters(self, app: str) -> Callable[[web.Request], Any]:
        async def answer(_: web.Request) -> web.Response:
            config = await self._config(app)
            names = [resource["name"] for resource in config["cds.json"]["resources"]]
            healthy = {"health_status": {"eds_health_status": "HEALTHY"}}
            statuses = [
                {
                    "name": name,
                    "added_via_api": True,
                    "host_statuses": [healthy for pod in self.of(name) if self.ready(pod)],
                }
                for name in names
            ]
            return web.json_response({"cluster_statuses": statuses})

        return answer

    async def _config(self, app: str) -> dict[str, Any]:
        read = await asyncio.to_thread(self._core.read_namespaced_config_map, f"{app}-gateway", self.namespace)
        return {name: json.loads(text) for name, text in read.data.items()}


async def _serve(pod: Pod, port: int, routes: dict[str, Callable[[web.Request], Any]]) -> None:
    app = web.Application()
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])
    # A pod that ends does not wait for what it has not answered.
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, pod.address, port).start()
    pod.runners.append(runner)
