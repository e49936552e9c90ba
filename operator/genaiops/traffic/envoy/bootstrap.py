"""Envoy's bootstrap: the app's listener, the operator's read-only window on the admin interface, the watched files."""

from genaiops.api.traffic import SHADOW_HEADER
from genaiops.traffic.envoy.names import (
    ADMIN_PORT,
    HTTP_PORT,
    READ_ONLY_PORT,
    ROUTES,
    Config,
    address,
    extension,
    typed,
    watched_file,
)
from genaiops.traffic.envoy.routes import IDLE_TIMEOUT

READ_ONLY_PATHS = ("/ready", "/config_dump", "/clusters", "/stats/prometheus")

_ADMIN = "admin"
_CONNECTION_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def bootstrap(app: str, namespace: str) -> Config:
    """Everything that only a restart changes."""
    return {
        "node": {"id": f"{app}-gateway", "cluster": f"{namespace}/{app}"},
        "admin": {"address": address("127.0.0.1", ADMIN_PORT)},
        "overload_manager": {"resource_monitors": [_connection_limit()]},
        "typed_dns_resolver_config": _name_resolution(),
        "dynamic_resources": {"cds_config": watched_file("cds.json")},
        "static_resources": {
            "listeners": [_requests(app), _read_only()],
            "clusters": [
                {
                    "name": _ADMIN,
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "load_assignment": {
                        "cluster_name": _ADMIN,
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address("127.0.0.1", ADMIN_PORT)}}]}],
                    },
                }
            ],
        },
    }


def _connection_limit() -> Config:
    """Better refuse a connection than be killed for memory: each takes about 50 kB while an answer runs."""
    return extension(
        "envoy.resource_monitors.global_downstream_max_connections",
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        max_active_downstream_connections=5_000,
    )


def _name_resolution() -> Config:
    """The DNS of the pod's /etc/resolv.conf. c-ares' own 5 s and 4 tries keep a gateway that starts while the DNS is
    away from serving for two minutes.
    """
    return extension(
        "envoy.network.dns_resolver.cares",
        "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        query_timeout_seconds=1,
        query_tries=2,
    )


def _listener(name: str, port: int, **connection_manager: object) -> Config:
    """An HTTP/1.1 and HTTP/2 listener without TLS on all addresses."""
    router = extension(
        "envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True
    )
    manager = extension(
        "envoy.filters.network.http_connection_manager",
        _CONNECTION_MANAGER,
        stat_prefix=name,
        http_filters=[router],
        request_headers_timeout="10s",
        http2_protocol_options={"max_concurrent_streams": 1000},
        **connection_manager,
    )
    return {"name": name, "address": address("0.0.0.0", port), "filter_chains": [{"filters": [manager]}]}


def _requests(app: str) -> Config:
    return _listener(
        ROUTES,
        HTTP_PORT,
        rds={"route_config_name": ROUTES, "config_source": watched_file("rds.json")},
        stream_idle_timeout=IDLE_TIMEOUT,
        upgrade_configs=[{"upgrade_type": "websocket"}],
        server_header_transformation="PASS_THROUGH",
        # Callers' request ids stay as they are: Envoy would else replace them, or write a trace bit into a UUID.
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        request_id_extension={
            "typed_config": typed("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False)
        },
        # The caller is added to x-forwarded-for; what an ingress in front said in x-forwarded-proto stays.
        use_remote_address=True,
        xff_num_trusted_hops=1,
        # No caller may steer Envoy: x-envoy-retry-on would re-send requests that a runtime has answered. Nor may one
        # pass a request off as a copy.
        early_header_mutation_extensions=[
            extension(
                "envoy.http.early_header_mutation.header_mutation",
                "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                mutations=[{"remove_on_match": {"key_matcher": {"prefix": "x-envoy-"}}}, {"remove": SHADOW_HEADER}],
            )
        ],
        local_reply_config=_local_replies(app),
        access_log=[_failures_log()],
    )


def _local_replies(app: str) -> Config:
    """What Envoy has to say of a request that it could not pass on, in the shape of OpenAI's errors."""
    return {
        "mappers": [
            {
                # No healthy upstream; no such cluster (its first health check is still under way).
                "filter": {"response_flag_filter": {"flags": ["UH", "NC"]}},
                "body_format_override": _error(
                    "no_ready_pod", f"No pod of {app} is ready to answer. Try again shortly."
                ),
            },
            {
                "filter": {"response_flag_filter": {}},
                "body_format_override": _error("gateway_error", "The gateway got no answer: %LOCAL_REPLY_BODY%"),
            },
        ]
    }


def _error(code: str, message: str) -> Config:
    return {"json_format": {"error": {"message": message, "type": "server_error", "param": None, "code": code}}}


def _failures_log() -> Config:
    """A line for each request that Envoy could not pass on or lost; neither query strings nor bodies."""
    return {
        **extension(
            "envoy.access_loggers.stdout",
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={
                "json_format": {
                    "time": "%START_TIME%",
                    "request_id": "%REQ(X-REQUEST-ID)%",
                    "method": "%REQ(:METHOD)%",
                    "path": "%PATH(NQ)%",
                    "status": "%RESPONSE_CODE%",
                    "flags": "%RESPONSE_FLAGS%",
                    "details": "%RESPONSE_CODE_DETAILS%",
                    "route": "%ROUTE_NAME%",
                    "cluster": "%UPSTREAM_CLUSTER_RAW%",
                    "pod": "%UPSTREAM_HOST%",
                    "milliseconds": "%DURATION%",
                }
            },
        ),
        "filter": {"response_flag_filter": {}},
    }


def _read_only() -> Config:
    """Lets through reads of what is live; a POST, or any other path, would let the network stop the gateway."""
    reads = [
        {
            "match": {"path": path, "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]},
            "route": {"cluster": _ADMIN},
        }
        for path in READ_ONLY_PATHS
    ]
    refuse_the_rest = {
        "match": {"prefix": "/"},
        "direct_response": {"status": 403, "body": {"inline_string": f"GET {', '.join(READ_ONLY_PATHS)} only\n"}},
    }
    listener = _listener(
        "read-only",
        READ_ONLY_PORT,
        route_config={
            "name": "read-only",
            "virtual_hosts": [{"name": "read-only", "domains": ["*"], "routes": [*reads, refuse_the_rest]}],
        },
    )
    # The probes and the operator must get through to a gateway that is full.
    return {**listener, "ignore_global_conn_limit": True}
