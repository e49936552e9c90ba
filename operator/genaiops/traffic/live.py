"""What a gateway pod says is live: pure readers of Envoy's admin answers (envoy.admin.v3, as JSON).

The operator gets them from port 9902 of the pod.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from genaiops.api.rollout import HeaderMatch
from genaiops.traffic.envoy.names import SPLIT, TESTERS, release_of

ROUTES_PATH = "/config_dump?resource=dynamic_route_configs"
"""Where the routes are told: about 5 kB, whatever the number of pods."""
CLUSTERS_PATH = "/clusters?format=json"
"""Where the pods and their health are told: about 1 kB a pod."""


def live_routes_version(config_dump: Mapping[str, Any]) -> str | None:
    """The version of the routes in force (see `routes_version`); None while Envoy has none yet."""
    for dump in config_dump.get("configs", []):
        version: str | None = dump.get("version_info")
        return version
    return None


def live_weights(config_dump: Mapping[str, Any]) -> dict[str, int]:
    """Release → percent of the requests that are not pinned. Empty while no release takes any."""
    weights = {}
    for route in _routes(config_dump):
        if route["name"] != SPLIT:
            continue
        action = route["route"]
        if "cluster" in action:
            weights[release_of(action["cluster"])] = 100
        else:
            for part in action["weighted_clusters"]["clusters"]:
                weights[release_of(part["name"])] = part.get("weight", 0)
    return weights


def live_shadow(config_dump: Mapping[str, Any]) -> int:
    """Percent of the chat completions that are copied to the candidate."""
    for route in _routes(config_dump):
        for policy in route.get("route", {}).get("request_mirror_policies", []):
            percent: int = policy["runtime_fraction"]["default_value"].get("numerator", 0)
            return percent
    return 0


def live_testers(config_dump: Mapping[str, Any]) -> tuple[HeaderMatch, ...]:
    """The requests that go to the candidate at any weight, in the order of the routes."""
    testers = []
    for route in _routes(config_dump):
        if route["name"] == TESTERS:
            kind = "header" if "headers" in route["match"] else "cookie"
            (condition,) = route["match"][f"{kind}s"]
            testers.append(HeaderMatch(**{kind: condition["name"]}, **condition["string_match"]))
    return tuple(testers)


def healthy_endpoints(clusters: Mapping[str, Any]) -> dict[str, int]:
    """Release → number of pods the gateway found ready. A release it does not know (yet) is missing."""
    return {
        cluster["name"]: sum(_is_healthy(host) for host in cluster.get("host_statuses", []))
        for cluster in clusters.get("cluster_statuses", [])
        if cluster.get("added_via_api") and release_of(cluster["name"]) == cluster["name"]
    }


def _routes(config_dump: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for dump in config_dump.get("configs", []):
        for host in dump["route_config"]["virtual_hosts"]:
            yield from host["routes"]


def _is_healthy(host: Mapping[str, Any]) -> bool:
    # Failed checks show as flags beside the status that Envoy gives to every endpoint it found by DNS.
    return dict(host["health_status"]) == {"eds_health_status": "HEALTHY"}
