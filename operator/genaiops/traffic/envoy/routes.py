"""Envoy's routes: a pinned release, or the split between candidate and stable."""

import json

from genaiops.traffic.envoy.names import ROUTES, Config, extension, with_fallback
from genaiops.traffic.envoy.target import GatewayRoutes

CONVERSATION_HEADER = "x-conversation-id"
RELEASE_HEADER = "x-genaiops-release"

# Ten minutes of silence, the time-out of OpenAI's own clients; there is no limit for the whole of an answer.
IDLE_TIMEOUT = "600s"

# None of these three re-sends a request that reached a runtime. Two tries among the candidate's pods, then stable's.
_RETRY_POLICY: Config = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 3,
    "retry_host_predicate": [
        extension(
            "envoy.retry_host_predicates.previous_hosts",
            "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        )
    ],
    "host_selection_retry_max_attempts": 10,
    "retry_priority": extension(
        "envoy.retry_priorities.previous_priorities",
        "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        update_frequency=2,
    ),
}


def route_configuration(app: str, routes: GatewayRoutes) -> Config:
    """The whole of the gateway's routes: pins first, then the split."""
    pins = [_to_pinned(release) for release in sorted(backend.release for backend in routes.backends)]
    return {
        "name": ROUTES,
        "virtual_hosts": [
            {"name": app, "domains": ["*"], "routes": [*pins, _to_unknown_pin(app), _to_everyone(app, routes)]}
        ],
    }


def _to_pinned(release: str) -> Config:
    match = {"prefix": "/", "headers": [{"name": RELEASE_HEADER, "string_match": {"exact": release}}]}
    return {"name": f"pin {release}", "match": match, "route": _action(cluster=release)}


def _to_unknown_pin(app: str) -> Config:
    return {
        "name": "pin unknown",
        "match": {"prefix": "/", "headers": [{"name": RELEASE_HEADER, "present_match": True}]},
        **_refusal(
            404,
            "invalid_request_error",
            "release_not_found",
            f"The header {RELEASE_HEADER} names no release of {app} that has pods. "
            "Leave it out, or take a name from `kubectl get releases`.",
        ),
    }


def _to_everyone(app: str, routes: GatewayRoutes) -> Config:
    match = {"prefix": "/"}
    if routes.stable is None:
        refusal = _refusal(503, "server_error", "no_release", f"{app} has no release that takes requests yet.")
        return {"name": "no release", "match": match, **refusal}
    if routes.candidate is None:
        return {"name": "split", "match": match, "route": _action(cluster=routes.stable)}
    return {
        "name": "split",
        "match": match,
        "route": _action(
            weighted_clusters={
                # The candidate comes first: its part of the hash space is [0, weight), which only grows with it.
                "clusters": [
                    {"name": with_fallback(routes.candidate, routes.stable), "weight": routes.weight},
                    {"name": routes.stable, "weight": 100 - routes.weight},
                ],
                "use_hash_policy": True,
            },
            hash_policy=[
                {
                    "header": {
                        "header_name": CONVERSATION_HEADER,
                        # With the release in the hash it is not always the same conversations that go first.
                        "regex_rewrite": {"pattern": {"regex": "^"}, "substitution": f"{routes.candidate} "},
                    }
                }
            ],
        ),
    }


def _action(**target: object) -> Config:
    return {**target, "timeout": "0s", "idle_timeout": IDLE_TIMEOUT, "retry_policy": _RETRY_POLICY}


def _refusal(status: int, kind: str, code: str, message: str) -> Config:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return {
        "direct_response": {"status": status, "body": {"inline_string": json.dumps(body)}},
        "response_headers_to_add": [
            {
                "header": {"key": "content-type", "value": "application/json"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }
