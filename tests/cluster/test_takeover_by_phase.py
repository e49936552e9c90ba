"""An operator is killed while something special is under way: the end is the same as if it had lived."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from admission import installed
from controlplane import ControlPlane
from harness import Manifest, Objects, OperatorProcess, eventually
from kubernetes import config
from simulation import DataPlane
from stories import (
    AT_ONCE,
    CANARY,
    UNTIL_PROMOTED,
    a_model_and_a_prompt,
    an_app,
    ask_for,
    healthy,
    paused_at_25,
    under_traffic,
)


async def killed_and_started(operator: OperatorProcess) -> None:
    """SIGKILL, and another one in its place."""
    operator.kill()
    operator.start()
    await operator.leads()


@pytest.fixture
def with_webhook(controlplane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for the test's namespace alone, which believes who asks."""
    with installed(controlplane, namespace, tmp_path, namespace=namespace, for_namespaces=namespace) as webhook:
        with OperatorProcess(controlplane, tmp_path, namespace=namespace, options=webhook.options) as process:
            yield process
        print(process.log)  # noqa: T201  # shown by pytest where the test failed


@pytest.mark.parametrize("ends", ["a breach", "the time is over"])
async def test_killed_in_the_watch_after_a_promotion(
    own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane, ends: str
) -> None:
    # given a promoted release that is being watched, and measured
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={**CANARY, "watchAfterPromotion": "1h" if ends == "a breach" else "30s"})
    before = await healthy(objects)
    ask_for(objects, "v2")
    await under_traffic("v2 is promoted", objects, dataplane, lambda now: "watch" in now)
    await eventually("it is measured", lambda: "analysis" in objects.status().get("watch", {}))
    watch: Manifest = objects.status()["watch"]
    # when the operator is killed, and answers turn bad while nobody looks
    own_operator.kill()
    if ends == "a breach":
        for pod in dataplane.of(watch["release"]):
            pod.counted.answer(200, violated=True)
    own_operator.start()
    await own_operator.leads()
    # then the watch ends as it would have
    await eventually("the watch is over", lambda: "watch" not in objects.status(), within=60)
    serves, gone = (before, watch["release"]) if ends == "a breach" else (watch["release"], before)
    assert objects.status()["stableRelease"] == serves
    await eventually("the other one is gone", lambda: set(objects.deployments()) == {serves, "support-gateway"})
    results = [(entry["release"], entry["result"]) for entry in objects.status()["history"]]
    expected = [(before, "Promoted"), (watch["release"], "Promoted")]
    assert results == expected + ([(gone, "RolledBack")] if ends == "a breach" else [])


async def test_killed_while_people_approve(
    controlplane: ControlPlane, with_webhook: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given a candidate that two people have to approve, of whom one has
    await eventually("the operator is ready", lambda: with_webhook.ready() == "ok")
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=AT_ONCE)
    stable = await healthy(objects)
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"approval": {"approvals": 2}}}})
    ask_for(objects, "v2")
    gate = lambda: objects.status().get("rollout", {}).get("gate")  # noqa: E731
    await eventually("it waits", gate)
    candidate = objects.status()["candidateRelease"]
    await eventually("its Release is there", lambda: f"Release/{candidate}" in objects.names())

    def approves(name: str) -> None:
        to = ("--clusterrole=genaiops-approver", f"--user={name}")
        controlplane.kubectl("-n", objects.namespace, "create", "rolebinding", name, *to)
        spec = {"app": "support", "action": "Approve", "release": objects.get("Release", candidate)["spec"]["hash"]}
        with config.new_client_from_config(str(controlplane.kubeconfig_for(name, "people"))) as api:
            Objects(api, objects.namespace).create("ReleaseAction", name, spec)

    approves("ana")
    approver = await eventually("one approved", lambda: gate().get("approvers"))
    # when the operator is killed
    await killed_and_started(with_webhook)
    await eventually("it is ready", lambda: with_webhook.ready() == "ok")
    # then the first approval counts still, and once; without the second nothing begins
    objects.patch("LLMApp", "support", {"spec": {"replicas": 3}})
    await eventually("it was looked at", lambda: objects.deployments()[stable].spec.replicas == 3)
    assert gate()["approvers"] == approver
    assert candidate not in objects.deployments()
    # and with the second it is rolled out
    approves("bob")
    assert await healthy(objects, other_than=stable) == candidate
    assert objects.status()["history"][-1]["decidedBy"] == ["Approve by ana", "Approve by bob"]


@pytest.mark.parametrize("killed", ["before it looked", "once it was on record"])
async def test_killed_right_after_a_decision(
    own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane, killed: str
) -> None:
    # given a rollout that waits at 25 percent
    a_model_and_a_prompt(objects)
    an_app(objects, rollout={**UNTIL_PROMOTED, "analysis": {"metrics": []}})
    stable = await healthy(objects)
    ask_for(objects, "v2")
    candidate = (await paused_at_25(objects))["release"]
    await eventually("its Release is there", lambda: f"Release/{candidate}" in objects.names())
    # when a person promotes, and the operator is killed
    release = objects.get("Release", candidate)["spec"]["hash"]
    if killed == "before it looked":
        own_operator.kill()
    objects.create("ReleaseAction", "decision", {"app": "support", "action": "Promote", "release": release})
    if killed == "once it was on record":
        await eventually("it is on record", lambda: objects.status().get("decisions"))
        own_operator.kill()
    own_operator.start()
    await own_operator.leads()
    # then it is carried out, once
    assert await healthy(objects, other_than=stable) == candidate
    told = lambda: objects.get("ReleaseAction", "decision").get("status", {}).get("phase")  # noqa: E731
    assert await eventually("the person is told", told) == "Applied"
    decided = [(entry["release"], entry["result"], entry.get("decidedBy")) for entry in objects.status()["history"]]
    assert decided[1:] == [(candidate, "Promoted", ["Promote by a person"])]
    assert [decision["phase"] for decision in objects.status()["decisions"]] == ["Applied"]
    assert len(objects.events("ActionApplied")) == 1
