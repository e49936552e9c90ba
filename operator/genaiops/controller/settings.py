"""What the operator is told at start: command line, environment, defaults."""

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from genaiops.api.tracing import Tracing


@dataclass(frozen=True)
class WebhookSettings:
    """How the webhook is served."""

    port: int
    namespace: str
    """The operator's own."""
    secret: str
    """Secret in it with the key of the stamps and, unless somebody else keeps it, the certificate."""
    hosts: tuple[str, ...]
    """DNS names or IP addresses by which the API server calls."""
    configuration: str
    """Name of both webhook configurations, which are told whom to trust."""
    certificates: str
    """Folder with `tls.crt` and `tls.key` that somebody else renews; empty: the operator makes its own."""


@dataclass(frozen=True)
class Settings:
    """How this operator runs."""

    runtime_image: str
    """Image of the runtime in new releases."""
    gateway_image: str
    evaluator_image: str
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
    tracing: Tracing | None
    """For apps that say nothing of traces; None: they have none."""
    webhook: WebhookSettings | None
    """None: there is none, and nobody can approve anything."""


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
    option("evaluator-image", "image of the evaluator")
    option("namespaces", "namespaces to watch, separated by commas; empty: all", "")
    option("lease-namespace", "namespace of the leader's lease", env.get("POD_NAMESPACE", "default"))
    option("lease-name", "name of the leader's lease", "genaiops-operator")
    option("identity", "name in the lease", f"{env.get('POD_NAME', socket.gethostname())}-{os.getpid()}")
    option("pod-access", "direct, or proxy through the API server", "direct")
    option("port", "port of /metrics, /healthz and /readyz", "8080")
    option("workers", "apps reconciled at a time", "8")
    option("tracing-endpoint", "where apps send their traces that say nothing of them; empty: nowhere", "")
    option("tracing-sample-rate", "share of their requests that are traced, 0 to 1", "1")
    option("webhook", "on, or off: nobody can approve anything then", "off")
    option("webhook-port", "port of the webhook", "9443")
    option(
        "webhook-secret", "Secret, in the lease's namespace, of its key and certificates", "genaiops-operator-webhook"
    )
    option("webhook-hosts", "names by which the API server calls it, separated by commas", "localhost")
    option("webhook-configuration", "name of its two configurations", "genaiops-operator")
    option("webhook-certificates", "folder with tls.crt and tls.key that somebody else renews; empty: our own", "")
    given = parser.parse_args(arguments)
    if given.pod_access not in ("direct", "proxy"):
        parser.error(f"--pod-access must be direct or proxy, not {given.pod_access!r}")
    if given.webhook not in ("on", "off"):
        parser.error(f"--webhook must be on or off, not {given.webhook!r}")
    webhook_hosts = _listed(given.webhook_hosts)
    if not webhook_hosts:
        parser.error("--webhook-hosts must name at least one host")
    for name in ("port", "workers", "webhook_port"):
        if not str(getattr(given, name)).isdecimal() or int(getattr(given, name)) < 1:
            parser.error(f"--{name.replace('_', '-')} must be a number from 1, not {getattr(given, name)!r}")
    try:
        tracing = _tracing(given.tracing_endpoint, given.tracing_sample_rate)
    except ValidationError as error:
        parser.error("; ".join(f"--tracing: {one['msg']}" for one in error.errors()))
    return Settings(
        runtime_image=given.runtime_image,
        gateway_image=given.gateway_image,
        evaluator_image=given.evaluator_image,
        namespaces=_listed(given.namespaces),
        lease_namespace=given.lease_namespace,
        lease_name=given.lease_name,
        identity=given.identity,
        pod_access=given.pod_access,
        port=int(given.port),
        workers=int(given.workers),
        tracing=tracing,
        webhook=WebhookSettings(
            port=int(given.webhook_port),
            namespace=given.lease_namespace,
            secret=given.webhook_secret,
            hosts=webhook_hosts,
            configuration=given.webhook_configuration,
            certificates=given.webhook_certificates,
        )
        if given.webhook == "on"
        else None,
    )


def _tracing(endpoint: str, sample_rate: str) -> Tracing | None:
    return Tracing.model_validate({"endpoint": endpoint, "sampleRate": sample_rate}) if endpoint else None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
