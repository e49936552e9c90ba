"""Whether a release's pods are there, in the cluster and in the eyes of what sends them requests."""

from genaiops.rollout.snapshot import Snapshot


def missing(seen: Snapshot, release: str, needed: int) -> str | None:
    """What is owed to a release that needs so many pods, in words; None where nothing is."""
    workload, gateway = seen.workload(release), seen.gateway
    if workload.ready < needed:
        text = f"{workload.ready} of {needed} pods of {release} are ready"
        return f"{text}: {workload.problem}" if workload.problem else text
    healthy = gateway.endpoints.get(release, 0)
    if healthy < needed:
        text = f"{gateway.by} sees {healthy} of {needed} healthy endpoints of {release}"
        return f"{text}: {gateway.problem}" if gateway.problem else text
    return None


def carrying(seen: Snapshot, release: str) -> int:
    """Pods of a release that carry weight."""
    ready = seen.workload(release).ready
    # A gateway that can't be asked is no reason to take weight away; one that sees no pod is.
    return min(ready, seen.gateway.endpoints.get(release, ready))
