"""The operator against a real API server: from an LLMApp to what runs it, and through a rollout."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from controlplane import ControlPlane
from harness import Objects, OperatorProcess, eventually
from kubernetes import client
from simulation import DataPlane

STEPS = [{"setWeight": 25}, {"pause": {"duration": "1s"}}, {"setWeight": 50}]
ANALYSIS = {
    "interval": "500ms",
    "minSamples": 20,
    "metrics": [
        {"name": "error-rate", "maxIncrease": "0.2"},
        {"name": "guardrail-violation-rate", "maxIncrease": "0.2"},
    ],
}


def version(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "messages": [{"role": "system", "content": text}]}


@pytest.fixture
def objects(admin: client.ApiClient, namespace: str) -> Objects:
    return Objects(admin, namespace)


@pytest.fixture
def operator(controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    process = OperatorProcess(controlplane, namespace, tmp_path / "operator.log")
    with process:
        yield process
    print(process.log)  # noqa: T201  # shown by pytest where the test failed


@pytest.fixture
async def dataplane(admin: client.ApiClient, namespace: str) -> AsyncIterator[DataPlane]:
    async with DataPlane(admin, namespace).running() as running:
        yield running


def an_app(objects: Objects, replicas: int = 2, rollout: dict[str, Any] | None = None) -> None:
    objects.create("Model", "llm", {"model": "m", "endpoint": "http://llm:8080/v1"})
    objects.create("Prompt", "support", {"versions": [version("v1", "Be helpful."), version("v2", "Be brief.")]})
    objects.create(
        "LLMApp",
        "support",
        {
            "replicas": replicas,
            "model": {"ref": "llm"},
            "prompt": {"ref": "support", "version": "v1"},
            "rollout": rollout or {"steps": STEPS, "analysis": ANALYSIS},
        },
    )


def status(objects: Objects) -> dict[str, Any]:
    return objects.get("LLMApp", "support").get("status", {})


async def healthy(objects: Objects) -> str:
    def ready() -> str | None:
        now = status(objects)
        return now.get("stableRelease") if now.get("phase") == "Healthy" else None

    return await eventually("the app is Healthy", ready)


async def test_an_app_becomes_a_release_that_runs(
    objects: Objects, operator: OperatorProcess, dataplane: DataPlane
) -> None:
    # when somebody applies an app
    an_app(objects)
    # then its first release serves
    release = await healthy(objects)
    assert objects.deployments()[release].spec.replicas == 2
    names = objects.names()
    assert {f"Release/{release}", f"ConfigMap/{release}", f"Service/{release}", "Service/support"} <= names
    assert status(objects)["conditions"][0]["status"] == "True"


async def test_a_good_change_is_promoted_and_the_old_release_goes(
    objects: Objects, operator: OperatorProcess, dataplane: DataPlane
) -> None:
    # given an app that serves
    an_app(objects)
    old = await healthy(objects)
    # when its prompt changes, and both releases answer well
    objects.patch("LLMApp", "support", {"spec": {"prompt": {"version": "v2"}}})

    def promoted() -> bool:
        for pod in dataplane.pods.values():
            if pod.release:
                pod.counted.answer(20)
        now = status(objects)
        return now["phase"] == "Healthy" and now["stableRelease"] != old

    await eventually("the candidate is promoted", promoted, within=60)
    # then the old release's pods and objects go, its Release stays for the way back
    await eventually("the old release is gone", lambda: f"Service/{old}" not in objects.names())
    assert old not in objects.deployments()
    assert f"Release/{old}" in objects.names()
    assert status(objects)["history"][-1]["result"] == "Promoted"


async def test_a_leaking_change_is_taken_back(
    objects: Objects, operator: OperatorProcess, dataplane: DataPlane
) -> None:
    # given an app that serves
    an_app(objects)
    stable = await healthy(objects)
    # when the candidate's answers violate a guardrail
    objects.patch("LLMApp", "support", {"spec": {"prompt": {"version": "v2"}}})

    def aborted() -> bool:
        for pod in dataplane.pods.values():
            if pod.release:
                pod.counted.answer(20, violated=pod.release != stable)
        return status(objects)["phase"] == "Degraded"

    await eventually("the candidate is aborted", aborted, within=60)
    # then stable has all the traffic, and the status and an Event tell the numbers
    now = status(objects)
    assert now["stableRelease"] == stable
    assert now["history"][-1]["result"] == "Aborted"
    assert "guardrail-violation-rate 100.0%" in now["history"][-1]["message"]
    await eventually(
        "an Event tells", lambda: any("violation-rate 100.0%" in told for told in objects.events("RolloutAborted"))
    )
    await eventually("the candidate's pods go", lambda: set(objects.deployments()) == {stable, "support-gateway"})


async def test_at_the_fixpoint_nothing_is_written(
    objects: Objects, controlplane: ControlPlane, operator: OperatorProcess, dataplane: DataPlane
) -> None:
    # given an app that serves
    an_app(objects)
    await healthy(objects)
    # when nothing happens for a minute
    await asyncio.sleep(5)
    before = len(controlplane.writes(user=operator.user))
    await asyncio.sleep(60)
    # then the operator has written nothing but its lease
    later = controlplane.writes(user=operator.user)[before:]
    assert [write for write in later if not write.resource.startswith("leases")] == []


async def test_a_killed_operator_goes_on_where_it_was(
    objects: Objects, operator: OperatorProcess, dataplane: DataPlane
) -> None:
    # given a rollout that pauses at 25 percent
    an_app(objects, rollout={"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": ANALYSIS})
    await healthy(objects)
    objects.patch("LLMApp", "support", {"spec": {"prompt": {"version": "v2"}}})
    await eventually("it pauses", lambda: status(objects)["phase"] == "Paused")
    await eventually("it measures", lambda: "analysis" in status(objects)["rollout"])
    before = status(objects)["rollout"]
    # when the operator is killed and another one takes over
    operator.kill()
    operator.start()
    await eventually("it leads", lambda: operator.log.count(" leads") == 2)
    for pod in dataplane.of(before["release"]):
        pod.counted.answer(7)
    await eventually(
        "it measures on",
        lambda: status(objects)["rollout"]["analysis"]["measuredAt"] > before["analysis"]["measuredAt"],
    )
    # then step, weight and clocks are the same
    after = status(objects)["rollout"]
    for name in ("release", "step", "weight", "startedAt", "stepStartedAt"):
        assert after[name] == before[name], name
