"""Which way an app's traffic is split."""

from collections.abc import Callable, Mapping
from datetime import datetime

from genaiops.api.llmapp import LLMAppSpec
from genaiops.controller.cluster import Cluster
from genaiops.controller.dataplane import PodClient
from genaiops.controller.routing import Routing
from genaiops.controller.routing.envoy import EnvoyRouting
from genaiops.controller.routing.httproute import HttpRouteRouting
from genaiops.controller.routing.replicas import ReplicasRouting
from genaiops.controller.store import Key, Store


class Routings:
    """All the ways there are."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        pods: PodClient,
        refused: Callable[[Key], Mapping[Key, str]],
        clock: Callable[[], datetime],
    ) -> None:
        """`refused` gives the objects of an app that the API server refused."""
        self._envoy = EnvoyRouting(cluster, store, pods, refused)
        self._http_route = HttpRouteRouting(cluster, store, clock)
        self._replicas = ReplicasRouting(cluster, store)

    def of(self, spec: LLMAppSpec) -> Routing:
        """The way of this app."""
        if spec.traffic.gateway_api:
            return self._http_route
        return self._replicas if spec.traffic.replicas else self._envoy
