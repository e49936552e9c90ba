"""The restricted Pod Security Standard, field by field.

https://kubernetes.io/docs/concepts/security/pod-security-standards/ (baseline and restricted).
"""

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(pod: Spec) -> list[str]:
    """What the API server would refuse of this pod spec in a namespace that enforces `restricted`."""
    return [*_of_pod(pod), *(found for container in _containers(pod) for found in _of_container(container, pod))]


def _containers(pod: Spec) -> list[Spec]:
    return [*pod.get("initContainers", ()), *pod["containers"], *pod.get("ephemeralContainers", ())]


def _of_pod(pod: Spec) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield name
    for volume in pod.get("volumes", ()):
        if not volume.keys() - {"name"} <= VOLUMES:
            yield f"volume {volume['name']}"
    if pod.get("securityContext", {}).get("sysctls"):
        yield "sysctls"


def _of_container(container: Spec, pod: Spec) -> Iterator[str]:
    own, shared = container.get("securityContext", {}), pod.get("securityContext", {})
    both = {**shared, **own}
    broken = {
        "privileged": own.get("privileged"),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is not False,
        "capabilities.drop": "ALL" not in own.get("capabilities", {}).get("drop", ()),
        "capabilities.add": set(own.get("capabilities", {}).get("add", ())) - {"NET_BIND_SERVICE"},
        "runAsNonRoot": both.get("runAsNonRoot") is not True,
        "runAsUser": both.get("runAsUser") == 0,
        "seccompProfile": both.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"},
        "procMount": own.get("procMount", "Default") != "Default",
        "seLinuxOptions": both.get("seLinuxOptions"),
        "hostPort": any(port.get("hostPort") for port in container.get("ports", ())),
        "probe host": any("host" in target for target in _probed(container)),
    }
    return (f"{container['name']}: {name}" for name, is_broken in broken.items() if is_broken)


def _probed(container: Spec) -> Iterator[Spec]:
    handlers = [container.get(probe, {}) for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    handlers += container.get("lifecycle", {}).values()
    return (handler[kind] for handler in handlers for kind in ("httpGet", "tcpSocket") if kind in handler)
