"""Traffic without a gateway of the app's own: which pods a Service selects, and who stands behind it."""

from typing import Any

import pytest

from genaiops.rollout.snapshot import Routes
from genaiops.traffic.replicas import selector, weights
from genaiops.traffic.slices import ready_pods

STABLE, CANDIDATE, OLD = "shop-aaaaaaaaaa", "shop-bbbbbbbbbb", "shop-cccccccccc"
ONLY_STABLE = {"genaiops.dev/app": "shop", "genaiops.dev/release": STABLE}
ONLY_CANDIDATE = {"genaiops.dev/app": "shop", "genaiops.dev/release": CANDIDATE}
BOTH = {"genaiops.dev/app": "shop", "genaiops.dev/component": "runtime"}


@pytest.mark.parametrize(
    ("routes", "others", "selected"),
    [
        (Routes(STABLE), set(), ONLY_STABLE),
        (Routes(STABLE, CANDIDATE, 0), set(), ONLY_STABLE),
        (Routes(STABLE, CANDIDATE, 1), set(), BOTH),
        (Routes(STABLE, CANDIDATE, 99), set(), BOTH),
        (Routes(STABLE, CANDIDATE, 100), set(), ONLY_CANDIDATE),
        # A third release's pods would be selected with them.
        (Routes(STABLE, CANDIDATE, 25), {OLD}, ONLY_STABLE),
        (Routes(STABLE, CANDIDATE, 100), {OLD}, ONLY_CANDIDATE),
    ],
)
def test_the_service_selects_whom_the_weight_is_for(routes: Routes, others: set[str], selected: dict[str, str]) -> None:
    assert selector("shop", routes, others) == selected


@pytest.mark.parametrize(
    ("behind", "asked", "had"),
    [
        ({}, 25, {}),
        ({STABLE: 3}, 25, {STABLE: 100}),
        # As many pods as the weight stands for: it is in effect, whatever stable's own pods are doing.
        ({STABLE: 3, CANDIDATE: 1}, 25, {STABLE: 75, CANDIDATE: 25}),
        ({STABLE: 2, CANDIDATE: 1}, 25, {STABLE: 66, CANDIDATE: 25}),
        ({STABLE: 3, CANDIDATE: 1}, 50, {STABLE: 75, CANDIDATE: 25}),
        ({STABLE: 3, CANDIDATE: 3}, 50, {STABLE: 50, CANDIDATE: 50}),
        # Pods that still get requests are not hidden by what was asked for.
        ({STABLE: 3, CANDIDATE: 1}, 0, {STABLE: 75, CANDIDATE: 25}),
        ({STABLE: 3, CANDIDATE: 3}, 100, {STABLE: 50, CANDIDATE: 50}),
        ({CANDIDATE: 3}, 100, {CANDIDATE: 100}),
        ({STABLE: 300, OLD: 1}, 25, {STABLE: 99, OLD: 1}),
    ],
)
def test_the_weights_are_what_the_pods_make_of_them(behind: dict[str, int], asked: int, had: dict[str, int]) -> None:
    assert weights(behind, CANDIDATE, asked, replicas=3) == had


def test_pods_behind_a_service_are_counted_once_and_only_where_they_can_be_reached() -> None:
    def endpoint(pod: str, **conditions: Any) -> dict[str, Any]:
        return {"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"name": pod, "uid": f"uid-{pod}"}}

    reachable = {"ports": [{"name": "http", "port": 8080}]}
    slices = [
        {**reachable, "addressType": "IPv4", "endpoints": [endpoint("a", ready=True), endpoint("b")]},
        {**reachable, "addressType": "IPv6", "endpoints": [endpoint("a", ready=True)]},
        {**reachable, "endpoints": [endpoint("c", ready=False), {"addresses": ["10.0.0.9"]}]},
        {**reachable, "endpoints": None},
        # Pods that lack the Service's port.
        {"ports": [], "endpoints": [endpoint("d", ready=True)]},
    ]
    releases = {"a": STABLE, "b": CANDIDATE, "c": CANDIDATE, "d": CANDIDATE}
    assert ready_pods(slices, releases.__getitem__) == {STABLE: 1, CANDIDATE: 1}
