"""From an LLMApp to what runs it, and from one release to the next, on a real API server."""

import asyncio

import pytest
from controlplane import ControlPlane
from harness import Objects, eventually
from plugin import Kubectl
from simulation import DataPlane
from stories import (
    AT_ONCE,
    UNTIL_PROMOTED,
    a_model_and_a_prompt,
    an_app,
    ask_for,
    healthy,
    paused_at_25,
    under_traffic,
)

pytestmark = pytest.mark.usefixtures("operator")


async def test_an_app_becomes_a_release_that_runs(objects: Objects, dataplane: DataPlane) -> None:
    # when somebody applies an app
    a_model_and_a_prompt(objects)
    an_app(objects)
    # then its first release serves
    release = await healthy(objects)
    assert objects.deployments()[release].spec.replicas == 2
    names = objects.names()
    assert {f"Release/{release}", f"ConfigMap/{release}", f"Service/{release}", "Service/support"} <= names
    assert objects.condition("LLMApp", "support")["status"] == "True"
    assert objects.condition("LLMApp", "support", "Available")["status"] == "True"
    # and the objects it was made of are judged, too
    assert objects.condition("Model", "llm")["status"] == "True"
    assert objects.condition("Prompt", "support")["status"] == "True"


async def test_a_good_change_is_promoted_and_the_old_release_goes(objects: Objects, dataplane: DataPlane) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects)
    old = await healthy(objects)
    # when its prompt changes, and both releases answer well
    ask_for(objects, "v2")
    await under_traffic(
        "the candidate is promoted",
        objects,
        dataplane,
        lambda now: now["phase"] == "Healthy" and now["stableRelease"] != old,
    )
    # then the old release's pods and objects go, its Release stays for the way back
    await eventually("the old release is gone", lambda: f"Service/{old}" not in objects.names())
    assert old not in objects.deployments()
    assert f"Release/{old}" in objects.names()
    assert objects.status()["history"][-1]["result"] == "Promoted"
    # and every decision was told
    new = objects.status()["stableRelease"]
    assert objects.events("RolloutStarted")[-1] == f"{new}: prompt v1 → v2"
    assert objects.events("WeightSet") == [f"{new}: weight {step}" for step in ("0 → 25", "25 → 50", "50 → 100")]
    assert objects.events("RolloutPromoted")[-1] == f"{new}: all steps passed"


async def test_a_leaking_change_is_taken_back_and_described_with_its_numbers(
    controlplane: ControlPlane, objects: Objects, dataplane: DataPlane
) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects)
    stable = await healthy(objects)
    # when the candidate's answers violate a guardrail
    ask_for(objects, "v2")
    candidate = await eventually("it starts", lambda: objects.status().get("candidateRelease"))
    aborted = lambda now: now["phase"] == "Degraded"  # noqa: E731
    await under_traffic("the candidate is aborted", objects, dataplane, aborted, leaking=candidate)
    # then stable has all the traffic again, and its pods stay
    now = objects.status()
    assert (now["stableRelease"], now["history"][-1]["result"]) == (stable, "Aborted")
    await eventually("the candidate's pods go", lambda: set(objects.deployments()) == {stable, "support-gateway"})
    # and kubectl describe alone tells a person why
    await eventually("an Event tells", lambda: objects.events("RolloutAborted"))
    described = controlplane.kubectl("-n", objects.namespace, "describe", "llmapp", "support")
    assert described.count("guardrail-violation-rate 100.0%") >= 3  # condition, history, Event
    assert f"{stable} goes on serving" in described


