"""The Helm chart as tests use it: rendered without a cluster, or installed in one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from controlplane import REPOSITORY, ControlPlane, built_tools

CHART = REPOSITORY / "charts" / "genaiops"
SYSTEM = "genaiops-system"
"""Namespace of the release; in `cluster_for_charts` it takes restricted pods only."""
APPS = "apps"
"""A namespace for apps."""

Object = dict[str, Any]


class RefusedError(Exception):
    """Helm refused; the message is what a user sees."""


@cache
def _helm() -> Path:
    return built_tools() / "helm"


def lint() -> str:
    """What `helm lint --strict` says; raises RefusedError where it found something."""
    return _run("lint", "--strict", CHART)


def render_text(*values: str, release: str = "genaiops") -> str:
    """What `helm template` prints for these values, each `path=value`. Raises RefusedError."""
    return _run("template", release, CHART, "--namespace", SYSTEM, *set_values(values))


def render(*values: str, release: str = "genaiops") -> list[Object]:
    """The objects of the chart for these values, without the CRDs. Raises RefusedError."""
    return documents(render_text(*values, "crds.enabled=false", release=release))


def documents(text: str) -> list[Object]:
    """The objects in a YAML text; helm leaves documents with nothing but a comment."""
    return [document for document in yaml.safe_load_all(text) if document]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """Those of that kind."""
    return [item for item in objects if item["kind"] == kind]


def environment(objects: list[Object]) -> dict[str, str]:
    """The environment that the chart's Deployment gives a pod named `pod`."""
    (deployment,) = of_kind(objects, "Deployment")
    downward = {"metadata.name": "pod", "metadata.namespace": SYSTEM}
    return {
        entry["name"]: entry.get("value") or downward[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for entry in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }


def set_values(values: tuple[str, ...]) -> list[str]:
    """Arguments of helm."""
    return [argument for value in values for argument in ("--set", value)]


def _run(command: str, *arguments: str | Path) -> str:
    result = subprocess.run(
        [_helm(), command, *arguments, "--kube-version", "1.34.0"], capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise RefusedError(result.stdout + result.stderr)
    return result.stdout


@contextmanager
def cluster_for_charts(folder: Path) -> Iterator[ControlPlane]:
    """A control plane with the namespaces SYSTEM and APPS, whose CRDs are helm's.

    Not the one that other tests share: uninstalling may take the CRDs away from everybody.
    """
    with ControlPlane(folder, built_tools()) as running:
        for namespace in (SYSTEM, APPS):
            running.kubectl("create", "namespace", namespace)
        running.kubectl("label", "namespace", SYSTEM, "pod-security.kubernetes.io/enforce=restricted")
        chart = Installation(running)
        chart.install(options=("--take-ownership",))
        chart.uninstall()
        yield running


class Installation:
    """The chart in a cluster, as release `genaiops`."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster

    def install(self, *values: str, options: tuple[str, ...] = ()) -> str:
        """Returns what helm prints: the notes."""
        command = ("install", "genaiops", str(CHART), "--namespace", SYSTEM, *options)
        return self._cluster.helm(*command, *set_values(values))

    def upgrade(self, *values: str) -> None:
        """Change values, keep the others."""
        command = ("upgrade", "genaiops", str(CHART), "--namespace", SYSTEM, "--reuse-values")
        self._cluster.helm(*command, *set_values(values))

    def uninstall(self) -> None:
        """Wait until what is deleted is gone."""
        self._cluster.helm("uninstall", "genaiops", "--namespace", SYSTEM, "--wait", "--ignore-not-found")


def apply(cluster: ControlPlane, manifests: str, *options: str) -> str:
    """What `kubectl apply` prints; an unknown field is an error."""
    return cluster.kubectl("apply", "--server-side", "--validate=strict", *options, "-f", "-", stdin=manifests)
