"""The pods of apps that serve and rest: Ready in the cluster's eyes, and gateways that did what they were told.

One runtime pod and one gateway pod for each app, each with a loopback address of its own, all answered by this process.
"""

import asyncio
import ipaddress
import itertools
import json
from typing import Any

from aiohttp import web
from contestants import NAMESPACE

from genaiops.controller.cluster import MERGE, ApiError, Cluster
from genaiops.manifests.labels import GATEWAY, RUNTIME, app_labels
from genaiops.traffic.envoy.names import READ_ONLY_PORT
from genaiops.traffic.objects import gateway_name

_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_READY = [
    {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    for kind in ("Ready", "ContainersReady")
]


class IdlePods:
    """Makes pods, and answers for them until it is closed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._addresses = (str(ipaddress.ip_address("127.16.0.0") + n) for n in itertools.count(1))
        self._runners: list[web.AppRunner] = []

    async def make(self, app: str, release: str) -> None:
        """The runtime pod of the app's release, and its gateway's."""
        await self._serve_gateway(app, address := next(self._addresses))
        await self._ready_pod(f"{gateway_name(app)}-0", app_labels(app, GATEWAY), address)
        await self._ready_pod(f"{release}-0", app_labels(app, RUNTIME, release), next(self._addresses))

    async def close(self) -> None:
        """Answer no more."""
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))

    async def _ready_pod(self, name: str, labels: dict[str, str], address: str) -> None:
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "runtime", "image": "i:1"}], "automountServiceAccountToken": False},
        }
        await self._cluster.request("POST", _PODS, body=pod)
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": _READY}
        await self._cluster.request("PATCH", f"{_PODS}/{name}/status", body={"status": status}, content_type=MERGE)

    async def _serve_gateway(self, app: str, address: str) -> None:
        async def config(name: str) -> Any:
            path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{gateway_name(app)}"
            try:
                return json.loads(json.loads(await self._cluster.request("GET", path))["data"][name])
            except ApiError as error:
                if error.status != 404:
                    raise
                # A gateway without its configuration does not run yet.
                raise web.HTTPServiceUnavailable from error

        async def routes(_: web.Request) -> web.Response:
            live = await config("rds.json")
            dump = {"version_info": live["version_info"], "route_config": live["resources"][0]}
            return web.json_response({"configs": [dump]})

        async def clusters(_: web.Request) -> web.Response:
            healthy = [{"health_status": {"eds_health_status": "HEALTHY"}}]
            statuses = [
                {"name": resource["name"], "added_via_api": True, "host_statuses": healthy}
                for resource in (await config("cds.json"))["resources"]
            ]
            return web.json_response({"cluster_statuses": statuses})

        served = web.Application()
        served.add_routes([web.get("/config_dump", routes), web.get("/clusters", clusters)])
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, address, READ_ONLY_PORT).start()
        self._runners.append(runner)
