"""From a plan to the objects that make it true."""

from collections.abc import Callable

from genaiops.api.release import ReleaseSpec
from genaiops.api.traffic import Gateway, GatewayApi
from genaiops.controller.store import Raw
from genaiops.manifests.labels import RELEASE, Object, owner
from genaiops.manifests.release import address_objects, deployment, disruption_budget, release_object, serving_port
from genaiops.manifests.template import kept
from genaiops.rollout.snapshot import Plan, Routes, Snapshot
from genaiops.traffic import replicas
from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config
from genaiops.traffic.objects import gateway_objects
from genaiops.traffic.services import candidate_service, one_release, service, stable_service


def render(raw: Raw, seen: Snapshot, plan: Plan, gateway_image: str, live: Callable[[str], Raw | None]) -> list[Object]:
    """Every object that has to exist for the plan, in the order in which they are applied.

    The gateway's routes come before the pods: taking traffic away must not wait for anything, and traffic is given
    only to pods that are there. `live` finds a Deployment by its name: one that is there keeps its pod template.
    """
    owned_by = owner("LLMApp", seen.name, raw["metadata"]["uid"])
    releases = dict(seen.releases)
    objects: list[Object] = []
    if plan.create:
        releases[plan.create.name] = plan.create.release
        objects.append(release_object(plan.create.name, seen.namespace, plan.create.release, owned_by))
    for name in (*plan.replicas, *plan.draining):
        if name in releases:
            objects += address_objects(name, seen.namespace, releases[name], owned_by)
    for manifest in _traffic(seen, plan, releases, gateway_image, owned_by):
        # Gateways follow a newer operator (a fixed Envoy has to get to them some day), but not while a rollout runs.
        rolls = plan.status.candidate_release is not None
        objects.append(kept(manifest, live(manifest["metadata"]["name"])) if rolls else manifest)
    for name, pods in plan.replicas.items():
        if name in releases:
            restarted = plan.status.restarts.get(name)
            made = deployment(
                name, seen.namespace, releases[name], pods, owned_by, restarted.isoformat() if restarted else None
            )
            objects.append(kept(made, live(name)))
            objects.append(disruption_budget(name, seen.namespace, releases[name], owned_by))
    return objects


def _traffic(
    seen: Snapshot, plan: Plan, releases: dict[str, ReleaseSpec], image: str, owned_by: Object
) -> list[Object]:
    if {plan.routes.stable, plan.routes.candidate} - releases.keys() - {None}:
        # Nobody knows any more on which port it serves: what leads to it stays as it is.
        return []
    split = seen.spec.traffic.by
    if isinstance(split, Gateway):
        return _gateway(split, seen, plan, releases, image, owned_by)
    if plan.routes.stable is None:
        return []
    if isinstance(split, GatewayApi):
        return _services(split, seen, plan.routes, releases, owned_by)
    selected = replicas.selector(seen.name, plan.routes, _others_with_pods(seen, plan))
    serving = releases[selected.get(RELEASE, plan.routes.stable)]
    return [
        service(
            seen.name, seen.name, seen.namespace, selector=selected, serving=serving, port=split.port, owner=owned_by
        )
    ]


def _others_with_pods(seen: Snapshot, plan: Plan) -> set[str]:
    """Releases beside the two that requests are for, whose pods may still be ready."""
    found = {name for name, workload in seen.workloads.items() if workload.exists or workload.ready}
    return found - {plan.routes.stable, plan.routes.candidate}


def _services(
    split: GatewayApi, seen: Snapshot, routes: Routes, releases: dict[str, ReleaseSpec], owned_by: Object
) -> list[Object]:
    """The Services that an HTTPRoute's two weights are for."""
    assert routes.stable is not None
    # A candidate that is not admitted yet would get the requests that its predecessor had.
    admitted = routes.candidate if routes.candidate == seen.gateway.admitted else None
    return [
        service(
            name,
            seen.name,
            seen.namespace,
            selector=one_release(seen.name, release),
            serving=releases[release],
            port=split.port,
            owner=owned_by,
        )
        for name, release in (
            (stable_service(seen.name), routes.stable),
            (candidate_service(seen.name), admitted or routes.stable),
        )
    ]


def _gateway(
    gateway: Gateway,
    seen: Snapshot,
    plan: Plan,
    releases: dict[str, ReleaseSpec],
    image: str,
    owned_by: Object,
) -> list[Object]:
    routes = plan.routes
    backends = tuple(
        Backend(release=name, host=name, port=serving_port(releases[name]))
        for name in routes.backends
        if name in releases
    )
    config = gateway_config(
        seen.name,
        seen.namespace,
        GatewayRoutes(routes.stable, routes.candidate, routes.weight, backends, routes.testers, routes.shadow),
    )
    return gateway_objects(
        seen.name,
        seen.namespace,
        owner=owned_by,
        image=image,
        replicas=gateway.replicas,
        service_port=gateway.port,
        config=config,
    )
