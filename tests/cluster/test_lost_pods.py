"""Pods that die under a rollout, and pods that may not be made at all."""

import pytest
from harness import Manifest, Objects, eventually
from simulation import DataPlane, Pod
from stories import AT_ONCE, a_model_and_a_prompt, an_app, ask_for, healthy

pytestmark = pytest.mark.usefixtures("operator")

AT_HALF = {"steps": [{"setWeight": 50}, {"pause": {}}], "analysis": {"metrics": []}}


def serves_nobody_from(dataplane: DataPlane, *releases: str) -> None:
    """No pod of these releases passes its readiness probe."""

    def ready(pod: Pod) -> bool:
        return pod.release not in releases

    dataplane.ready = ready


def rollout(objects: Objects) -> Manifest:
    found: Manifest = objects.status().get("rollout") or {}
    return found


async def at_half(objects: Objects, **more: str) -> tuple[str, str]:
    """Stable and candidate of a rollout that stays at 50 percent until a person says more."""
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={**AT_HALF, **more})
    stable = await healthy(objects)
    ask_for(objects, "v2")
    await eventually("it pauses at 50", lambda: rollout(objects).get("weight") == 50 and "paused" in rollout(objects))
    return stable, rollout(objects)["release"]


async def test_a_candidate_that_crash_loops_at_half_of_the_weight_is_taken_back(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given
    stable, candidate = await at_half(objects, progressDeadline="5s")
    # when its pods crash, and go on crashing
    serves_nobody_from(dataplane, candidate)
    # then it loses its weight first
    await eventually("no weight", lambda: f"{candidate}: weight 50 → 0" in objects.events("WeightSet"))
    # and then everything, with the reason
    await eventually("it is taken back", lambda: objects.status().get("abortedRelease") == candidate)
    assert "no progress for 5s: 0 of 1 pods" in objects.status()["history"][-1]["message"]
    await eventually("its pods go", lambda: set(objects.deployments()) == {stable, "support-gateway"})
    assert objects.condition("LLMApp", "support", "Available")["status"] == "True"


async def test_while_stable_crash_loops_a_person_promotes_the_candidate_that_works(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given
    stable, candidate = await at_half(objects)
    # when stable's pods crash, and go on crashing
    serves_nobody_from(dataplane, stable)
    available = lambda: objects.condition("LLMApp", "support", "Available")["status"]  # noqa: E731
    await eventually("users are told", lambda: available() == "False")
    assert rollout(objects)["weight"] == 50
    # and a person promotes
    release = objects.get("Release", candidate)["spec"]["hash"]
    promote = {"app": "support", "action": "Promote", "release": release, "full": True}
    objects.create("ReleaseAction", "promote", promote)
    # then the candidate serves
    assert await healthy(objects, other_than=stable) == candidate
    assert available() == "True"
    assert objects.status()["history"][-1]["result"] == "FastPromoted"


async def test_a_node_that_is_lost_under_both_and_comes_back_decides_nothing(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given
    stable, candidate = await at_half(objects)
    before = rollout(objects)
    # when all pods of both are lost
    serves_nobody_from(dataplane, stable, candidate)
    await eventually("no weight", lambda: rollout(objects)["weight"] == 0)
    # then nobody is served, a tool that waits goes on waiting, and all that runs is asked for still
    status = {kind: objects.condition("LLMApp", "support", kind)["status"] for kind in ("Reconciling", "Stalled")}
    assert status == {"Reconciling": "True", "Stalled": "False"}
    await eventually("users are told", lambda: objects.condition("LLMApp", "support", "Available")["status"] == "False")
    assert {name: objects.deployments()[name].spec.replicas for name in (stable, candidate)} == {
        stable: 2,
        candidate: 1,
    }
    # when they are back
    dataplane.ready = lambda pod: True
    # then the same rollout goes on at the same step
    await eventually("50 percent", lambda: rollout(objects).get("weight") == 50 and "paused" in rollout(objects))
    clocks = ("release", "step", "startedAt", "stepStartedAt")
    assert {name: rollout(objects)[name] for name in clocks} == {name: before[name] for name in clocks}
    # and the only news were a loss and a return
    told = [message.rpartition(" weight ")[2] for message in objects.events("WeightSet")]
    assert told == ["0 → 50", "50 → 0", "0 → 50"]
    assert len(objects.status()["history"]) == 1


def no_more_pods(objects: Objects) -> None:
    """A quota that is used up. The controller that counts is not run here: what is used is written by hand, and the
    API server's own admission plugin refuses by it."""
    quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "3"}}}
    objects.core.create_namespaced_resource_quota(objects.namespace, quota)
    status = {"status": {"hard": {"pods": "3"}, "used": {"pods": "3"}}}
    objects.core.patch_namespaced_resource_quota_status("pods", objects.namespace, status)


async def test_a_quota_that_refuses_the_candidates_pods_is_told_and_the_deadline_takes_it_back(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given a namespace that may have no pod more than it has
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={**AT_ONCE, "progressDeadline": "20s"})
    stable = await healthy(objects)
    no_more_pods(objects)
    # when a change comes
    ask_for(objects, "v2")
    # then the status says who refuses
    said = lambda: objects.condition("LLMApp", "support")["message"]  # noqa: E731
    await eventually("the quota is named", lambda: "0 of 2 pods" in said() and "exceeded quota: pods" in said())
    candidate = objects.status()["candidateRelease"]
    # and after the deadline it is taken back
    await eventually("it is taken back", lambda: objects.status().get("abortedRelease") == candidate, within=60)
    assert "exceeded quota: pods" in objects.status()["history"][-1]["message"]
    assert objects.status()["stableRelease"] == stable
    await eventually("it is gone", lambda: candidate not in objects.deployments())
