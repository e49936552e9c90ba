"""What every pod of ours has in common: the restricted Pod Security Standard.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from typing import Any, Final

from genaiops.api.pods import PodOverlay

NON_ROOT: Final = 65532
"""User of the project's own images."""


def pod_security(user: int | None = None) -> dict[str, Any]:
    """Security context of a pod; `user` only for images known to run as it."""
    context: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if user is not None:
        context |= {"runAsUser": user, "runAsGroup": user, "fsGroup": user}
    return context


def container_security(*, read_only: bool = True) -> dict[str, Any]:
    """Security context of a container."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only,
    }


def spread(selector: dict[str, str]) -> list[dict[str, Any]]:
    """Pods spread over nodes where there is more than one."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": selector},
        }
    ]


def overlaid(template: dict[str, Any], overlay: PodOverlay | None, selector: dict[str, str]) -> dict[str, Any]:
    """The pod template with what an app asks for its pods; what the operator needs of a pod stays."""
    if overlay is None:
        return template
    about, spec = template["metadata"], template["spec"]
    given = overlay.to_manifest()
    more = {
        name: given[name]
        for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName")
        if given.get(name)
    }
    if overlay.image_pull_secrets:
        more["imagePullSecrets"] = [{"name": secret.ref} for secret in overlay.image_pull_secrets]
    if overlay.topology_spread:
        match = {"labelSelector": {"matchLabels": selector}}
        more["topologySpreadConstraints"] = [{**one, **match} for one in given["topologySpread"]]
    return {
        "metadata": {
            **about,
            "labels": {**overlay.labels, **about["labels"]},
            "annotations": {**overlay.annotations, **about["annotations"]},
        },
        "spec": {**spec, **more},
    }
