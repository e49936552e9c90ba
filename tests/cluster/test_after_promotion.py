"""The time after a promotion, in which the release before stays at hand."""

import pytest
from harness import Objects, eventually
from simulation import DataPlane
from stories import CANARY, a_model_and_a_prompt, an_app, ask_for, healthy, under_traffic

pytestmark = pytest.mark.usefixtures("operator")


async def watched(objects: Objects, dataplane: DataPlane) -> tuple[str, str]:
    """The release before and the promoted one, which is being watched for an hour."""
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={**CANARY, "watchAfterPromotion": "1h"})
    before = await healthy(objects)
    ask_for(objects, "v2")
    await under_traffic("v2 is promoted", objects, dataplane, lambda now: "watch" in now)
    watch = objects.status()["watch"]
    assert watch["previous"] == before
    return before, watch["release"]


async def test_a_breach_after_the_promotion_goes_back_by_itself(objects: Objects, dataplane: DataPlane) -> None:
    # given a release that was promoted on good answers, beside the one before it at its full size
    before, promoted = await watched(objects, dataplane)
    pods = {pod.uid for pod in dataplane.of(before)}
    assert objects.deployments()[before].spec.replicas == 2
    # when its answers turn bad
    await under_traffic(
        "it goes back", objects, dataplane, lambda now: now["stableRelease"] == before, leaking=promoted
    )
    # then the one before serves, from the pods that it always had
    now = objects.status()
    assert (now["phase"], now["abortedRelease"]) == ("Degraded", promoted)
    assert "watch" not in now
    entry = now["history"][-1]
    assert (entry["release"], entry["result"], entry["reason"]) == (promoted, "RolledBack", "BreachAfterPromotion")
    assert "guardrail-violation-rate" in entry["message"]
    assert {pod.uid for pod in dataplane.of(before)} == pods
    # and nothing is left of the other
    await eventually("it is gone", lambda: set(objects.deployments()) == {before, "support-gateway"})
    await eventually("an Event tells", lambda: objects.events("RolloutRolledBack"))
    # and it stays so, also when the app is looked at again
    objects.patch("LLMApp", "support", {"spec": {"replicas": 3}})
    await eventually("it is scaled", lambda: objects.status()["replicas"] == 3)
    assert objects.status()["stableRelease"] == before
    assert objects.status()["history"][-1] == entry


async def test_an_app_that_is_deleted_while_it_is_watched_leaves_nothing(
    objects: Objects, dataplane: DataPlane
) -> None:
    await watched(objects, dataplane)
    objects.delete("LLMApp", "support")
    await eventually("all is gone", lambda: not objects.names())
