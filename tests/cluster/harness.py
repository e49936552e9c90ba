"""What stories need: the operator as a process, and the objects of a namespace."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from controlplane import REPOSITORY, ControlPlane
from kubernetes import client

from genaiops.api import GROUP, VERSION
from genaiops.api.kinds import KINDS
from ports import lasting_port

PLURALS = {kind.name: kind.plural for kind in KINDS}
OURS = "app.kubernetes.io/managed-by=genaiops"

Manifest = dict[str, Any]


class OperatorProcess:
    """``python -m genaiops.controller`` with a user of its own, for one namespace or for the whole cluster."""

    def __init__(
        self,
        controlplane: ControlPlane,
        folder: Path,
        *,
        namespace: str | None = None,
        name: str = "operator",
        options: Sequence[str] = (),
        kubeconfig: Path | None = None,
    ) -> None:
        self.user = f"{name}-{namespace}" if namespace else name
        self._kubeconfig = kubeconfig or controlplane.kubeconfig_for(self.user, "system:masters")
        self._arguments = ["--runtime-image=runtime:1", "--gateway-image=gateway:1", "--evaluator-image=evaluator:1"]
        self._arguments += [f"--namespaces={namespace or ''}", f"--lease-namespace={namespace or 'default'}"]
        self._arguments += options
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._port = 0

    def start(self) -> Self:
        """Start it; it leads once the lease is its own."""
        self._starts += 1
        command = [sys.executable, "-m", "genaiops.controller", *self._arguments_of_this_start()]
        env = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
        env |= {"KUBECONFIG": str(self._kubeconfig), "PYTHONPATH": str(REPOSITORY / "operator")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        return self

    def _arguments_of_this_start(self) -> list[str]:
        self._port = lasting_port()
        return [*self._arguments, f"--port={self._port}", f"--identity={self.identity}"]

    @property
    def identity(self) -> str:
        """Its name in the lease, another one at each start."""
        return f"{self.user}-{self._starts}"

    def kill(self) -> None:
        """Kill it without a chance to clean up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
            finally:
                self._process = None

    def freeze(self) -> None:
        """Stop it where it is, as a machine that is overloaded does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def leads(self, within: float = 30.0) -> None:
        """Wait until it leads."""
        await eventually(f"{self.identity} leads", lambda: f"{self.identity} leads" in self.log, within)

    async def ends(self) -> int:
        """Wait until it ends by itself, and give its exit code."""
        process = self._process
        assert process is not None
        self._process = None
        return await asyncio.to_thread(process.wait, 30)

    def ready(self) -> str:
        """What /readyz says: ``ok``, or why it is not ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
                return str(answer.read().decode()).strip()
        except urllib.error.HTTPError as refusal:
            return refusal.read().decode().strip()
        except OSError as nobody:
            return str(nobody)

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return self._log.read_text() if self._log.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class Objects:
    """The objects of one namespace, as a test reads and writes them."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self.core = client.CoreV1Api(api)
        self.apps = client.AppsV1Api(api)
        self._policy = client.PolicyV1Api(api)
        self._network = client.NetworkingV1Api(api)
        self._custom = client.CustomObjectsApi(api)

    def create(self, kind: str, name: str, spec: Manifest, **metadata: Any) -> Manifest:
        """Create a custom resource."""
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": kind,
            "metadata": {"name": name, **metadata},
            "spec": spec,
        }
        return self._custom.create_namespaced_custom_object(*self._of(kind), body)

    def get(self, kind: str, name: str) -> Manifest:
        """Read a custom resource."""
        return self._custom.get_namespaced_custom_object(*self._of(kind), name)

    def all(self, kind: str) -> list[Manifest]:
        """All custom resources of a kind."""
        return self._custom.list_namespaced_custom_object(*self._of(kind))["items"]

    def patch(self, kind: str, name: str, patch: Manifest) -> Manifest:
        """Merge-patch a custom resource."""
        return self._custom.patch_namespaced_custom_object(*self._of(kind), name, patch)

    def replace_spec(self, kind: str, name: str, spec: Manifest) -> None:
        """Replace the spec of a custom resource: fields that it does not have are gone."""
        before = self.get(kind, name)["spec"]
        self.patch(kind, name, {"spec": _merge_patch(before, spec)})

    def patch_status(self, kind: str, name: str, status: Manifest) -> Manifest:
        """Merge-patch the status of a custom resource."""
        return self._custom.patch_namespaced_custom_object_status(*self._of(kind), name, {"status": status})

    def delete(self, kind: str, name: str) -> None:
        """Delete a custom resource."""
        self._custom.delete_namespaced_custom_object(*self._of(kind), name)

    def _of(self, kind: str) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, PLURALS[kind]

    def status(self, app: str = "support") -> Manifest:
        """The status of an LLMApp."""
        return self.get("LLMApp", app).get("status", {})

    def condition(self, kind: str, name: str, type_: str = "Ready") -> Manifest:
        """The condition of that type of a custom resource, or an empty dict."""
        conditions = self.get(kind, name).get("status", {}).get("conditions", ())
        return next((condition for condition in conditions if condition["type"] == type_), {})

    def deployments(self) -> dict[str, Any]:
        """Deployments by name."""
        return {item.metadata.name: item for item in self.apps.list_namespaced_deployment(self.namespace).items}

    def names(self) -> set[str]:
        """``Kind/name`` of everything that carries our label."""
        found = {f"Release/{item['metadata']['name']}" for item in self.all("Release")}
        for kind, listed in (
            ("ConfigMap", self.core.list_namespaced_config_map(self.namespace, label_selector=OURS)),
            ("Service", self.core.list_namespaced_service(self.namespace, label_selector=OURS)),
            ("Pod", self.core.list_namespaced_pod(self.namespace, label_selector=OURS)),
            ("Deployment", self.apps.list_namespaced_deployment(self.namespace, label_selector=OURS)),
            ("NetworkPolicy", self._network.list_namespaced_network_policy(self.namespace, label_selector=OURS)),
            (
                "PodDisruptionBudget",
                self._policy.list_namespaced_pod_disruption_budget(self.namespace, label_selector=OURS),
            ),
        ):
            found |= {f"{kind}/{item.metadata.name}" for item in listed.items}
        return found

    def events(self, reason: str, name: str = "support") -> list[str]:
        """Messages of an object's Events with that reason, the oldest first."""
        listed = self.core.list_namespaced_event(self.namespace, field_selector=f"involvedObject.name={name}")
        # Of one second the API server's own order.
        made = lambda item: (item.metadata.creation_timestamp, int(item.metadata.resource_version))  # noqa: E731
        told = sorted(listed.items, key=made)
        return [item.message for item in told if item.reason == reason]


def _merge_patch(before: Manifest, after: Manifest) -> Manifest:
    """What turns the one into the other (RFC 7396)."""
    patch: Manifest = dict.fromkeys(before.keys() - after.keys())
    for name, value in after.items():
        old = before.get(name)
        patch[name] = _merge_patch(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return patch


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
