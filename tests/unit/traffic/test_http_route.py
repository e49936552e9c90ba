"""Two weights in somebody else's HTTPRoute."""

import copy
from typing import Any

import pytest

from genaiops.traffic.httproute import Place, Weights, changed_by, not_in_effect, patch, places, refusal, weights_of

Route = dict[str, Any]


def backend(name: str, **fields: Any) -> Route:
    return {"name": name, "port": 80, **fields}


BOTH = [backend("shop-stable", weight=90), backend("shop-candidate", weight=10)]


def route(*rules: Route, **status: Any) -> Route:
    return {
        "metadata": {"name": "shop", "namespace": "team", "generation": 3, "resourceVersion": "41"},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": list(rules) or [{"backendRefs": BOTH}]},
        "status": status,
    }


def told(parent: Route, **conditions: tuple[str, int]) -> Route:
    """What a Gateway says of a route: condition → status, observed generation."""
    return {
        "parentRef": parent,
        "conditions": [
            {"type": kind, "status": status, "observedGeneration": seen, "reason": "Why", "message": "as it is"}
            for kind, (status, seen) in conditions.items()
        ],
    }


# --- where the weights are ---------------------------------------------------------------------------------


def test_every_rule_with_both_services_is_meant() -> None:
    other = {"backendRefs": [backend("docs")]}
    tester = {"backendRefs": [backend("shop-candidate")]}
    reversed_ = {"backendRefs": [backend("legacy"), backend("shop-candidate"), backend("shop-stable")]}
    found = route({"backendRefs": BOTH}, other, tester, reversed_)
    assert places(found, "shop", None) == [Place(0, 0, 1), Place(3, 2, 1)]
    assert weights_of(found, places(found, "shop", None)) == [Weights(90, 10), Weights(1, 1)]


def test_a_rule_that_is_named_is_meant_alone() -> None:
    found = route({"name": "web", "backendRefs": BOTH}, {"name": "chat", "backendRefs": BOTH})
    assert places(found, "shop", "chat") == [Place(1, 0, 1)]


@pytest.mark.parametrize(
    "stranger",
    [
        backend("shop-candidate", namespace="elsewhere"),
        backend("shop-candidate", kind="ServiceImport", group="multicluster.x-k8s.io"),
        backend("shop-candidates"),
    ],
)
def test_a_backend_that_is_no_service_of_the_app_is_not_taken_for_one(stranger: Route) -> None:
    with pytest.raises(LookupError, match="does not have both Services shop-stable and shop-candidate"):
        places(route({"backendRefs": [backend("shop-stable"), stranger]}), "shop", None)


def test_defaults_that_are_written_out_are_the_same() -> None:
    spelled = backend("shop-candidate", namespace="team", kind="Service", group="")
    assert places(route({"backendRefs": [backend("shop-stable"), spelled]}), "shop", None) == [Place(0, 0, 1)]


def test_a_rule_that_is_not_there_is_missed_by_name() -> None:
    with pytest.raises(LookupError, match=r"HTTPRoute 'shop' has no rule 'chat'; .*\(its rules: web\)"):
        places(route({"name": "web", "backendRefs": BOTH}, {"backendRefs": BOTH}), "shop", "chat")


# --- writing them ------------------------------------------------------------------------------------------


def applied(before: Route, operations: list[Route]) -> Route:
    """RFC 6902, as far as it is used."""
    after = copy.deepcopy(before)
    for operation in operations:
        *path, last = operation["path"].strip("/").split("/")
        node = after
        for part in path:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if operation["op"] == "test":
            assert node[last] == operation["value"]
        else:
            node[last] = operation["value"]
    return after


def test_the_patch_writes_the_weights_into_the_route_that_was_seen_and_nothing_else() -> None:
    filters = [{"type": "RequestHeaderModifier"}]
    before = route(
        {"filters": filters, "backendRefs": [backend("shop-candidate"), backend("old", weight=3), *BOTH[:1]]},
        {"backendRefs": [backend("docs")]},
    )
    operations = patch(before, places(before, "shop", None), Weights(75, 25))
    assert operations[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "41"}
    expected = copy.deepcopy(before)
    expected["spec"]["rules"][0]["backendRefs"][0]["weight"] = 25
    expected["spec"]["rules"][0]["backendRefs"][2]["weight"] = 75
    assert applied(before, operations) == expected