async def test_a_newer_change_supersedes_the_one_under_way(objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout of v2 that waits at 25 percent
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    second = (await paused_at_25(objects))["release"]
    # when v3 is asked for
    ask_for(objects, "v3")
    await eventually("v3 is the candidate", lambda: objects.status().get("candidateRelease") not in (second, None))
    # then v2 is history, v3 begins with the first step, and v2's pods go
    third = await paused_at_25(objects)
    assert third["release"] != second
    entry = objects.status()["history"][-1]
    assert (entry["release"], entry["result"]) == (second, "Superseded")
    assert third["startedAt"] == entry["finishedAt"]
    await eventually("v2 is gone", lambda: set(objects.deployments()) == {stable, third["release"], "support-gateway"})


async def test_going_back_to_stable_content_ends_the_rollout(objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout of v2 that waits at 25 percent
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    # when v1 is asked for again
    ask_for(objects, "v1")
    # then stable serves alone
    await eventually("Healthy", lambda: objects.status()["phase"] == "Healthy")
    now = objects.status()
    assert (now["stableRelease"], now["history"][-1]["result"]) == (stable, "RolledBack")
    assert "rollout" not in now
    await eventually("v2's pods go", lambda: candidate not in objects.deployments())


async def test_going_back_to_an_earlier_release_skips_the_steps(objects: Objects, dataplane: DataPlane) -> None:
    # given v2 in v1's place
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    first = await healthy(objects)
    ask_for(objects, "v2")
    await healthy(objects, other_than=first)
    await eventually("v1 is gone", lambda: first not in objects.deployments())
    # when v1 is asked for again, now with a rollout that would wait for a person
    objects.patch("LLMApp", "support", {"spec": {"rollout": UNTIL_PROMOTED, "prompt": {"version": "v1"}}})
    # then it serves at once
    await eventually("v1 serves", lambda: objects.status()["stableRelease"] == first)
    assert objects.status()["history"][-1]["result"] == "FastRolledBack"


async def test_a_person_does_what_the_status_says(kubectl: Kubectl, objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout that waits for a person
    a_model_and_a_prompt(objects)
    rollout = {"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": {"metrics": []}}
    an_app(objects, rollout=rollout)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    told = (await paused_at_25(objects))["paused"]
    # when somebody runs the command that the status names
    command = told.partition("kubectl ")[2].split()
    done = await asyncio.to_thread(kubectl, *command)
    # then the rollout goes on
    assert done.returncode == 0, done.stderr
    await healthy(objects, other_than=stable)


async def test_scaling_is_no_release(controlplane: ControlPlane, objects: Objects, dataplane: DataPlane) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects)
    release = await healthy(objects)
    # when it is scaled, as autoscalers do it
    controlplane.kubectl("-n", objects.namespace, "scale", "llmapp/support", "--replicas=4")
    # then the same release has more pods, and an autoscaler sees them
    await eventually("4 pods", lambda: objects.status()["replicas"] == 4)
    await healthy(objects)
    assert objects.deployments()[release].spec.replicas == 4
    scale = controlplane.kubectl("-n", objects.namespace, "get", "llmapp/support", "--subresource=scale", "-o=json")
    assert '"selector": "genaiops.dev/app=support,genaiops.dev/component=runtime"' in scale
    assert [item["metadata"]["name"] for item in objects.all("Release")] == [release]
    assert len(objects.status()["history"]) == 1


async def test_an_app_that_is_deleted_in_the_middle_of_a_rollout_leaves_nothing(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given a rollout under way
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    await healthy(objects)
    ask_for(objects, "v2")
    await paused_at_25(objects)
    # when the app is deleted
    objects.delete("LLMApp", "support")
    # then nothing of it remains
    await eventually("all is gone", lambda: not objects.names())


async def test_an_app_that_is_made_anew_starts_from_nothing(objects: Objects, dataplane: DataPlane) -> None:
    # given an app with a history
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    first = await healthy(objects)
    ask_for(objects, "v2")
    await healthy(objects, other_than=first)
    old = objects.get("LLMApp", "support")["metadata"]["uid"]
    # when it is deleted, and made anew before the garbage collector is done
    objects.delete("LLMApp", "support")
    an_app(objects, rollout=AT_ONCE)
    # then it serves its first release, and everything is the new app's own
    await healthy(objects)
    assert [entry["reason"] for entry in objects.status()["history"]] == ["FirstRelease"]

    def owners() -> set[str]:
        return {owner["uid"] for item in objects.all("Release") for owner in item["metadata"]["ownerReferences"]} | {
            owner.uid for item in objects.deployments().values() for owner in item.metadata.owner_references
        }

    await eventually("nothing of the old app is left", lambda: old not in owners())
    await healthy(objects)
    assert len(objects.all("Release")) == 1
