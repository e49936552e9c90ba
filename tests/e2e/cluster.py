"""The kind cluster of these tests: brought up once, with the operator and the images of this checkout."""

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config, dynamic

ROOT = Path(__file__).resolve().parents[2]
NAME = "genaiops-e2e"
OPERATOR_NAMESPACE = "genaiops-system"


@dataclass(frozen=True)
class Environment:
    """What reaches the cluster: variables for kubectl, and the image of each target as its node has it."""

    variables: dict[str, str]
    images: dict[str, str]

    def to_json(self) -> str:
        return json.dumps([self.variables, self.images])

    @classmethod
    def from_json(cls, text: str) -> "Environment":
        return cls(*json.loads(text))


def bring_up() -> Environment:
    """Make sure of cluster, images and operator. Shows what takes long on stderr."""
    subprocess.run(["hack/kind/up", NAME], cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno())
    exports = shlex.split(_answer("hack/kind/cluster", "env", NAME))
    variables = dict(word.split("=", 1) for word in exports if "=" in word)
    return Environment(variables, json.loads(_answer("hack/kind/images", "--json")))


def _answer(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    return done.stdout


class Cluster:
    """Clients for the cluster."""

    def __init__(self, environment: Environment) -> None:
        self.images = environment.images
        self._variables = environment.variables
        self._api = config.new_client_from_config(environment.variables["KUBECONFIG"])
        self.core = client.CoreV1Api(self._api)
        self.dynamic = dynamic.DynamicClient(self._api)

    def kubectl(self, *arguments: str, check: bool = True, given: str | None = None) -> str:
        """What kubectl says on stdout and stderr; where that is an error and `check`, raises with it."""
        done = subprocess.run(
            ["kubectl", *arguments],
            env={**os.environ, **self._variables},
            input=given or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {shlex.join(arguments)}: {done.stdout}")
        return done.stdout

    def raw(self, path: str) -> str:
        """The body of the API server's answer to a GET; a pod's own through its proxy."""
        request = self._api.param_serialize("GET", path, auth_settings=["BearerToken"])
        answer = self._api.call_api(*request)
        body: bytes = answer.read()
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer.status} {body[:500]!r}")
        return body.decode()

    def operator_pods(self) -> list[Any]:
        """The operator's pods that are not on their way out."""
        selector = "app.kubernetes.io/name=genaiops-operator"
        pods = self.core.list_namespaced_pod(OPERATOR_NAMESPACE, label_selector=selector).items
        return [pod for pod in pods if not pod.metadata.deletion_timestamp]
