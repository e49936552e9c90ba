"""What the operator's own writes show: that the gateway was told the right weights, and when."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from genaiops.traffic.live import live_weights

Object = dict[str, Any]

WEIGHTS = [0, 25, 50, 100]
"""The weights that the steps of the stories allow, in their order."""


def assert_right_weights(written: list[Object], app: str) -> None:
    """The gateway was told what the status on record said, the status went step by step, and an aborted release got
    nothing any more."""
    status: Object = {}
    aborted: set[str] = set()
    for item in _versions(written):
        name = item["metadata"]["name"]
        if item["kind"] == "LLMApp" and name == app:
            before, status = status, item.get("status") or {}
            aborted |= {entry["release"] for entry in status.get("history", ()) if entry["result"] == "Aborted"}
            _assert_one_step(before.get("rollout"), status.get("rollout"))
        elif item["kind"] == "ConfigMap" and name == f"{app}-gateway":
            told = _weights(item)
            assert told == _wanted(status), f"{app}: the gateway was told {told}, the status said {status}"
            assert not aborted & told.keys(), f"{app}: {told} after {aborted} was taken back"


def weights_told(written: list[Object], app: str, release: str) -> list[int]:
    """The weights of a release that the gateway was told, one after the other."""
    told = [
        _weights(item).get(release, 0)
        for item in _versions(written)
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == f"{app}-gateway"
    ]
    return told[:1] + [later for earlier, later in pairwise(told) if later != earlier]


def _versions(written: list[Object]) -> Iterator[Object]:
    """What was written in the order in which it took effect, without what changed nothing."""
    latest: dict[tuple[str, str], int] = {}
    for item in sorted((item for item in written if item["metadata"].get("resourceVersion")), key=_version):
        key = item["kind"], item["metadata"]["name"]
        if latest.get(key) != _version(item):
            latest[key] = _version(item)
            yield item


def _version(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])


def _weights(config: Object) -> dict[str, int]:
    routes = json.loads(config["data"]["rds.json"])
    weights = live_weights({"configs": [{"route_config": resource} for resource in routes["resources"]]})
    return {release: weight for release, weight in weights.items() if weight}


def _wanted(status: Object) -> dict[str, int]:
    stable, rollout = status.get("stableRelease"), status.get("rollout")
    if not rollout:
        return {stable: 100} if stable else {}
    if not stable:
        return {rollout["release"]: 100}
    weights = {stable: 100 - rollout["weight"], rollout["release"]: rollout["weight"]}
    return {release: weight for release, weight in weights.items() if weight}


def _assert_one_step(before: Object | None, after: Object | None) -> None:
    if before and after and before["release"] == after["release"] and before["weight"] != after["weight"]:
        step = WEIGHTS.index(before["weight"]), WEIGHTS.index(after["weight"])
        assert step[1] == step[0] + 1, f"weight {before['weight']} → {after['weight']}"
