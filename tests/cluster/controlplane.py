"""A Kubernetes control plane without nodes, for tests: the real API server, its store and its controllers.

No container, no root: three processes on free loopback ports, up in a few seconds. Deployments become ReplicaSets and
Pods that never run; owner references, namespaces, RBAC, admission and CRDs work as in any cluster.
"""

import base64
import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import trustme
import yaml
from kubernetes import client, config

from ports import lasting_port

REPOSITORY = Path(__file__).parents[2]
CRDS = REPOSITORY / "crds"

CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "horizontal-pod-autoscaler-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
)

ADMIN = "admin"

# Every write, with who and what, but not its body. Blocking: a request that was answered is in the log.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]}],
}


def built_tools() -> Path:
    """The folder of kube-apiserver, kubectl and the others; built first if this machine has none yet (minutes)."""
    printed = subprocess.run([REPOSITORY / "hack/kind/tools"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return Path(printed.splitlines()[-1])


class ControlPlaneError(Exception):
    """A process of the control plane did not come up, or kubectl or helm failed; the message has what they said."""


@dataclass(frozen=True)
class Write:
    """A write the API server answered, from its audit log."""

    at: datetime
    user: str
    verb: str
    resource: str
    """Plural, with the subresource if any: ``llmapps``, ``llmapps/status``."""
    namespace: str
    name: str
    code: int


class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager with their files in `folder`, with our CRDs installed.

    A context manager: entering starts them and returns when requests are served, leaving stops them. They die with the
    thread that entered, whatever ends it.
    """

    def __init__(self, folder: Path, tools: Path, controllers: Sequence[str] = CONTROLLERS) -> None:
        self._folder = folder
        self._tools = tools
        self._controllers = controllers
        self._processes: list[subprocess.Popen[bytes]] = []
        self._commands: dict[str, list[str]] = {}
        self._authority = trustme.CA(organization_name="genaiops tests")
        self.audit_log = folder / "audit.log"
        self._kubectl_cache = folder / "kubectl-cache"
        self.url = f"https://127.0.0.1:{lasting_port()}"
        self.kubeconfig = self.kubeconfig_for(ADMIN, "system:masters")

    def __enter__(self) -> Self:
        try:
            self._start_api_server(self._start_etcd())
            # Before the controllers: the garbage collector looks for new kinds only every 30 s.
            self._install(CRDS)
            self._start_controllers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the processes in reverse order, each only when those that need it are gone; etcd is the last."""
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # --- what tests use ------------------------------------------------------------------------------------

    def kubeconfig_for(self, user: str, group: str = "genaiops:tests") -> Path:
        """A kubeconfig with a client certificate for a user, who may do what RBAC gives to the user or the group."""
        path = self._folder / f"{user}.kubeconfig"
        # Kubernetes reads the organization as the group.
        certificate = self._authority.issue_cert(f"{user}@tests.invalid", common_name=user, organization_name=group)
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [{"name": "tests", "cluster": {"server": self.url, **self._authority_data()}}],
            "users": [{"name": user, "user": _credentials(certificate)}],
            "contexts": [{"name": user, "context": {"cluster": "tests", "user": user}}],
        }
        path.write_text(yaml.safe_dump(document))
        return path

    def client(self) -> client.ApiClient:
        """A client of the administrator's; close it, or use it as a context manager."""
        return config.new_client_from_config(str(self.kubeconfig))

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as the administrator and return what it printed.

        Raises ControlPlaneError with what kubectl said when it refused.
        """
        return self._run("kubectl", "--kubeconfig", str(self.kubeconfig), *arguments, stdin=stdin)

    def helm(self, *arguments: str) -> str:
        """Run helm as the administrator and return what it printed; fails like `kubectl`."""
        return self._run("helm", "--kubeconfig", str(self.kubeconfig), *arguments)

    def writes(
        self, *, since: datetime | None = None, user: str | None = None, namespace: str | None = None
    ) -> list[Write]:
        """The writes answered so far, oldest first, of one user and in one namespace if these are given."""
        return [
            write
            # The last line may be in the making: of a request that is not answered yet.
            for write in parse_audit_log(self.audit_log.read_text().rpartition("\n")[0].splitlines())
            if (since is None or write.at >= since)
            and (user is None or write.user == user)
            and (namespace is None or write.namespace == namespace)
        ]

    def kill(self, program: str) -> None:
        """Kill etcd or kube-apiserver without a chance to clean up."""
        process = self._process_of(program)
        process.kill()
        process.wait()

    def start_again(self, program: str) -> None:
        """Start what was killed, with the same data, on the same port; returns at once."""
        self._processes[self._processes.index(self._process_of(program))] = self._launch(program)

    def await_ready(self) -> None:
        """Return when the API server serves requests."""
        self._await_ready("kube-apiserver", self._process_of("kube-apiserver"), f"{self.url}/readyz")

    def _process_of(self, program: str) -> subprocess.Popen[bytes]:
        (found,) = (process for process in self._processes if process.args == self._commands[program])
        return found

    # --- the processes -------------------------------------------------------------------------------------

    def _start_etcd(self) -> str:
        url, peer_url = (f"http://127.0.0.1:{lasting_port()}" for _ in range(2))
        self._start(
            "etcd",
            f"--data-dir={self._folder / 'etcd'}",
            # What a test wrote need not survive a crash of the machine.
            "--unsafe-no-fsync",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster=default={peer_url}",
            "--log-level=warn",
        )
        return url

    def _start_api_server(self, etcd_url: str) -> None:
        certificate = self._authority.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc")
        files = {
            "authority.crt": self._authority.cert_pem.bytes(),
            "server.crt": b"".join(blob.bytes() for blob in certificate.cert_chain_pems),
            "server.key": certificate.private_key_pem.bytes(),
            "service-accounts.key": self._authority.issue_cert("service-accounts.invalid").private_key_pem.bytes(),
            "audit-policy.yaml": yaml.safe_dump(_AUDIT_POLICY).encode(),
        }
        for name, content in files.items():
            (self._folder / name).write_bytes(content)
        self.audit_log.touch()
        server = self._start(
            "kube-apiserver",
            f"--etcd-servers={etcd_url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.url.rpartition(':')[2]}",
            "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            f"--client-ca-file={self._folder / 'authority.crt'}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
            f"--service-account-signing-key-file={self._folder / 'service-accounts.key'}",
            f"--service-account-key-file={self._folder / 'service-accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--audit-policy-file={self._folder / 'audit-policy.yaml'}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",
        )
        self._await_ready("kube-apiserver", server, f"{self.url}/readyz")

    def _install(self, definitions: Path) -> None:
        self.kubectl("apply", "--server-side", "-f", str(definitions))
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        # kubectl has learned by now which kinds there are, and these are not among them.
        shutil.rmtree(self._kubectl_cache)

    def _start_controllers(self) -> None:
        port = lasting_port()
        manager = self._start(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig_for('system:kube-controller-manager', 'system:masters')}",
            f"--controllers={','.join(self._controllers)}",
            f"--service-account-private-key-file={self._folder / 'service-accounts.key'}",
            f"--root-ca-file={self._folder / 'authority.crt'}",
            "--leader-elect=false",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={self._folder / 'server.crt'}",
            f"--tls-private-key-file={self._folder / 'server.key'}",
        )
        self._await_ready("kube-controller-manager", manager, f"https://127.0.0.1:{port}/healthz")

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        # The kernel ends it with us, should pytest be killed before it can.
        self._commands[program] = ["setpriv", "--pdeathsig", "KILL", str(self._tools / program), *arguments]
        process = self._launch(program)
        self._processes.append(process)
        return process

    def _launch(self, program: str) -> subprocess.Popen[bytes]:
        with self._log_of(program).open("ab") as log:
            return subprocess.Popen(self._commands[program], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _await_ready(self, program: str, process: subprocess.Popen[bytes], health: str, within: float = 60.0) -> None:
        trust = ssl.create_default_context(cafile=self._folder / "authority.crt")
        deadline = time.monotonic() + within
        state = "answered nothing"
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(health, context=trust, timeout=5):
                    return
            except urllib.error.HTTPError as refusal:
                state = f"answered {refusal.read().decode()}"
            except OSError as nobody:
                state = f"did not answer: {nobody}"
            time.sleep(0.05)
        if process.poll() is not None:
            state = f"ended with code {process.returncode}"
        end = "\n".join(self._log_of(program).read_text().splitlines()[-15:])
        raise ControlPlaneError(f"{program} is not ready: it {state}. The end of its log:\n{end}")

    def _log_of(self, program: str) -> Path:
        return self._folder / f"{program}.log"

    def _authority_data(self) -> dict[str, str]:
        return {"certificate-authority-data": _base64(self._authority.cert_pem.bytes())}

    def _run(self, program: str, *arguments: str, stdin: str | None = None) -> str:
        # Which kinds there are is kept by address: an earlier API server's, were it kept in the home directory.
        environment = {**os.environ, "KUBECACHEDIR": str(self._kubectl_cache)}
        command = [self._tools / program, *arguments]
        result = subprocess.run(command, input=stdin, env=environment, capture_output=True, text=True)
        if result.returncode:
            raise ControlPlaneError(f"{program} {' '.join(arguments)}: {result.stderr}")
        return result.stdout


def _credentials(certificate: trustme.LeafCert) -> dict[str, str]:
    return {
        "client-certificate-data": _base64(b"".join(blob.bytes() for blob in certificate.cert_chain_pems)),
        "client-key-data": _base64(certificate.private_key_pem.bytes()),
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def parse_audit_log(lines: Iterable[str]) -> Iterable[Write]:
    """The writes that whole lines of `ControlPlane.audit_log` tell of."""
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        target = event.get("objectRef", {})
        parts = (target.get("resource", event["requestURI"]), target.get("subresource"))
        yield Write(
            at=datetime.fromisoformat(event["stageTimestamp"]).astimezone(UTC),
            user=event["user"]["username"],
            verb=event["verb"],
            resource="/".join(part for part in parts if part),
            namespace=target.get("namespace", ""),
            name=target.get("name", ""),
            code=event.get("responseStatus", {}).get("code", 0),
        )
