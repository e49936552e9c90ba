"""Who is measured: our operator and Argo Rollouts, each with its object, and what counts as that object's child."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controlplane import REPOSITORY, ControlPlane, Write
from peer import VERSION, Peer

NAMESPACE = "bench"
Manifest = dict[str, Any]


@dataclass
class Contestant:
    """A controller and the kind that it reconciles."""

    title: str
    user: str
    collection: str
    """URL path of its objects."""
    manifest: Callable[[str], Manifest]
    change: Manifest
    """A merge patch that makes a new version of the object."""
    is_child: Callable[[Write], bool]
    """Whether a write made what runs one version of an object; its name is the object's, ``-`` and a hash."""
    program: list[str]
    health: str
    """Path that answers 200 once it works."""
    port: int = field(default_factory=lambda: free_port())
    env: dict[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> str:
        """Plural of its kind."""
        return self.collection.rpartition("/")[2]

    def start(self, controlplane: ControlPlane, log: Path) -> subprocess.Popen[bytes]:
        """Start it with its default flags; the kernel ends it with us."""
        kubeconfig = controlplane.kubeconfig_for(self.user, "system:masters")
        env = {name: value for name, value in os.environ.items() if not name.startswith("GENAIOPS_")}
        with log.open("wb") as output:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.program],
                env={**env, **self.env, "KUBECONFIG": str(kubeconfig)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


def ours() -> Contestant:
    """The operator of this checkout, with LLMApps of one pod that share a Model and a Prompt."""
    port = free_port()
    return Contestant(
        title="GenAIOps",
        user="genaiops",
        collection=f"/apis/genaiops.dev/v1alpha1/namespaces/{NAMESPACE}/llmapps",
        manifest=lambda name: {
            "apiVersion": "genaiops.dev/v1alpha1",
            "kind": "LLMApp",
            "metadata": {"name": name},
            "spec": {"model": {"ref": "llm"}, "prompt": {"ref": "support", "version": "v1"}},
        },
        change={"spec": {"prompt": {"version": "v2"}}},
        is_child=lambda write: (
            (write.verb, write.resource, write.code) == ("patch", "deployments", 201)
            and not write.name.endswith("-gateway")
        ),
        program=[
            *(
                sys.executable,
                "-m",
                "genaiops.controller",
                "--runtime-image=runtime:1",
                "--gateway-image=gateway:1",
                "--evaluator-image=evaluator:1",
            ),
            f"--port={port}",
        ],
        health="/readyz",
        port=port,
        # As in the chart.
        env={
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_THRESHOLD_": "131072",
            "MALLOC_TRIM_THRESHOLD_": "131072",
        },
    )


def argo_rollouts(peer: Peer) -> Contestant:
    """Argo Rollouts, with Rollouts of no pod."""
    metrics, health = free_port(), free_port()
    return Contestant(
        title=f"Argo Rollouts {VERSION}",
        user="argo-rollouts",
        collection=f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/rollouts",
        manifest=lambda name: {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": name},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": name}},
                "strategy": {"canary": {"steps": [{"setWeight": 25}, {"pause": {}}]}},
                "template": {
                    "metadata": {"labels": {"app": name}},
                    "spec": {"containers": [{"name": "app", "image": "app:1"}]},
                },
            },
        },
        change={"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:2"}]}}}},
        is_child=lambda write: (write.verb, write.resource, write.code) == ("create", "replicasets", 201),
        program=[str(peer.program), f"--metricsPort={metrics}", f"--healthzPort={health}"],
        health="/healthz",
        port=health,
        env={"POD_NAMESPACE": NAMESPACE},
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
