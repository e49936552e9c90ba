"""Plays Prometheus and its adapter: the API of external metrics, behind the real API server."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import trustme
from aiohttp import web
from controlplane import ControlPlane

from ports import lasting_port

API = "external.metrics.k8s.io"
PATH = f"/apis/{API}/v1beta1"


class ExternalMetrics:
    """Requests under way, by release, of the apps of one namespace."""

    def __init__(self, controlplane: ControlPlane, namespace: str) -> None:
        self._controlplane, self._namespace = controlplane, namespace
        self.in_flight: dict[tuple[str, str], int] = {}
        """By app and release."""

    @asynccontextmanager
    async def served(self, folder: Path) -> AsyncIterator[None]:
        """Until the block ends, to whoever asks the API server."""
        port = lasting_port()
        app = web.Application()
        app.add_routes(
            [web.get(PATH, self._kinds), web.get(f"{PATH}/namespaces/{self._namespace}/{{metric}}", self._values)]
        )
        trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trustme.CA().issue_cert("localhost").configure_cert(trust)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=trust).start()
        file = folder / "external-metrics.json"
        file.write_text(json.dumps(self._registration(port)))
        self._controlplane.kubectl("apply", "-f", str(file))
        try:
            yield
        finally:
            self._controlplane.kubectl("delete", "-f", str(file))
            await runner.cleanup()

    def _registration(self, port: int) -> dict[str, object]:
        service = {"name": "external-metrics", "namespace": self._namespace}
        named = {"apiVersion": "v1", "kind": "Service", "metadata": service}
        group = {"group": API, "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100}
        reached = {"service": {**service, "port": port}, "insecureSkipTLSVerify": True}
        registered = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService"}
        items = [
            {**named, "spec": {"type": "ExternalName", "externalName": "localhost"}},
            {**registered, "metadata": {"name": f"v1beta1.{API}"}, "spec": {**group, **reached}},
        ]
        return {"apiVersion": "v1", "kind": "List", "items": items}

    async def _kinds(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{API}/v1beta1", "resources": []}
        )

    async def _values(self, request: web.Request) -> web.Response:
        wanted = dict(pair.split("=") for pair in request.query["labelSelector"].split(","))
        found = [({"app": app, "release": release}, value) for (app, release), value in self.in_flight.items()]
        items = [
            {
                "metricName": request.match_info["metric"],
                "metricLabels": labels,
                "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "value": str(value),
            }
            for labels, value in found
            if wanted.items() <= labels.items()
        ]
        return web.json_response(
            {"kind": "ExternalMetricValueList", "apiVersion": f"{API}/v1beta1", "metadata": {}, "items": items}
        )
