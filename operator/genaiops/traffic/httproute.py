"""An HTTPRoute of the user's own (gateway.networking.k8s.io/v1): two weights in it are ours, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from genaiops.manifests.labels import MANAGER
from genaiops.traffic.services import candidate_service, stable_service

Route = Mapping[str, Any]


class Weights(NamedTuple):
    """Weights of the two backendRefs."""

    stable: int
    candidate: int

    def __str__(self) -> str:
        return f"stable {self.stable}, candidate {self.candidate}"


class Place(NamedTuple):
    """Where the two backendRefs are: indices of the rule and of the two in it."""

    rule: int
    stable: int
    candidate: int


def places(route: Route, app: str, rule: str | None) -> list[Place]:
    """The rules that have both Services of the app as backendRefs; the one of that name alone where one is given.

    Raises LookupError with what is missing and what to do.
    """
    name = route["metadata"]["name"]
    names = [stable_service(app), candidate_service(app)]
    found = []
    rules = route.get("spec", {}).get("rules") or []
    for index, item in enumerate(rules):
        at = [_index(item.get("backendRefs") or [], route["metadata"]["namespace"], service) for service in names]
        if (rule is None or item.get("name") == rule) and None not in at:
            found.append(Place(index, *[position for position in at if position is not None]))
    if rule is not None and rule not in [item.get("name") for item in rules]:
        given = ", ".join(item["name"] for item in rules if item.get("name")) or "none has a name"
        raise LookupError(f"HTTPRoute {name!r} has no rule {rule!r}; add it or correct the name (its rules: {given})")
    if not found:
        what = f"rule {rule!r} of HTTPRoute {name!r}" if rule else f"HTTPRoute {name!r}"
        raise LookupError(
            f"{what} does not have both Services {' and '.join(names)} as backendRefs of one rule; add them"
        )
    return found


def _index(backends: Sequence[Mapping[str, Any]], namespace: str, service: str) -> int | None:
    for index, backend in enumerate(backends):
        kind = (backend.get("group", ""), backend.get("kind", "Service"), backend.get("namespace", namespace))
        if kind == ("", "Service", namespace) and backend["name"] == service:
            return index
    return None


def weights_of(route: Route, at: Sequence[Place]) -> list[Weights]:
    """The weights in each of these rules; one that is left out is 1."""
    found = []
    for place in at:
        backends = route["spec"]["rules"][place.rule]["backendRefs"]
        found.append(Weights(*(int(backends[index].get("weight", 1)) for index in (place.stable, place.candidate))))
    return found


def patch(route: Route, at: Sequence[Place], weights: Weights) -> list[dict[str, Any]]:
    """A JSON patch (RFC 6902) that sets these weights and nothing else, in the route as it was seen.

    The lists of rules and of backendRefs are atomic in the Gateway API: server-side apply of two weights would take
    over, or clear away, all the rest. The API server answers 409 where the route has changed since.
    """
    operations: list[dict[str, Any]] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": route["metadata"]["resourceVersion"]}
    ]
    for place in at:
        for index, weight in ((place.stable, weights.stable), (place.candidate, weights.candidate)):
            where = f"/spec/rules/{place.rule}/backendRefs/{index}"
            name = route["spec"]["rules"][place.rule]["backendRefs"][index]["name"]
            operations.append({"op": "test", "path": f"{where}/name", "value": name})
            operations.append({"op": "add", "path": f"{where}/weight", "value": weight})
    return operations


def refusal(route: Route) -> str | None:
    """Why a Gateway does not take the route as it is now; None where none says so."""
    for parent, conditions in _parents(route):
        condition = conditions.get("Accepted", {})
        if condition.get("status") == "False" and _is_current(route, condition):
            return f"{parent} does not accept it: {condition.get('reason')}: {condition.get('message')}"
    return None


def not_in_effect(route: Route) -> str | None:
    """Why the route as it is now is not known to be in effect; None where all its Gateways say that it is."""
    name = route["metadata"]["name"]
    parents = list(_parents(route))
    if not parents:
        return f"HTTPRoute {name!r} has no parentRefs"
    for parent, conditions in parents:
        for kind in ("Accepted", "ResolvedRefs"):
            condition = conditions.get(kind, {})
            if not _is_current(route, condition):
                return f"{parent} has not taken up HTTPRoute {name!r} as it is now"
            if condition.get("status") != "True":
                return f"HTTPRoute {name!r} at {parent}: {kind}: {condition.get('reason')}: {condition.get('message')}"
    return None


def changed_by(raw: Route) -> str | None:
    """Who changed the rules last, as they call themselves (metadata.managedFields); None where it was the operator."""
    changes = [
        (entry.get("time", ""), entry.get("manager", ""))
        for entry in raw["metadata"].get("managedFields") or ()
        if "f:rules" in (entry.get("fieldsV1") or {}).get("f:spec", {})
    ]
    manager = max(changes, default=("", "somebody"))[1]
    return None if manager == MANAGER else manager


def _parents(route: Route) -> Iterator[tuple[str, dict[str, Mapping[str, Any]]]]:
    """Each parent that the route asks for, with its conditions by type."""
    told = (route.get("status") or {}).get("parents") or []
    for wanted in route["spec"].get("parentRefs") or ():
        conditions: dict[str, Mapping[str, Any]] = {}
        for parent in told:
            if _same_parent(parent["parentRef"], wanted, route["metadata"]["namespace"]):
                conditions = {condition["type"]: condition for condition in parent.get("conditions") or ()}
        yield f"{wanted.get('kind', 'Gateway')} {wanted['name']!r}", conditions


def _same_parent(one: Mapping[str, Any], other: Mapping[str, Any], namespace: str) -> bool:
    defaults = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": namespace}
    return {**defaults, **one} == {**defaults, **other}


def _is_current(route: Route, condition: Mapping[str, Any]) -> bool:
    return bool(condition.get("observedGeneration") == route["metadata"]["generation"])
