"""What the operator learns from Envoy's admin answers."""

import json
from typing import Any

import pytest

from genaiops.api.rollout import HeaderMatch
from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config, routes_version
from genaiops.traffic.live import healthy_endpoints, live_routes_version, live_shadow, live_testers, live_weights

STABLE, CANDIDATE = "shop-aaaaaaaaaa", "shop-bbbbbbbbbb"
BACKENDS = (Backend(STABLE, STABLE), Backend(CANDIDATE, CANDIDATE))


def dump_of(config: dict[str, str]) -> dict[str, Any]:
    """The answer to ROUTES_PATH once Envoy has taken `config` (its shape is held to the real one elsewhere)."""
    response = json.loads(config["rds.json"])
    return {"configs": [{"version_info": response["version_info"], "route_config": response["resources"][0]}]}


@pytest.mark.parametrize(
    ("routes", "weights"),
    [
        (GatewayRoutes(), {}),
        (GatewayRoutes(backends=BACKENDS), {}),
        (GatewayRoutes(STABLE, backends=BACKENDS), {STABLE: 100}),
        (GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS), {STABLE: 100, CANDIDATE: 0}),
        (GatewayRoutes(STABLE, CANDIDATE, 5, BACKENDS), {STABLE: 95, CANDIDATE: 5}),
        (GatewayRoutes(STABLE, CANDIDATE, 100, BACKENDS), {STABLE: 0, CANDIDATE: 100}),
    ],
)
def test_version_and_weights_are_read_back(routes: GatewayRoutes, weights: dict[str, int]) -> None:
    config = gateway_config("shop", "team", routes)
    assert live_routes_version(dump_of(config)) == routes_version(config)
    assert live_weights(dump_of(config)) == weights


def test_testers_and_copies_are_read_back() -> None:
    testers = (HeaderMatch(header="x-team", exact="us"), HeaderMatch(cookie="beta", prefix="1"))
    dump = dump_of(gateway_config("shop", "team", GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS, testers, 30)))
    assert live_weights(dump) == {STABLE: 100, CANDIDATE: 0}
    assert live_testers(dump) == testers
    assert live_shadow(dump) == 30


def test_a_gateway_that_has_read_nothing_yet_has_no_version() -> None:
    assert live_routes_version({}) is None
    assert live_weights({}) == {}
    assert live_testers({}) == ()
    assert live_shadow({}) == 0


def test_a_part_that_is_left_out_has_weight_zero() -> None:
    """Protobuf's JSON leaves defaults out."""
    dump = dump_of(gateway_config("shop", "team", GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS)))
    split = dump["configs"][0]["route_config"]["virtual_hosts"][0]["routes"][-1]
    del split["route"]["weighted_clusters"]["clusters"][0]["weight"]
    assert live_weights(dump) == {STABLE: 100, CANDIDATE: 0}


def test_only_pods_that_passed_their_checks_count() -> None:
    good = {"health_status": {"eds_health_status": "HEALTHY"}}
    failed = {"health_status": {"eds_health_status": "HEALTHY", "failed_active_health_check": True}}
    clusters = {
        "cluster_statuses": [
            {"name": "admin", "host_statuses": [good]},
            {"name": STABLE, "added_via_api": True, "host_statuses": [good, failed, good]},
            {"name": CANDIDATE, "added_via_api": True},
            {"name": f"{CANDIDATE}/else/{STABLE}", "added_via_api": True},
        ]
    }
    assert healthy_endpoints(clusters) == {STABLE: 2, CANDIDATE: 0}
