"""From a plan to the objects that make it true."""

from collections.abc import Callable, Set
from dataclasses import dataclass, field, fields

from genaiops.api.release import ReleaseSpec
from genaiops.api.traffic import Gateway, GatewayApi
from genaiops.controller.store import Key, Raw, key_of
from genaiops.manifests.evaluation import evaluation_object
from genaiops.manifests.labels import RELEASE, Object, owner
from genaiops.manifests.release import address_objects, deployment, disruption_budget, release_object, serving_port
from genaiops.manifests.template import kept
from genaiops.rollout.snapshot import Plan, Routes, Snapshot
from genaiops.traffic import replicas
from genaiops.traffic.envoy import Backend, GatewayRoutes, gateway_config
from genaiops.traffic.objects import gateway_objects
from genaiops.traffic.services import candidate_service, one_release, service, stable_service


@dataclass(frozen=True)
class Manifests:
    """Every object that has to exist for a plan, by what it is for."""

    needs: list[Object] = field(default_factory=list)
    """What comes before the pods of releases: Releases, their evaluations, configuration and addresses."""
    pods: list[Object] = field(default_factory=list)
    """The releases' Deployments."""
    traffic: list[Object] = field(default_factory=list)
    """What leads requests to them."""
    budgets: list[Object] = field(default_factory=list)
    """How many pods of a release may go at a time."""

    def all(self) -> list[Object]:
        """All of them."""
        return [*self.needs, *self.pods, *self.traffic, *self.budgets]

    def without(self, taken: Set[Key]) -> "Manifests":
        """All but those with these addresses."""
        return Manifests(
            **{
                group.name: [item for item in getattr(self, group.name) if key_of(item) not in taken]
                for group in fields(self)
            }
        )


def nobody_loses_traffic(seen: Snapshot, plan: Plan) -> bool:
    """Whether pods may come before routes: these take requests away from no release. So says the gateway itself, which
    knows of routes that it was told before the operator was killed."""
    if plan.routes.stable is None or seen.status.stable_release is None:
        # Nobody serves yet. A first release that another one follows may have pods that do.
        return not plan.status.retiring
    live = seen.gateway
    return (
        live.weights is not None
        and {release for release, weight in live.weights.items() if weight} <= {plan.routes.stable}
        and not live.testers
        and not live.shadow
    )


def render(raw: Raw, seen: Snapshot, plan: Plan, gateway_image: str, live: Callable[[str], Raw | None]) -> Manifests:
    """Every object that has to exist for the plan.

    `live` finds a Deployment by its name: one that is there keeps its pod template.
    """
    owned_by = owner("LLMApp", seen.name, raw["metadata"]["uid"])
    releases = dict(seen.releases)
    made = Manifests()
    for new in plan.create:
        releases[new.name] = new.release
        made.needs.append(release_object(new.name, seen.namespace, new.release, owned_by))
    made.needs.extend(evaluation_object(name, seen.namespace, spec, owned_by) for name, spec in plan.evaluate.items())
    for name in (*plan.replicas, *plan.draining):
        if name in releases:
            made.needs.extend(address_objects(name, seen.namespace, releases[name], owned_by))
    for manifest in _traffic(seen, plan, releases, gateway_image, owned_by):
        # Gateways follow a newer operator (a fixed Envoy has to get to them some day), but not while a rollout runs.
        rolls = plan.status.candidate_release is not None
        made.traffic.append(kept(manifest, live(manifest["metadata"]["name"])) if rolls else manifest)
    for name, pods in plan.replicas.items():
        if name in releases:
            restarted = plan.status.restarts.get(name)
            wanted = deployment(
                name, seen.namespace, releases[name], pods, owned_by, restarted.isoformat() if restarted else None
            )
            made.pods.append(kept(wanted, live(name)))
            made.budgets.append(disruption_budget(name, seen.namespace, releases[name], owned_by))
    return made


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
        GatewayRoutes(
            routes.stable,
            routes.candidate,
            routes.weight,
            backends,
            routes.testers,
            routes.shadow,
            # Of one that was lost nobody knows the port: stable answers for it.
            {release: weight for release, weight in routes.variants.items() if release in releases},
        ),
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
