"""A person's word that a paused rollout may go on."""

from datetime import datetime

from genaiops.api.llmapp import PROMOTE_ANNOTATION, promotion
from genaiops.cli.cluster import Cluster, Raw
from genaiops.cli.failure import Refused


def pause_to_end(app: Raw) -> str:
    """What the annotation has to say for the present pause.

    Raises Refused where nothing waits for a person.
    """
    name, status = app["metadata"]["name"], app.get("status") or {}
    rollout, phase = status.get("rollout"), status.get("phase", "Pending")
    if rollout and phase == "Paused":
        return promotion(rollout["release"], rollout.get("step", 0), datetime.fromisoformat(rollout["startedAt"]))
    ready: Raw = next((item for item in status.get("conditions") or () if item["type"] == "Ready"), {})
    state = f"{phase}: {ready['message']}" if ready.get("message") else phase
    if rollout:
        raise Refused(f"{name} is not paused, so there is nothing to promote yet ({state})")
    if status.get("abortedRelease"):
        raise Refused(
            f"nothing of {name} is being rolled out: {status['abortedRelease']} was taken back. "
            f"Change the spec to go on ({state})"
        )
    raise Refused(f"nothing of {name} is being rolled out, so there is nothing to promote ({state})")


def promote(cluster: Cluster, app: str) -> str:
    """Let the app's rollout go on past its present pause; returns which."""
    pause = pause_to_end(cluster.get("LLMApp", app))
    cluster.annotate("LLMApp", app, {PROMOTE_ANNOTATION: pause})
    return pause
