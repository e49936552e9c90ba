"""What is no release, and whose release it is: an app's rollout is its own business."""

import pytest
from harness import Objects, eventually
from simulation import DataPlane
from stories import CANARY, UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25, under_traffic

pytestmark = pytest.mark.usefixtures("operator")

NOTES = {"metadata": {"labels": {"team": "support"}, "annotations": {"note": "hello"}}}
OTHER_SETTINGS = {
    "steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 75}],
    "analysis": {"metrics": [], "interval": "3s"},
    "progressDeadline": "7m",
    "watchAfterPromotion": "1h",
    "rollbackWindow": 0,
}


def changed_but_no_release(objects: Objects) -> None:
    """Labels and annotations of the app and of all that it refers to, its size, and how it is to be rolled out."""
    for kind, name in (("LLMApp", "support"), ("Prompt", "support"), ("Model", "llm")):
        objects.patch(kind, name, NOTES)
    # A version that nobody asks for, and a label that nobody follows.
    another = {"name": "v4", "messages": [{"role": "system", "content": "Be fast."}]}
    versions = [*objects.get("Prompt", "support")["spec"]["versions"], another]
    objects.patch("Prompt", "support", {"spec": {"versions": versions, "labels": {"next": "v4"}}})
    objects.patch("LLMApp", "support", {"spec": {"rollout": OTHER_SETTINGS, "revisionHistoryLimit": 5}})
    objects.patch("LLMApp", "support", {"spec": {"replicas": 3}})


async def test_at_rest_nothing_begins_and_no_pod_is_restarted(objects: Objects, dataplane: DataPlane) -> None:
    # given an app that serves
    a_model_and_a_prompt(objects)
    an_app(objects)
    release = await healthy(objects)
    pods = {pod.uid for pod in dataplane.of(release)}
    # when everything changes that changes no answer
    changed_but_no_release(objects)
    # then the last of it is seen, and the same release serves from the same pods and one more
    await eventually("it is scaled", lambda: len(dataplane.of(release)) == 3 and objects.status()["replicas"] == 3)
    assert await healthy(objects) == release
    assert pods < {pod.uid for pod in dataplane.of(release)}
    assert [item["metadata"]["name"] for item in objects.all("Release")] == [release]
    assert len(objects.status()["history"]) == 1
    assert len(objects.events("RolloutStarted")) == 1


async def test_in_a_rollout_it_goes_on_from_its_step(objects: Objects, dataplane: DataPlane) -> None:
    # given a rollout that waits at 25 percent
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    before = await paused_at_25(objects)
    pods = {pod.uid for pod in (*dataplane.of(stable), *dataplane.of(before["release"]))}
    # when everything changes that changes no answer
    changed_but_no_release(objects)
    # then it has one step more, and is where it was
    await eventually("it is scaled", lambda: objects.status()["replicas"] == 3)
    await eventually("three steps", lambda: objects.status()["rollout"]["steps"] == 3)
    after = await paused_at_25(objects)
    clocks = ("release", "step", "startedAt", "stepStartedAt")
    assert {name: after[name] for name in clocks} == {name: before[name] for name in clocks}
    assert pods <= set(dataplane.pods)
    assert len(objects.events("RolloutStarted")) == 2


async def test_of_two_apps_that_share_a_prompt_one_aborts_and_the_other_promotes(
    objects: Objects, dataplane: DataPlane
) -> None:
    # given two apps that follow the same label
    a_model_and_a_prompt(objects)
    apps = ("support", "sound")
    for app in apps:
        an_app(objects, app, prompt={"ref": "support", "label": "live"}, rollout=CANARY)
    before = {app: await healthy(objects, app) for app in apps}
    # when the label moves, and the answers of only one of them violate a guardrail
    objects.patch("Prompt", "support", {"spec": {"labels": {"live": "v2"}}})
    candidates = {
        app: await eventually(f"{app} starts", lambda app=app: objects.status(app).get("candidateRelease"))
        for app in apps
    }
    await under_traffic(
        "both end",
        objects,
        dataplane,
        lambda _: all("rollout" not in objects.status(app) for app in apps),
        leaking=candidates["support"],
    )
    # then that one is taken back, and the other is promoted
    leaky, sound = (objects.status(app) for app in apps)
    assert (leaky["stableRelease"], leaky["abortedRelease"]) == (before["support"], candidates["support"])
    assert (leaky["phase"], leaky["history"][-1]["result"]) == ("Degraded", "Aborted")
    assert (sound["stableRelease"], sound["history"][-1]["result"]) == (candidates["sound"], "Promoted")
    assert await healthy(objects, "sound") == candidates["sound"]
    # and nothing is left of what each left behind
    gone = {candidates["support"], before["sound"]}
    await eventually("both are gone", lambda: not gone & objects.deployments().keys())
