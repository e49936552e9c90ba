"""Who stands behind a Service: pure readers of EndpointSlices (discovery.k8s.io/v1)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

SERVICE_LABEL = "kubernetes.io/service-name"
"""The label by which the slices of a Service are found."""


def ready_pods(slices: Iterable[Mapping[str, Any]], release_of: Callable[[str], str]) -> dict[str, int]:
    """Release → number of its pods that get the Service's requests. `release_of` gives a pod's release, by its name.

    A pod counts once, whatever its addresses, and not where it lacks the Service's port.
    """
    found = {
        (endpoint["targetRef"]["uid"], release_of(endpoint["targetRef"]["name"]))
        for item in slices
        if item.get("ports")
        for endpoint in item.get("endpoints") or ()
        # Unknown is to be read as ready.
        if (endpoint.get("conditions") or {}).get("ready") is not False and endpoint.get("targetRef")
    }
    releases = [release for _, release in found]
    return {release: releases.count(release) for release in set(releases)}
