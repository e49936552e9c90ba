"""From a plan to the objects that make it true."""

from collections.abc import Callable

from genaiops.api.release import ReleaseSpec
from genaiops.api.traffic import Gateway
from genaiops.controller.store import Raw
from genaiops.manifests.labels import Object, owner
from genaiops.manifests.release import address_objects, deployment, release_object, serving_port
from genaiops.manifests.template import kept
from genaiops.rollout.snapshot import Plan, Snapshot
from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config
from genaiops.traffic.objects import gateway_objects


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
    for manifest in _gateway(seen, plan, releases, gateway_image, owned_by):
        # Gateways follow a newer operator (a fixed Envoy has to get to them some day), but not while a rollout runs.
        rolls = plan.status.candidate_release is not None
        objects.append(kept(manifest, live(manifest["metadata"]["name"])) if rolls else manifest)
    for name, replicas in plan.replicas.items():
        if name in releases:
            restarted = plan.status.restarts.get(name)
            made = deployment(
                name, seen.namespace, releases[name], replicas, owned_by, restarted.isoformat() if restarted else None
            )
            objects.append(kept(made, live(name)))
    return objects


def _gateway(
    seen: Snapshot, plan: Plan, releases: dict[str, ReleaseSpec], image: str, owned_by: Object
) -> list[Object]:
    routes = plan.routes
    if {routes.stable, routes.candidate} - releases.keys() - {None}:
        # Nobody knows any more on which port it serves: the gateway stays as it is.
        return []
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
    gateway = seen.spec.traffic.gateway or Gateway()
    return gateway_objects(
        seen.name,
        seen.namespace,
        owner=owned_by,
        image=image,
        replicas=gateway.replicas,
        service_port=gateway.port,
        config=config,
    )
