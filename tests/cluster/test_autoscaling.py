"""A real HorizontalPodAutoscaler scales an app by the requests that its pods work on: the manifest of the examples."""

import json
from pathlib import Path

import pytest
from autoscaling import ExternalMetrics
from controlplane import REPOSITORY, ControlPlane
from harness import Objects, eventually
from simulation import DataPlane
from stories import UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25

pytestmark = pytest.mark.usefixtures("operator")

AUTOSCALER = REPOSITORY / "examples/autoscaling/support.yaml"
"""From 2 to 20 pods, 8 requests each."""


def asked_for(objects: Objects) -> int:
    """Pods that the app is to have."""
    replicas: int = objects.get("LLMApp", "support")["spec"]["replicas"]
    return replicas


async def test_an_app_has_pods_for_what_is_under_way_in_a_rollout_too(
    controlplane: ControlPlane, objects: Objects, dataplane: DataPlane, tmp_path: Path
) -> None:
    metrics = ExternalMetrics(controlplane, objects.namespace)
    async with metrics.served(tmp_path):
        # given an app of two pods, and another one whose requests are none of its business
        a_model_and_a_prompt(objects)
        an_app(objects, rollout=UNTIL_PROMOTED)
        stable = await healthy(objects)
        metrics.in_flight = {("support", stable): 12, ("other", "other-1"): 1000}
        controlplane.kubectl("apply", "-n", objects.namespace, "-f", str(AUTOSCALER))
        # when more is under way than they are for
        metrics.in_flight["support", stable] = 33
        # then it has as many as it takes
        await eventually("it is scaled", lambda: asked_for(objects) == 5)
        await eventually("they run", lambda: len(dataplane.of(stable)) == 5)
        assert await healthy(objects) == stable
        # when in a rollout both releases get more, then it is their sum that counts: stable is to carry all of it
        ask_for(objects, "v2")
        before = await paused_at_25(objects)
        candidate = before["release"]
        metrics.in_flight |= {("support", stable): 60, ("support", candidate): 20}
        await eventually("it is scaled", lambda: asked_for(objects) == 10)
        await eventually("they run", lambda: len(dataplane.of(stable)) == 10)
        # and the candidate has its share, at the same step of the same rollout
        await eventually("its share", lambda: len(dataplane.of(candidate)) == 3)
        after = await paused_at_25(objects)
        for name in ("release", "step", "startedAt", "stepStartedAt"):
            assert after[name] == before[name]
        # when it is quiet again, then it is scaled down as far as it may be
        metrics.in_flight |= {("support", stable): 1, ("support", candidate): 0}
        at_once = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}
        controlplane.kubectl("patch", "hpa/support", "-n", objects.namespace, "--type=merge", "-p", json.dumps(at_once))
        await eventually("it is scaled", lambda: asked_for(objects) == 2)
        assert {item["metadata"]["name"] for item in objects.all("Release")} == {stable, candidate}
