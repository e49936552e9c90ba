"""What the operator is told at start: command line, environment, defaults."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How this operator runs."""

    runtime_image: str
    """Image of the runtime in new releases."""
    gateway_image: str
    namespaces: tuple[str, ...]
    """Namespaces to watch; empty: all."""
    lease_namespace: str
    lease_name: str
    identity: str
    """Name of this process in the lease."""
    pod_access: str
    """``direct``, or ``proxy`` through the API server where pods can't be reached (operator outside the cluster)."""
    port: int
    """Port of /metrics, /healthz and /readyz."""
    workers: int


def parse_settings(arguments: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the command line, else from the environment; exits with a message where one is missing."""
    parser = argparse.ArgumentParser(prog="genaiops-operator", description="The GenAIOps Operator.")

    def option(name: str, help_text: str, default: str | None = None) -> None:
        variable = f"GENAIOPS_{name.upper().replace('-', '_')}"
        value = env.get(variable, default)
        parser.add_argument(
            f"--{name}", default=value, required=value is None, help=f"{help_text} (env {variable}, default {default})"
        )

    option("runtime-image", "image of the runtime in new releases")
    option("gateway-image", "image of the gateway")
    option("namespaces", "namespaces to watch, separated by commas; empty: all", "")
    option("lease-namespace", "namespace of the leader's lease", env.get("POD_NAMESPACE", "default"))
    option("lease-name", "name of the leader's lease", "genaiops-operator")
    option("identity", "name in the lease", f"{env.get('POD_NAME', socket.gethostname())}-{os.getpid()}")
    option("pod-access", "direct, or proxy through the API server", "direct")
    option("port", "port of /metrics, /healthz and /readyz", "8080")
    option("workers", "apps reconciled at a time", "8")
    given = parser.parse_args(arguments)
    if given.pod_access not in ("direct", "proxy"):
        parser.error(f"--pod-access must be direct or proxy, not {given.pod_access!r}")
    for name in ("port", "workers"):
        if not str(getattr(given, name)).isdecimal() or int(getattr(given, name)) < 1:
            parser.error(f"--{name} must be a number from 1, not {getattr(given, name)!r}")
    return Settings(
        runtime_image=given.runtime_image,
        gateway_image=given.gateway_image,
        namespaces=tuple(part.strip() for part in given.namespaces.split(",") if part.strip()),
        lease_namespace=given.lease_namespace,
        lease_name=given.lease_name,
        identity=given.identity,
        pod_access=given.pod_access,
        port=int(given.port),
        workers=int(given.workers),
    )
