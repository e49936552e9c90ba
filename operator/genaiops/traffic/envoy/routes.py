"""Envoy's routes: a pinned release, the candidate for testers, or the split between candidate and stable."""

import json
from collections.abc import Mapping

from genaiops.api.rollout import HeaderMatch
from genaiops.api.traffic import CONVERSATION_HEADER, SHADOW_HEADER
from genaiops.traffic.envoy.names import ROUTES, SPLIT, TESTERS, Config, extension, with_fallback
from genaiops.traffic.envoy.target import GatewayRoutes

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
    """The whole of the gateway's routes: pins first, then testers, then the split."""
    pins = [_to_pinned(release) for release in sorted(backend.release for backend in routes.backends)]
    testers = [_to_tester(match, routes) for match in routes.testers]
    return {
        "name": ROUTES,
        "virtual_hosts": [
            {
                "name": app,
                "domains": ["*"],
                "routes": [*pins, _to_unknown_pin(app), *testers, *_to_everyone(app, routes)],
            }
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


def _to_tester(tester: HeaderMatch, routes: GatewayRoutes) -> Config:
    assert routes.candidate is not None
    assert routes.stable is not None
    value = {"exact": tester.exact} if tester.exact is not None else {"prefix": tester.prefix}
    where, name = ("headers", tester.header) if tester.header is not None else ("cookies", tester.cookie)
    return {
        "name": TESTERS,
        "match": {"prefix": "/", where: [{"name": name, "string_match": value}]},
        "route": _action(cluster=with_fallback(routes.candidate, routes.stable)),
    }


def _to_everyone(app: str, routes: GatewayRoutes) -> list[Config]:
    match: Config = {"prefix": "/"}
    if routes.stable is None:
        refusal = _refusal(503, "server_error", "no_release", f"{app} has no release that takes requests yet.")
        return [{"name": "no release", "match": match, **refusal}]
    if routes.candidate is None:
        return [{"name": SPLIT, "match": match, "route": _action(cluster=routes.stable)}]
    split = _split(routes.stable, routes.candidate, routes.weight, routes.variants)
    everyone = {"name": SPLIT, "match": match, "route": split}
    if not routes.shadow:
        return [everyone]
    completions = {
        "path": "/v1/chat/completions",
        "headers": [{"name": ":method", "string_match": {"exact": "POST"}}],
    }
    copied = {**split, "request_mirror_policies": [_copies(routes.candidate, routes.shadow)]}
    return [{"name": "split and copy", "match": completions, "route": copied}, everyone]


def _split(stable: str, candidate: str, weight: int, variants: Mapping[str, int]) -> Config:
    return _action(
        weighted_clusters={
            # The candidate comes first: its part of the hash space is [0, weight), which only grows with it. Variants
            # come last: what they take, and give back, is stable's.
            "clusters": [
                {"name": with_fallback(candidate, stable), "weight": weight},
                {"name": stable, "weight": 100 - weight - sum(variants.values())},
                *({"name": with_fallback(one, stable), "weight": share} for one, share in variants.items()),
            ],
            "use_hash_policy": True,
        },
        hash_policy=[
            {
                "header": {
                    "header_name": CONVERSATION_HEADER,
                    # With the release in the hash it is not always the same conversations that go first.
                    "regex_rewrite": {"pattern": {"regex": "^"}, "substitution": f"{candidate} "},
                }
            }
        ],
    )


def _copies(candidate: str, percent: int) -> Config:
    """Only the candidate itself gets copies: were it to fall back, stable would answer everything twice."""
    return {
        "cluster": candidate,
        "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
        # By default the copy's Host ends in `-shadow`, and any caller can write that.
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [
            {
                "append": {
                    "header": {"key": SHADOW_HEADER, "value": "true"},
                    "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
                }
            }
        ],
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
