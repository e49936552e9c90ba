"""An HTTPRoute of the user's own, in which the operator sets two weights."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from genaiops.api.llmapp_status import Announcement
from genaiops.api.traffic import GatewayApi
from genaiops.controller.cluster import UNAVAILABLE, ApiError, Cluster
from genaiops.controller.events import tell
from genaiops.controller.kinds import HTTP_ROUTES
from genaiops.controller.routing import Split
from genaiops.controller.routing.slices import behind
from genaiops.controller.store import Key, Raw, Store
from genaiops.manifests.labels import RELEASE, Object
from genaiops.release.resolve import ReferenceProblem
from genaiops.rollout.snapshot import GatewayView, Plan, Snapshot
from genaiops.traffic import httproute
from genaiops.traffic.httproute import Place, Weights
from genaiops.traffic.services import candidate_service, stable_service

FIELD = "spec.traffic.gatewayAPI"


class HttpRouteRouting:
    """Traffic split by the weights of two Services in an HTTPRoute."""

    def __init__(self, cluster: Cluster, store: Store, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._store = store
        self._clock = clock
        self._written: dict[Key, Weights] = {}
        """What was written last, by app: weights that differ from it are somebody else's."""

    def problems(self, split: Split) -> list[ReferenceProblem]:
        """What the route lacks."""
        asked = split.spec.traffic.gateway_api
        assert asked is not None
        if HTTP_ROUTES.kind in self._store.absent:
            message = (
                "the cluster has no kind HTTPRoute (gateway.networking.k8s.io/v1): install the Gateway API and an "
                "implementation of it, or use traffic.gateway"
            )
            return [ReferenceProblem("NoGatewayAPI", FIELD, message)]
        route = self._route(split.namespace, asked)
        if route is None:
            message = (
                f"there is no HTTPRoute {asked.http_route!r} in namespace {split.namespace!r}; create it with "
                f"{stable_service(split.name)} and {candidate_service(split.name)} as backendRefs of a rule"
            )
            return [ReferenceProblem("HTTPRouteNotFound", f"{FIELD}.httpRoute", message)]
        try:
            httproute.places(route, split.name, asked.rule)
        except LookupError as error:
            return [ReferenceProblem("HTTPRouteLacksBackends", f"{FIELD}.httpRoute", str(error.args[0]))]
        if refusal := httproute.refusal(route):
            message = f"HTTPRoute {asked.http_route!r} has no effect: {refusal}"
            return [ReferenceProblem("HTTPRouteNotAccepted", f"{FIELD}.httpRoute", message)]
        return []

    async def view(self, split: Split, *, due: bool) -> GatewayView:
        """The weights in the route, where its Gateways say that they have it, and who stands behind the Services."""
        asked = split.spec.traffic.gateway_api
        assert asked is not None
        by = f"HTTPRoute {asked.http_route!r}"
        found = self._found(split)
        if found is None:
            return GatewayView(problem=f"{by} can't be used", admitted=self._admitted(split, None), by=by)
        route, at = found
        live = set(httproute.weights_of(route, at))
        problem = httproute.not_in_effect(route)
        if not problem and len(live) > 1:
            problem = "its rules have different weights"
        in_effect = None if problem else live.pop()
        view = GatewayView(
            ready=0 if httproute.refusal(route) else 1,
            problem=problem,
            admitted=self._admitted(split, in_effect),
            by=by,
        )
        try:
            return replace(view, **await self._who_gets(split, in_effect)) if due else view
        except UNAVAILABLE as error:
            return replace(view, problem=f"EndpointSlices can't be listed: {error or type(error).__name__}")

    async def _who_gets(self, split: Split, in_effect: Weights | None) -> dict[str, Any]:
        """The fields `weights`, `endpoints` and, where that is one, `problem` of a view."""
        weights: dict[str, int] = {}
        endpoints: dict[str, int] = {}
        services = (stable_service(split.name), candidate_service(split.name))
        for weight, service in zip(in_effect or (0, 0), services, strict=True):
            release = self._selected(split.namespace, service)
            if release is None:
                return {"problem": f"there is no Service {service!r} yet"}
            pods = await behind(self._cluster, self._store, split.namespace, service)
            if pods.keys() - {release}:
                return {"problem": f"the endpoints of Service {service!r} are still those of another release"}
            endpoints[release] = max(endpoints.get(release, 0), pods.get(release, 0))
            weights[release] = weights.get(release, 0) + round(100 * weight / max(1, sum(in_effect or ())))
        return {"weights": weights if in_effect else None, "endpoints": endpoints}

    async def take_effect(self, raw: Raw, seen: Snapshot, todo: Plan, objects: list[Object]) -> bool:
        """Write the weights where they differ, whoever wrote the others; an Event tells of somebody else's."""
        split = Split(raw, seen.spec, seen.status, [])
        found = self._found(split)
        if found is None or todo.routes.stable is None:
            return True
        live = httproute.weights_of(*found)
        routes = todo.routes
        given = routes.weight if routes.candidate and routes.candidate == seen.gateway.admitted else 0
        wanted = Weights(100 - given, given)
        if set(live) == {wanted}:
            self._written[split.key] = wanted
            return True
        if wanted.stable and any(weights.stable == 0 for weights in live):
            # Promoted: until its new endpoints are known, the candidate's Service, which stands for the same release,
            # goes on taking everything.
            pods = await behind(self._cluster, self._store, split.namespace, stable_service(split.name))
            if pods.keys() != {routes.stable}:
                return False
        return await self._write(split, wanted)

    async def _write(self, split: Split, wanted: Weights) -> bool:
        """False where the route has changed meanwhile."""
        asked = split.spec.traffic.gateway_api
        assert asked is not None
        # From the API server: the store does not know who changed it.
        route = await self._cluster.find(HTTP_ROUTES, split.namespace, asked.http_route)
        if route is None:
            return False
        try:
            at = httproute.places(route, split.name, asked.rule)
            written = await self._cluster.patch(HTTP_ROUTES, route, httproute.patch(route, at, wanted))
        except LookupError:
            # Told as a problem once the store has it, too.
            return False
        except ApiError as error:
            if not error.outdated:
                raise
            return False
        self._store.put(HTTP_ROUTES.kind, written)
        whose, before = httproute.changed_by(route), self._written.get(split.key)
        self._written[split.key] = wanted
        strange = sorted({str(weights) for weights in httproute.weights_of(route, at) if weights != before})
        if whose and strange:
            message = f"HTTPRoute {asked.http_route!r}: {whose} had set {'; '.join(strange)}; it is {wanted} again"
            news = Announcement(at=self._clock(), reason="WeightsPutRight", message=message, warning=True)
            await tell(self._cluster, split.raw, "LLMApp", news, route["metadata"]["resourceVersion"])
        return True

    def _admitted(self, split: Split, live: Weights | None) -> str | None:
        """The candidate that the candidate's Service may stand for: nobody is sent there, or it does so already."""
        candidate = split.status.candidate_release
        selected = self._selected(split.namespace, candidate_service(split.name))
        return candidate if selected == candidate or (live and live.candidate == 0) else None

    def _selected(self, namespace: str, service: str) -> str | None:
        """The release that a Service stands for."""
        live = self._store.get("Service", namespace, service)
        release: str | None = ((live or {}).get("spec", {}).get("selector") or {}).get(RELEASE)
        return release

    def _found(self, split: Split) -> tuple[Raw, list[Place]] | None:
        asked = split.spec.traffic.gateway_api
        assert asked is not None
        route = self._route(split.namespace, asked)
        if route is None:
            return None
        try:
            return route, httproute.places(route, split.name, asked.rule)
        except LookupError:
            # Told as a problem.
            return None

    def _route(self, namespace: str, asked: GatewayApi) -> Raw | None:
        return self._store.get(HTTP_ROUTES.kind, namespace, asked.http_route)