# --- whether they are in effect ----------------------------------------------------------------------------


def test_a_route_is_in_effect_when_all_its_gateways_say_so_of_its_present_state() -> None:
    found = route(parents=[told({"name": "edge"}, Accepted=("True", 3), ResolvedRefs=("True", 3))])
    assert not_in_effect(found) is None
    assert refusal(found) is None


@pytest.mark.parametrize(
    ("parents", "why"),
    [
        ([], "Gateway 'edge' has not taken up HTTPRoute 'shop' as it is now"),
        ([told({"name": "edge"}, Accepted=("True", 2), ResolvedRefs=("True", 2))], "has not taken up"),
        ([told({"name": "edge"}, Accepted=("True", 3))], "has not taken up"),
        ([told({"name": "edge"}, Accepted=("True", 3), ResolvedRefs=("False", 3))], "ResolvedRefs: Why: as it is"),
        ([told({"name": "edge"}, Accepted=("False", 3), ResolvedRefs=("True", 3))], "Accepted: Why: as it is"),
        ([told({"name": "inner"}, Accepted=("True", 3), ResolvedRefs=("True", 3))], "has not taken up"),
        ([told({"name": "edge", "sectionName": "a"}, Accepted=("True", 3), ResolvedRefs=("True", 3))], "not taken up"),
    ],
)
def test_a_route_is_not_in_effect_as_long_as_a_gateway_has_not_said_so(parents: list[Route], why: str) -> None:
    assert why in (not_in_effect(route(parents=parents)) or "")


def test_the_last_of_several_gateways_decides() -> None:
    good = told({"name": "edge", "namespace": "team"}, Accepted=("True", 3), ResolvedRefs=("True", 3))
    found = route(parents=[good])
    found["spec"]["parentRefs"].append({"name": "edge", "namespace": "infra"})
    assert not_in_effect(found) == "Gateway 'edge' has not taken up HTTPRoute 'shop' as it is now"
    other = told(
        {"name": "edge", "namespace": "infra", "kind": "Gateway"}, Accepted=("True", 3), ResolvedRefs=("True", 3)
    )
    found["status"]["parents"].append(other)
    assert not_in_effect(found) is None


def test_only_what_is_said_of_the_present_state_is_a_refusal() -> None:
    assert refusal(route(parents=[told({"name": "edge"}, Accepted=("False", 2))])) is None
    current = route(parents=[told({"name": "edge"}, Accepted=("False", 3))])
    assert refusal(current) == "Gateway 'edge' does not accept it: Why: as it is"


def test_a_route_for_no_gateway_is_never_in_effect() -> None:
    found = route()
    found["spec"]["parentRefs"] = []
    assert not_in_effect(found) == "HTTPRoute 'shop' has no parentRefs"


# --- whose they are ----------------------------------------------------------------------------------------


def managed(*entries: tuple[str, str, bool]) -> Route:
    """managedFields: manager, time, whether of the rules."""
    found = route()
    found["metadata"]["managedFields"] = [
        {"manager": manager, "time": time, "fieldsV1": {"f:spec": {"f:rules": {}} if rules else {"f:hostnames": {}}}}
        for manager, time, rules in entries
    ]
    return found


def test_who_changed_the_rules_last_is_told() -> None:
    assert changed_by(managed(("kubectl", "2026-11-23T10:00:00Z", True))) == "kubectl"
    assert (
        changed_by(managed(("genaiops", "2026-11-23T10:00:00Z", True), ("jane", "2026-11-23T11:00:00Z", False))) is None
    )
    assert (
        changed_by(managed(("genaiops", "2026-11-23T10:00:00Z", True), ("jane", "2026-11-23T11:00:00Z", True)))
        == "jane"
    )
    assert changed_by(managed()) == "somebody"
