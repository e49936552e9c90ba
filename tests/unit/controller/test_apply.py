"""When a manifest stands in the live object already, so that nothing has to be written."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest

from genaiops.controller.apply import Applier, contains
from genaiops.controller.cluster import ApiError, Cluster
from genaiops.controller.store import Key, Store

LIVE = {
    "metadata": {"name": "bot", "labels": {"ours": "1", "theirs": "2"}, "uid": "x"},
    "spec": {
        "replicas": 2,
        "paused": False,
        "containers": [{"name": "a", "image": "i:1", "terminationMessagePath": "/dev/log"}, {"name": "b"}],
    },
    "status": {"readyReplicas": 2},
}


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"metadata": {"name": "bot"}},
        {"metadata": {"labels": {"ours": "1"}}},
        {"spec": {"replicas": 2}},
        {"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b"}]}},
        {"spec": {"args": []}},
        {"spec": {"nodeSelector": {}}},
        {"spec": {"nodeName": None}},
    ],
)
def test_what_stands_there_with_others_additions_is_there(wanted: dict[str, Any]) -> None:
    assert contains(LIVE, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        {"spec": {"replicas": 3}},
        {"spec": {"replicas": "2"}},
        {"metadata": {"labels": {"ours": "2"}}},
        {"metadata": {"labels": {"new": "1"}}},
        {"spec": {"containers": [{"name": "a", "image": "i:1"}]}},
        {"spec": {"containers": [{"name": "b"}, {"name": "a", "image": "i:1"}]}},
        {"spec": {"containers": [{"name": "a", "image": "i:2"}, {"name": "b"}]}},
        {"spec": {"containers": []}},
        {"spec": {"args": ["--fast"]}},
        {"spec": {"replicas": {"of": 2}}},
        {"data": {"key": "value"}},
        {"spec": {"progressDeadlineSeconds": 0}},
    ],
)
def test_any_difference_in_what_is_ours_has_to_be_written(wanted: dict[str, Any]) -> None:
    assert not contains(LIVE, wanted)


# --- applying ----------------------------------------------------------------------------------------------

OWNER = Key("LLMApp", "shop", "bot")


class RecordingCluster(Cluster):
    """An API server that stores what is applied, in its own form, and counts the writes."""

    def __init__(self) -> None:
        self.writes: list[dict[str, Any]] = []

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        self.writes.append(manifest)
        stored = deepcopy(manifest)
        if "cpu" in stored["spec"].get("limits", {}):
            stored["spec"]["limits"]["cpu"] = stored["spec"]["limits"]["cpu"].replace("1000m", "1")
        stored["metadata"] |= {"resourceVersion": str(len(self.writes)), "uid": "x"}
        return stored


def manifest(**spec: Any) -> dict[str, Any]:
    """A Deployment that is ours."""
    return {"kind": "Deployment", "metadata": {"name": "bot", "namespace": "shop"}, "spec": spec}


async def test_what_was_applied_is_not_written_again() -> None:
    cluster, store = RecordingCluster(), Store()
    applier = Applier(cluster, store)
    for _ in range(3):
        await applier.apply(OWNER, [manifest(replicas=2)])

    assert len(cluster.writes) == 1


async def test_what_a_list_shows_as_it_should_be_is_not_written() -> None:
    cluster, store = RecordingCluster(), Store()
    # given an operator that has just started: it knows of the Deployment by a list, whose items have no apiVersion
    listed = manifest(replicas=2)
    listed["metadata"] |= {"resourceVersion": "7", "uid": "x"}
    store.take_list("Deployment", [listed], 7)

    await Applier(cluster, store).apply(OWNER, [{"apiVersion": "apps/v1", **manifest(replicas=2)}])

    assert cluster.writes == []


async def test_a_wave_begins_when_the_one_before_has_been_made_and_a_refusal_keeps_none_from_being_made() -> None:
    class SlowCluster(RecordingCluster):
        """Takes the longer the more replicas there are, and refuses ten."""

        async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
            replicas = manifest["spec"]["replicas"]
            await asyncio.sleep(replicas / 1000)
            if replicas == 10:
                raise ApiError(403, "Forbidden", "exceeded quota")
            return await super().apply(manifest)

    def named(name: str, replicas: int) -> dict[str, Any]:
        made = manifest(replicas=replicas)
        return {**made, "metadata": {**made["metadata"], "name": name}}

    cluster = SlowCluster()
    applier = Applier(cluster, Store())

    refusal = await applier.apply(
        OWNER, [named("slow", 20), named("refused", 10), named("fast", 1)], [named("after both", 0)]
    )

    assert [write["metadata"]["name"] for write in cluster.writes] == ["fast", "slow", "after both"]
    assert str(refusal) == "exceeded quota"
    assert applier.refused(OWNER) == {Key("Deployment", "shop", "refused"): "exceeded quota"}


async def test_a_value_that_the_api_server_stores_in_another_form_is_not_written_again() -> None:
    cluster, store = RecordingCluster(), Store()
    applier = Applier(cluster, store)
    for _ in range(3):
        await applier.apply(OWNER, [manifest(limits={"cpu": "1000m"})])

    assert len(cluster.writes) == 1


async def test_a_change_by_somebody_else_is_taken_back() -> None:
    cluster, store = RecordingCluster(), Store()
    applier = Applier(cluster, store)
    await applier.apply(OWNER, [manifest(replicas=2)])

    edited = manifest(replicas=0)
    edited["metadata"] |= {"resourceVersion": "7", "uid": "x"}
    store.put("Deployment", edited)
    await applier.apply(OWNER, [manifest(replicas=2)])

    assert [write["spec"] for write in cluster.writes] == [{"replicas": 2}, {"replicas": 2}]


async def test_a_field_that_is_no_longer_set_is_taken_back() -> None:
    cluster, store = RecordingCluster(), Store()
    applier = Applier(cluster, store)
    await applier.apply(OWNER, [manifest(limits={"memory": "1Gi"})])

    await applier.apply(OWNER, [manifest(limits={})])

    assert len(cluster.writes) == 2, "server-side apply removes what its manager no longer sets"
