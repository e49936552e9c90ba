"""Envoy's clusters: one for each release with pods, and one that falls back from the candidate to stable."""

from genaiops.traffic.envoy.names import Config, extension, typed, with_fallback
from genaiops.traffic.envoy.target import Backend, GatewayRoutes

# Envoy gives a priority up once healthy/total * factor drops below 100 %. Falling back is for a candidate with no
# healthy pod at all: with this factor a single one in a thousand still takes all of the candidate's requests.
_ANY_HEALTHY_POD = 100_000

_COMMON_LB = {
    # By default Envoy sends to unhealthy pods too when most of them are.
    "healthy_panic_threshold": {"value": 0},
    # By default Envoy collects changes of health for a second before its workers hear of them.
    "update_merge_window": "0s",
}

_UNLIMITED = 1_000_000
_CIRCUIT_BREAKERS = {
    "thresholds": [
        {
            "max_connections": _UNLIMITED,
            "max_pending_requests": _UNLIMITED,
            "max_requests": _UNLIMITED,
            "max_retries": _UNLIMITED,
        }
    ]
}


def clusters(routes: GatewayRoutes) -> list[Config]:
    """All clusters that the routes of `routes` may name."""
    result = [_release_cluster(backend) for backend in sorted(routes.backends, key=lambda backend: backend.release)]
    if routes.stable and routes.candidate:
        result += [_fallback_cluster(one, routes.stable) for one in (routes.candidate, *routes.variants)]
    return result


def _release_cluster(backend: Backend) -> Config:
    endpoint: Config = {
        "address": {"socket_address": {"address": backend.host, "port_value": backend.port}},
        "health_check_config": {"port_value": backend.health_port},
    }
    return {
        "name": backend.release,
        # Without `all_addresses_in_single_endpoint` this is what used to be called STRICT_DNS: each address is a pod.
        "cluster_type": extension(
            "envoy.clusters.dns",
            "envoy.extensions.clusters.dns.v3.DnsCluster",
            dns_lookup_family="V4_PREFERRED",
            dns_refresh_rate="1s",
            dns_failure_refresh_rate={"base_interval": "1s", "max_interval": "2s"},
        ),
        "lb_policy": "LEAST_REQUEST",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": backend.release,
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
            "policy": {"overprovisioning_factor": _ANY_HEALTHY_POD},
        },
        "common_lb_config": _COMMON_LB,
        "health_checks": [_readiness()],
        # Which pods there are is Kubernetes' word: a pod that left the Service is left at once, healthy or not.
        "ignore_health_on_host_removal": True,
        "circuit_breakers": _CIRCUIT_BREAKERS,
        # A pod whose node died while it was thinking sends no reset.
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 10, "keepalive_interval": 5}
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                explicit_http_config={"http_protocol_options": {}},
                # Servers close idle connections after 2 to 5 s by default, and a request sent at that very moment
                # is lost. The gateway closes first.
                common_http_protocol_options={"idle_timeout": "1s"},
            )
        },
    }


def _readiness() -> Config:
    """Leaves a pod that says it is not ready after 0.5 s, one that refuses connections after 1 s, one that hangs
    after 5 s: a pod that is only slow is not taken out.
    """
    every = "0.5s"
    return {
        "http_health_check": {"path": "/readyz"},
        "timeout": "2s",
        "interval": every,
        # Envoy's default for clusters without traffic is 60 s: a candidate at weight 0 would look dead for a minute.
        "no_traffic_interval": every,
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
    }


def _fallback_cluster(candidate: str, stable: str) -> Config:
    return {
        "name": with_fallback(candidate, stable),
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "1s",
        "common_lb_config": _COMMON_LB,
        "circuit_breakers": _CIRCUIT_BREAKERS,
        "cluster_type": extension(
            "envoy.clusters.aggregate",
            "envoy.extensions.clusters.aggregate.v3.ClusterConfig",
            clusters=[candidate, stable],
        ),
    }
