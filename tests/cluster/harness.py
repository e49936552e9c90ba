"""The operator as a process, against the control plane, for one namespace."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from controlplane import ControlPlane
from kubernetes import client

from genaiops.api import GROUP, VERSION

ROOT = Path(__file__).parents[2]


class OperatorProcess:
    """``python -m genaiops.controller`` with a namespace, a lease and a user of its own."""

    def __init__(self, controlplane: ControlPlane, namespace: str, log: Path) -> None:
        self.user = f"operator-{namespace}"
        self._kubeconfig = controlplane.kubeconfig_for(self.user, "system:masters")
        self._namespace = namespace
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def start(self) -> Self:
        """Start it; it leads once the lease is its own."""
        self._starts += 1
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "genaiops.controller",
            "--runtime-image=runtime:1",
            "--gateway-image=gateway:1",
        ]
        command += [f"--namespaces={self._namespace}", f"--lease-namespace={self._namespace}", f"--port={port}"]
        command += [f"--identity=operator-{self._starts}"]
        env = {**os.environ, "KUBECONFIG": str(self._kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        return self

    def kill(self) -> None:
        """Kill it without a chance to clean up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)
            self._process = None

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Objects:
    """The objects of one namespace, as a test reads and writes them."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self._api = api
        self._custom = client.CustomObjectsApi(api)

    def create(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
        """Create a custom resource."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind,
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
        return self._custom.create_namespaced_custom_object(GROUP, VERSION, self.namespace, _plural(kind), body)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Read a custom resource."""
        return self._custom.get_namespaced_custom_object(GROUP, VERSION, self.namespace, _plural(kind), name)

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All custom resources of a kind."""
        return self._custom.list_namespaced_custom_object(GROUP, VERSION, self.namespace, _plural(kind))["items"]

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        """Merge-patch a custom resource."""
        return self._custom.patch_namespaced_custom_object(GROUP, VERSION, self.namespace, _plural(kind), name, patch)

    def delete(self, kind: str, name: str) -> None:
        """Delete a custom resource."""
        self._custom.delete_namespaced_custom_object(GROUP, VERSION, self.namespace, _plural(kind), name)

    def deployments(self) -> dict[str, Any]:
        """Deployments by name."""
        listed = client.AppsV1Api(self._api).list_namespaced_deployment(self.namespace)
        return {item.metadata.name: item for item in listed.items}

    def names(self) -> set[str]:
        """``Kind/name`` of everything that carries our label."""
        core, apps = client.CoreV1Api(self._api), client.AppsV1Api(self._api)
        selector = {"label_selector": "app.kubernetes.io/managed-by=genaiops"}
        found = {f"Release/{item['metadata']['name']}" for item in self.all("Release")}
        for kind, listed in (
            ("ConfigMap", core.list_namespaced_config_map(self.namespace, **selector)),
            ("Service", core.list_namespaced_service(self.namespace, **selector)),
            ("Pod", core.list_namespaced_pod(self.namespace, **selector)),
            ("Deployment", apps.list_namespaced_deployment(self.namespace, **selector)),
        ):
            found |= {f"{kind}/{item.metadata.name}" for item in listed.items}
        return found

    def events(self, reason: str) -> list[str]:
        """Messages of the Events with that reason."""
        listed = client.CoreV1Api(self._api).list_namespaced_event(self.namespace)
        return [item.message for item in listed.items if item.reason == reason]


def _plural(kind: str) -> str:
    return {"GuardrailPolicy": "guardrailpolicies", "RolloutPolicy": "rolloutpolicies"}.get(kind, f"{kind.lower()}s")


async def eventually(what: str, condition: Callable[[], Any], within: float = 30.0) -> Any:
    """Wait until the condition gives something true, and return that; fails with what it gave last."""
    deadline = time.monotonic() + within
    while True:
        found = await asyncio.to_thread(condition)
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what}; last: {found!r}")
        await asyncio.sleep(0.1)
