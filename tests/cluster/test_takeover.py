"""Operators die, hang and come back: what is under way goes on where it was, and only one acts."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from controlplane import ControlPlane
from harness import Manifest, Objects, OperatorProcess, eventually
from simulation import DataPlane
from stories import UNTIL_PROMOTED, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25, under_traffic

CLOCKS = ("release", "step", "weight", "startedAt", "stepStartedAt")


@pytest.fixture
def second_operator(
    controlplane: ControlPlane, namespace: str, tmp_path: Path, own_operator: OperatorProcess
) -> Iterator[OperatorProcess]:
    """Another one that waits for the same lease."""
    with OperatorProcess(controlplane, tmp_path, namespace=namespace, name="second") as process:
        yield process
    print(process.log)  # noqa: T201  # shown by pytest where the test failed


async def a_rollout_at_25(objects: Objects) -> Manifest:
    """The status of a rollout that waits at 25 percent, and measures."""
    a_model_and_a_prompt(objects)
    an_app(objects, rollout=UNTIL_PROMOTED)
    await healthy(objects)
    ask_for(objects, "v2")
    await paused_at_25(objects)
    await eventually("it measures", lambda: "analysis" in objects.status()["rollout"])
    rollout: Manifest = objects.status()["rollout"]
    return rollout


async def goes_on(objects: Objects, before: Manifest) -> None:
    """Wait until a measurement later than `before` is told, of the same rollout at the same step."""
    await eventually(
        "it measures on",
        lambda: objects.status()["rollout"]["analysis"]["measuredAt"] > before["analysis"]["measuredAt"],
    )
    after = objects.status()["rollout"]
    assert {name: after[name] for name in CLOCKS} == {name: before[name] for name in CLOCKS}


async def test_a_killed_operator_goes_on_where_it_was(
    own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given a rollout that waits at 25 percent
    before = await a_rollout_at_25(objects)
    # when the operator is killed and started again
    own_operator.kill()
    own_operator.start()
    await own_operator.leads()
    # then it goes on with the same step, weight and clocks
    await goes_on(objects, before)


async def test_an_aborted_release_is_not_tried_again_by_an_operator_that_starts(
    own_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given a release that was taken back
    a_model_and_a_prompt(objects)
    an_app(objects)
    stable = await healthy(objects)
    ask_for(objects, "v2")
    candidate = await eventually("it starts", lambda: objects.status().get("candidateRelease"))
    await under_traffic(
        "it is taken back", objects, dataplane, lambda now: now["phase"] == "Degraded", leaking=candidate
    )
    await eventually("its pods go", lambda: set(objects.deployments()) == {stable, "support-gateway"})
    await eventually("it is retired", lambda: not objects.status().get("retiring"))
    before = objects.status()
    # when the operator is started anew
    own_operator.stop()
    own_operator.start()
    await own_operator.leads()
    # then it stays as it is, also when the app is looked at again
    objects.patch("LLMApp", "support", {"metadata": {"labels": {"look": "again"}}})
    objects.patch("LLMApp", "support", {"spec": {"replicas": 3}})
    await eventually("it is scaled", lambda: objects.deployments()[stable].spec.replicas == 3)
    assert objects.status()["history"] == before["history"]
    assert (objects.status()["phase"], objects.status()["abortedRelease"]) == ("Degraded", candidate)
    assert set(objects.deployments()) == {stable, "support-gateway"}


async def test_the_next_in_line_takes_over_from_a_leader_that_is_killed(
    own_operator: OperatorProcess, second_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given two operators, of which one leads
    leader, other = await who_leads(own_operator, second_operator)
    before = await a_rollout_at_25(objects)
    assert other.ready() == "ok"
    # when the leader is killed
    leader.kill()
    killed = time.monotonic()
    # then the other leads within 15 s, and goes on
    await other.leads(within=15)
    assert time.monotonic() - killed < 15
    await goes_on(objects, before)


async def test_a_leader_that_ends_hands_over_at_once(
    own_operator: OperatorProcess, second_operator: OperatorProcess, objects: Objects, dataplane: DataPlane
) -> None:
    # given two operators, of which one leads
    leader, other = await who_leads(own_operator, second_operator)
    before = await a_rollout_at_25(objects)
    # when the leader is asked to end
    asked = time.monotonic()
    leader.stop()
    # then the other leads within seconds, and goes on
    await other.leads(within=10)
    print(f"handed over in {time.monotonic() - asked:.1f} s")  # noqa: T201
    await goes_on(objects, before)


async def test_a_leader_that_hung_writes_nothing_when_it_wakes_up(
    controlplane: ControlPlane,
    own_operator: OperatorProcess,
    second_operator: OperatorProcess,
    objects: Objects,
    dataplane: DataPlane,
) -> None:
    # given two operators, of which one leads
    leader, other = await who_leads(own_operator, second_operator)
    before = await a_rollout_at_25(objects)
    # when the leader hangs for longer than its lease, and the world moves on
    leader.freeze()
    await other.leads(within=15)
    await goes_on(objects, before)
    ask_for(objects, "v3")
    await eventually("v3 starts", lambda: objects.status().get("candidateRelease") not in (before["release"], None))
    thawed = datetime.now(UTC)
    leader.thaw()
    # then it ends without having written anything, for a restart to make it a follower
    assert await leader.ends() == 1
    assert controlplane.writes(since=thawed, user=leader.user) == []
    # and the other one is not disturbed
    await paused_at_25(objects)


async def who_leads(*operators: OperatorProcess) -> tuple[OperatorProcess, OperatorProcess]:
    """The one that leads, and the one that does not."""
    first, second = operators

    def leading() -> list[OperatorProcess]:
        return [operator for operator in operators if " leads" in operator.log]

    (leader,) = await eventually("one leads", leading)
    await eventually("both are ready", lambda: all(operator.ready() == "ok" for operator in operators))
    return (first, second) if leader is first else (second, first)
