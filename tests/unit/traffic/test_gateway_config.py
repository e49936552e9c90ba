"""What the gateway is told, file by file."""

import json
import random

import pytest

from genaiops.api.rollout import HeaderMatch
from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config, routes_version

STABLE, CANDIDATE, OLD = "shop-aaaaaaaaaa", "shop-bbbbbbbbbb", "shop-cccccccccc"
BACKENDS = tuple(Backend(release, release) for release in (STABLE, CANDIDATE, OLD))


def config(routes: GatewayRoutes) -> dict[str, str]:
    return gateway_config("shop", "team", routes)


def changed(before: GatewayRoutes, after: GatewayRoutes) -> set[str]:
    old, new = config(before), config(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


def test_a_new_weight_changes_the_routes_and_nothing_else() -> None:
    assert changed(GatewayRoutes(STABLE, CANDIDATE, 5, BACKENDS), GatewayRoutes(STABLE, CANDIDATE, 25, BACKENDS)) == {
        "rds.json"
    }


def test_no_change_of_routes_needs_a_restart() -> None:
    assert changed(GatewayRoutes(), GatewayRoutes(STABLE, CANDIDATE, 100, BACKENDS)) == {"cds.json", "rds.json"}


def test_the_order_of_backends_means_nothing() -> None:
    shuffled = list(BACKENDS)
    random.Random(1).shuffle(shuffled)
    assert (
        changed(GatewayRoutes(STABLE, CANDIDATE, 5, BACKENDS), GatewayRoutes(STABLE, CANDIDATE, 5, tuple(shuffled)))
        == set()
    )


def test_the_version_tells_routes_apart() -> None:
    different = [
        GatewayRoutes(),
        GatewayRoutes(STABLE, None, 0, BACKENDS),
        GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS),
        GatewayRoutes(STABLE, CANDIDATE, 1, BACKENDS),
        GatewayRoutes(CANDIDATE, STABLE, 1, BACKENDS),
        GatewayRoutes(STABLE, CANDIDATE, 1, BACKENDS[:2]),
        GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS, (HeaderMatch(header="x-team", exact="us"),)),
        GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS, (HeaderMatch(header="x-team", prefix="us"),)),
        GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS, (HeaderMatch(cookie="x-team", exact="us"),)),
        GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS, shadow=1),
        GatewayRoutes(STABLE, CANDIDATE, 0, BACKENDS, shadow=2),
    ]
    versions = [routes_version(config(routes)) for routes in different]
    assert len(set(versions)) == len(different)
    assert versions == [routes_version(config(routes)) for routes in different]


def test_an_app_container_gets_the_requests_and_the_runtime_beside_it_the_health_checks() -> None:
    routes = GatewayRoutes(STABLE, backends=(Backend(STABLE, STABLE, port=8000),))
    (cluster,) = json.loads(config(routes)["cds.json"])["resources"]
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    assert endpoint["address"]["socket_address"] == {"address": STABLE, "port_value": 8000}
    assert endpoint["health_check_config"] == {"port_value": 8080}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stable": "shop-0000000000"}, "stable: shop-0000000000 is no backend"),
        ({"stable": STABLE, "candidate": "shop-0000000000"}, "candidate: shop-0000000000 is no backend"),
        ({"stable": STABLE, "candidate": STABLE}, "candidate: shop-aaaaaaaaaa is the stable release"),
        ({"stable": STABLE, "candidate": CANDIDATE, "weight": 101}, "weight: 101 is no percentage"),
        ({"stable": STABLE, "candidate": CANDIDATE, "weight": -1}, "weight: -1 is no percentage"),
        ({"stable": STABLE, "weight": 5}, "weight: 5 % needs both"),
        ({"candidate": CANDIDATE, "weight": 5}, "weight: 5 % needs both"),
        ({"stable": STABLE, "shadow": 5}, "shadow: 5 % needs both"),
        ({"stable": STABLE, "candidate": CANDIDATE, "variants": {"x": 5}}, "variants: x is no backend"),
        ({"stable": STABLE, "candidate": CANDIDATE, "variants": {STABLE: 5}}, "variants: they are other releases"),
        ({"stable": STABLE, "candidate": CANDIDATE, "weight": 60, "variants": {STABLE: 41}}, "come to 101 %"),
        ({"stable": STABLE, "candidate": CANDIDATE, "shadow": 101}, "shadow: 101 is no percentage"),
        ({"stable": STABLE, "testers": (HeaderMatch(header="x-team", exact="us"),)}, "testers: they need both"),
        ({"backends": (BACKENDS[0], BACKENDS[0])}, "backends: a release is listed twice"),
    ],
)
def test_routes_that_contradict_themselves_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GatewayRoutes(**{"backends": BACKENDS, **fields})  # type: ignore[arg-type]
