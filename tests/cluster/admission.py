"""The webhook as the chart installs it, for an operator that runs as a process of the test: called by URL."""

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from chart import Object, of_kind, render
from controlplane import ControlPlane

from ports import lasting_port

HOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@dataclass(frozen=True)
class Installed:
    """Secret and configurations of a webhook that listens on a port of this machine."""

    cluster: ControlPlane
    name: str
    namespace: str
    """Where the Secret is."""
    port: int

    @property
    def options(self) -> tuple[str, ...]:
        """Arguments of the operator."""
        return (
            "--webhook=on",
            f"--webhook-port={self.port}",
            f"--webhook-secret={self.name}-webhook",
            f"--webhook-configuration={self.name}",
            "--webhook-hosts=127.0.0.1",
        )

    def listens_on(self, port: int) -> None:
        """Have the API server call this port of this machine from now on."""
        for kind in HOOKS:
            hooks = self.configuration(kind)["webhooks"]
            for hook in hooks:
                called_at(hook, port)
            self.cluster.kubectl("patch", kind, self.name, "--type=merge", "-p", yaml.safe_dump({"webhooks": hooks}))

    def configuration(self, kind: str) -> dict[str, Any]:
        """A webhook configuration as it is now."""
        found: dict[str, Any] = yaml.safe_load(self.cluster.kubectl("get", kind, self.name, "-o", "yaml"))
        return found

    def files(self) -> dict[str, bytes]:
        """What the Secret holds now."""
        secret = self.cluster.kubectl("-n", self.namespace, "get", "secret", f"{self.name}-webhook", "-o", "yaml")
        return {name: base64.b64decode(value) for name, value in (yaml.safe_load(secret).get("data") or {}).items()}

    def fill(self, files: dict[str, bytes]) -> None:
        """Have the Secret hold this."""
        data = {name: base64.b64encode(value).decode() for name, value in files.items()}
        patch = yaml.safe_dump({"data": data})
        self.cluster.kubectl("-n", self.namespace, "patch", "secret", f"{self.name}-webhook", "-p", patch)

    def served(self) -> bytes:
        """The certificate that is served to a new connection, in PEM; empty where nobody listens."""
        try:
            return ssl.get_server_certificate(("127.0.0.1", self.port), timeout=5).strip().encode()
        except ConnectionRefusedError:
            return b""

    def disbelief(self) -> list[str]:
        """What the API server would say of a new connection to the webhook, by what it was told to trust."""
        said = []
        for hook in (hook for kind in HOOKS for hook in self.configuration(kind)["webhooks"]):
            bundle = base64.b64decode(hook["clientConfig"]["caBundle"]).decode()
            trust = ssl.create_default_context(cadata=bundle)
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as plain:
                    trust.wrap_socket(plain, server_hostname="127.0.0.1").close()
            except ssl.SSLError as error:
                said.append(f"{hook['name']}: {error}")
        return said


def called_at(hook: dict[str, Any], port: int) -> None:
    """Have a hook called at a port of this machine, whatever it was called at."""
    config = hook["clientConfig"]
    service = config.pop("service", None)
    path = service["path"] if service else f"/{config['url'].rpartition('/')[2]}"
    config["url"] = f"https://127.0.0.1:{port}{path}"


@contextmanager
def installed(
    cluster: ControlPlane, name: str, folder: Path, *, namespace: str, for_namespaces: str = ""
) -> Iterator[Installed]:
    """What the chart installs of the webhook, and people's roles, for all namespaces or for one."""
    webhook = Installed(cluster, name, namespace, lasting_port())
    objects = [_here(item, webhook) for item in _of_the_chart(for_namespaces)]
    manifest = folder / f"{name}.yaml"
    manifest.write_text(yaml.safe_dump_all(objects))
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(manifest))
    try:
        yield webhook
    finally:
        # People's roles stay: others may use them.
        for kind in HOOKS:
            cluster.kubectl("delete", kind, name)


def _of_the_chart(for_namespaces: str) -> list[Object]:
    objects = render(f"watchNamespaces={{{for_namespaces}}}" if for_namespaces else "replicas=1")
    people = [role for role in of_kind(objects, "ClusterRole") if role["metadata"]["name"].startswith("genaiops-")]
    people = [role for role in people if ":" not in role["metadata"]["name"]]
    return [*people, *of_kind(objects, "Secret"), *(item for kind in HOOKS for item in of_kind(objects, kind))]


def _here(item: Object, webhook: Installed) -> Object:
    """The chart's object under a name of the test's own, with an address that the API server reaches."""
    if item["kind"] == "Secret":
        item["metadata"] |= {"name": f"{webhook.name}-webhook", "namespace": webhook.namespace}
    elif item["kind"] in HOOKS:
        item["metadata"]["name"] = webhook.name
        for hook in item["webhooks"]:
            called_at(hook, webhook.port)
    return item
