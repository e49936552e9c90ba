"""The rules about the order of pods and weight (docs/rollouts.md), for every way of splitting traffic."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from controlplane import ControlPlane
from harness import Objects, OperatorProcess, eventually
from simulation import DataPlane
from splitting import ByGateway, ByHttpRoute, ByReplicas, Splitting
from splitting import gateway_api as kinds_of_the_gateway_api
from stories import ANALYSIS, a_model_and_a_prompt, an_app, ask_for, healthy, paused_at_25, under_traffic

pytestmark = pytest.mark.usefixtures("gateway_api", "operator")

HELD_AT_25 = {"steps": [{"setWeight": 25}, {"pause": {}}], "analysis": {**ANALYSIS, "minSamples": 20}}
STRAIGHT_ON = {"steps": [{"setWeight": 25}], "analysis": ANALYSIS}


@pytest.fixture(scope="module")
def gateway_api(controlplane: ControlPlane) -> Iterator[None]:
    """The kinds of the Gateway API, as long as the tests of this file run."""
    with kinds_of_the_gateway_api(controlplane):
        yield


@pytest.fixture(params=[ByGateway, ByHttpRoute, ByReplicas])
async def split(request: pytest.FixtureRequest, objects: Objects, dataplane: DataPlane) -> AsyncIterator[Splitting]:
    """One way of splitting traffic."""
    splitting = request.param(objects, dataplane)
    splitting.prepare()
    async with splitting.running():
        yield splitting


async def serving(objects: Objects, split: Splitting) -> str:
    """An app with two pods, whose traffic is split this way; gives its release."""
    a_model_and_a_prompt(objects)
    an_app(objects, replicas=2, rollout=HELD_AT_25, traffic=split.traffic)
    stable = await healthy(objects)
    await gets(split, {stable: 100})
    return stable


async def gets(split: Splitting, shares: dict[str, int]) -> None:
    """Wait until requests go to these releases in these shares."""
    last: dict[str, int] = {}

    def so() -> bool:
        last.clear()
        last.update(split.shares())
        return last == shares

    try:
        await eventually(f"requests go to {shares}", so)
    except AssertionError as late:
        raise AssertionError(f"{late}; they go to {last}") from late


async def candidate_of(objects: Objects, other_than: tuple[str, ...] = ()) -> str:
    """Wait until a candidate has a Deployment, and give its release."""

    def begun() -> str | None:
        candidate: str = objects.status().get("candidateRelease", "")
        return candidate if candidate and candidate not in other_than and candidate in objects.deployments() else None

    release: str = await eventually("the candidate has a Deployment", begun)
    return release


@asynccontextmanager
async def watched(look: Callable[[], Any]) -> AsyncIterator[list[Any]]:
    """What `look` gives, over and over until the block ends."""
    seen: list[Any] = []
    over = asyncio.Event()

    async def keep_looking() -> None:
        while not over.is_set():
            seen.append(await asyncio.to_thread(look))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(keep_looking())
    try:
        yield seen
    finally:
        over.set()
        await looking


async def with_weight(objects: Objects, split: Splitting) -> tuple[str, str]:
    """A candidate that gets a part of the requests; stable's release and the candidate's."""
    stable = await serving(objects, split)
    ask_for(objects, "v2")
    candidate = await candidate_of(objects)
    await gets(split, {stable: 100 - split.share_at_25, candidate: split.share_at_25})
    return stable, candidate


async def test_no_request_reaches_a_candidate_before_its_pods_are_ready(
    objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given an app that serves, and a change whose pods don't get ready
    stable = await serving(objects, split)
    dataplane.ready = lambda pod: pod.release in ("", stable)
    async with watched(split.shares) as shares:
        # when it is rolled out
        ask_for(objects, "v2")
        candidate = await candidate_of(objects)
        await eventually("it waits", lambda: "0 of 1 pods" in objects.status()["rollout"].get("waiting", ""))
    # then nobody was sent to it
    assert all(seen == {stable: 100} for seen in shares), shares
    # and once they are ready, it gets the weight of its step and not more
    dataplane.ready = lambda pod: True
    async with watched(split.shares) as shares:
        await paused_at_25(objects)
    await gets(split, {stable: 100 - split.share_at_25, candidate: split.share_at_25})
    assert all(seen.get(candidate, 0) <= split.share_at_25 for seen in shares), shares


async def test_a_candidate_with_pods_and_no_weight_gets_nothing(
    objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given a rollout that stays at weight 0
    stable = await serving(objects, split)
    objects.patch("LLMApp", "support", {"spec": {"rollout": {"steps": [{"setWeight": 0}, {"pause": {}}]}}})
    async with watched(split.shares) as shares:
        # when its candidate is ready
        ask_for(objects, "v2")
        await eventually("it pauses", lambda: objects.status().get("rollout", {}).get("paused"))
        await asyncio.sleep(0.5)
    # then it has pods, and nobody is sent to them
    candidate = objects.status()["candidateRelease"]
    assert dataplane.of(candidate)
    assert all(seen == {stable: 100} for seen in shares), shares


async def test_a_candidate_that_loses_its_pods_loses_its_requests_to_stable(
    objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given a candidate with weight
    stable, candidate = await with_weight(objects, split)
    # when its pods are not ready any more
    dataplane.ready = lambda pod: pod.release in ("", stable)
    # then stable has all the requests, and the weight says so
    await gets(split, {stable: 100})
    await eventually("the weight is 0", lambda: objects.status()["rollout"]["weight"] == 0)
    # and they come back together
    dataplane.ready = lambda pod: True
    await gets(split, {stable: 100 - split.share_at_25, candidate: split.share_at_25})


async def test_a_breach_takes_the_requests_then_the_pods_then_the_address(
    controlplane: ControlPlane, operator: OperatorProcess, objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given a candidate with weight, which leaks
    stable, candidate = await with_weight(objects, split)

    def state() -> tuple[set[str], bool, bool]:
        # What goes last is looked at first: if it is gone by then, what goes before it must not be there afterwards.
        has_address = f"Service/{candidate}" in objects.names()
        has_pods = candidate in objects.deployments()
        return set(split.shares()), has_pods, has_address

    async with watched(state) as states:
        # when the analysis sees it
        aborted = lambda now: now["phase"] == "Degraded"  # noqa: E731
        await under_traffic("it is aborted", objects, dataplane, aborted, leaking=candidate)
        await eventually("its address is gone", lambda: f"Service/{candidate}" not in objects.names())
    # then its pods went when nobody was sent to them any more, and its address after its pods
    for getting, has_pods, has_address in states:
        assert has_pods or candidate not in getting, states
        assert has_address or not has_pods, states
        assert getting <= {stable, candidate}, states
    assert state() == ({stable}, False, False)


async def test_pods_stay_as_long_as_the_data_plane_may_send_them_requests(
    objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given a candidate with weight, and a data plane that takes up nothing any more
    _, candidate = await with_weight(objects, split)
    split.hold(True)
    # when the change is taken back
    ask_for(objects, "v1")
    await eventually("it is taken back", lambda: objects.status()["history"][-1]["result"] == "RolledBack")
    async with watched(lambda: candidate in objects.deployments()) as there:
        await asyncio.sleep(1)
    # then its pods stay
    assert all(there)
    # until the data plane has followed
    split.hold(False)
    await eventually("the pods go", lambda: candidate not in objects.deployments())


async def test_a_promotion_restarts_nothing_and_leaves_nobody_without_pods(
    objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given a candidate that answers well
    stable = await serving(objects, split)
    ask_for(objects, "v2")
    candidate = await candidate_of(objects)
    await paused_at_25(objects)
    first = {pod.uid for pod in dataplane.of(candidate)}

    def state() -> tuple[dict[str, int], bool]:
        has_pods = stable in objects.deployments()
        return split.shares(), has_pods

    async with watched(state) as states:
        # when it is promoted
        objects.patch("LLMApp", "support", {"spec": {"rollout": STRAIGHT_ON}})
        promoted = lambda now: now.get("stableRelease") == candidate  # noqa: E731
        await under_traffic("it is promoted", objects, dataplane, promoted)
        await eventually("the old release is gone", lambda: f"Service/{stable}" not in objects.names())
        await gets(split, {candidate: 100})
    # then somebody answered at every moment, and the old pods as long as anybody was sent to them
    assert all(shares and set(shares) <= {stable, candidate} for shares, _ in states), states
    assert all(old_pods or stable not in shares for shares, old_pods in states), states
    # and nobody went back to the old release who had left it
    left = [shares.get(stable, 0) for shares, _ in states]
    assert left == sorted(left, reverse=True), left
    # and the pods that were proved are those that serve
    assert first <= {pod.uid for pod in dataplane.of(candidate)}
    assert len(dataplane.of(candidate)) == 2


async def test_a_newer_change_inherits_no_requests(objects: Objects, dataplane: DataPlane, split: Splitting) -> None:
    # given a candidate with weight
    stable = await serving(objects, split)
    ask_for(objects, "v2")
    superseded = await candidate_of(objects)
    await gets(split, {stable: 100 - split.share_at_25, superseded: split.share_at_25})
    # when a newer change comes, and its pods are ready before the data plane has heard of anything
    split.hold(True)
    ask_for(objects, "v3")
    candidate = await candidate_of(objects, (superseded,))
    await eventually("its pods are ready", lambda: objects.deployments()[candidate].status.ready_replicas)
    async with watched(split.shares) as shares:
        await asyncio.sleep(1)
    # then it gets none of the requests that the other one still gets
    assert all(candidate not in seen for seen in shares), shares
    # and, once the data plane has followed, what its own step says
    split.hold(False)
    await gets(split, {stable: 100 - split.share_at_25, candidate: split.share_at_25})
    async with watched(split.shares) as shares:
        await paused_at_25(objects)
    await gets(split, {stable: 100 - split.share_at_25, candidate: split.share_at_25})
    assert all(superseded not in seen and seen.get(candidate, 0) <= split.share_at_25 for seen in shares), shares


async def test_scaling_is_no_release_and_at_rest_nothing_is_written(
    controlplane: ControlPlane, operator: OperatorProcess, objects: Objects, dataplane: DataPlane, split: Splitting
) -> None:
    # given an app that was scaled
    stable = await serving(objects, split)
    objects.patch("LLMApp", "support", {"spec": {"replicas": 3}})
    await eventually("there are three pods", lambda: len(dataplane.of(stable)) == 3)
    assert await healthy(objects) == stable
    await gets(split, {stable: 100})
    settled = lambda: objects.status().get("replicas") == 3 and not objects.status().get("untold")  # noqa: E731
    await eventually("its status has the three", settled)
    await asyncio.sleep(1)
    # when it is looked at again
    since = datetime.now(UTC)
    objects.patch("LLMApp", "support", {"metadata": {"labels": {"looked": "at"}}})
    await asyncio.sleep(1)
    # then there is nothing to do
    assert controlplane.writes(since=since, user=operator.user, namespace=objects.namespace) == []
