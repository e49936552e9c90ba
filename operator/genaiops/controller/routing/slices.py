"""Asking the API server who stands behind a Service."""

from dataclasses import replace
from typing import Final

from genaiops.controller.cluster import Cluster
from genaiops.controller.kinds import ENDPOINT_SLICES
from genaiops.controller.store import Store
from genaiops.manifests.labels import RELEASE, label_of
from genaiops.traffic.slices import SERVICE_LABEL, ready_pods

UNKNOWN: Final = "a pod that is not known yet"


async def behind(cluster: Cluster, store: Store, namespace: str, service: str) -> dict[str, int]:
    """Release → number of its pods that get the Service's requests. Raises what a request raises."""
    of_service = replace(ENDPOINT_SLICES, selector=f"{SERVICE_LABEL}={service}")
    slices, _ = await cluster.list(of_service, namespace)

    def release_of(pod: str) -> str:
        raw = store.get("Pod", namespace, pod)
        return (label_of(raw, RELEASE) if raw else "") or UNKNOWN

    return ready_pods(slices, release_of)
