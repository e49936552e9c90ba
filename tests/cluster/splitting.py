"""The three ways of splitting traffic, as the tests of their rules see them: what is applied, and who gets requests."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Protocol

from controlplane import REPOSITORY, ControlPlane, ControlPlaneError
from harness import Manifest, Objects
from kubernetes import client
from simulation import DataPlane
from tasks import beside

from genaiops.traffic.live import live_weights

ROUTES = ("gateway.networking.k8s.io", "v1")


def gateway_api_crds() -> Path:
    """The folder of the Gateway API's CRDs; fetched first if this machine has none yet."""
    printed = subprocess.run([REPOSITORY / "hack/kind/gateway-api"], stdout=subprocess.PIPE, text=True, check=True)
    return Path(printed.stdout.splitlines()[-1])


@contextmanager
def gateway_api(controlplane: ControlPlane) -> Iterator[None]:
    """The kinds of the Gateway API, until the block ends."""
    crds = str(gateway_api_crds())
    controlplane.kubectl("apply", "--server-side", "-f", crds)
    deadline = time.monotonic() + 30
    while True:
        # `kubectl wait` fails on a definition that has no status yet.
        try:
            controlplane.kubectl("get", "httproutes", "--all-namespaces")
            break
        except ControlPlaneError:
            if time.monotonic() > deadline:
                raise
    yield
    controlplane.kubectl("delete", "-f", crds)


class Splitting(Protocol):
    """A way of splitting the traffic of the app `support`."""

    traffic: Manifest
    """`spec.traffic` of the app."""
    share_at_25: int
    """Percent of the requests that the candidate gets at weight 25, beside 2 pods of stable."""

    def prepare(self) -> None:
        """Make what the app's people make beside it."""

    def shares(self) -> dict[str, int]:
        """Percent of the requests by release, of releases that get any, as the data plane sends them now."""

    def hold(self, held: bool) -> None:
        """Whether the data plane takes up no changes for the time being."""

    def running(self) -> AbstractAsyncContextManager[None]:
        """Play it until the block ends."""


class EndpointSlices:
    """Plays the EndpointSlice controller: the real one refuses pods with loopback addresses, or without a node."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._api = client.DiscoveryV1Api(objects.core.api_client)
        self.held = False

    def sync(self) -> None:
        """Bring the slices of all Services in step with the pods."""
        if self.held:
            return
        core, namespace = self._objects.core, self._objects.namespace
        pods = core.list_namespaced_pod(namespace).items
        slices = {item.metadata.name: item for item in self._api.list_namespaced_endpoint_slice(namespace).items}
        for service in core.list_namespaced_service(namespace).items:
            name = f"{service.metadata.name}-played"
            selected = [pod for pod in pods if service.spec.selector.items() <= pod.metadata.labels.items()]
            endpoints = [
                {
                    "addresses": [f"10.0.0.{number}"],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": pod.metadata.name, "uid": pod.metadata.uid},
                }
                for number, pod in enumerate(filter(is_ready, selected), 1)
            ]
            listed = [endpoint.target_ref.uid for endpoint in slices[name].endpoints or ()] if name in slices else None
            if listed == [endpoint["targetRef"]["uid"] for endpoint in endpoints]:
                continue
            labels = {"kubernetes.io/service-name": service.metadata.name}
            body = {
                "metadata": {"name": name, "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": 8080}],
                "endpoints": endpoints,
            }
            if name in slices:
                self._api.replace_namespaced_endpoint_slice(name, namespace, body)
            else:
                self._api.create_namespaced_endpoint_slice(namespace, body)

    def ready_behind(self, service: str) -> dict[str, int]:
        """Release → pods that get a Service's requests."""
        namespace = self._objects.namespace
        label = f"kubernetes.io/service-name={service}"
        names = {
            endpoint.target_ref.name
            for item in self._api.list_namespaced_endpoint_slice(namespace, label_selector=label).items
            if item.metadata.name.endswith("-played")
            for endpoint in item.endpoints or ()
        }
        pods = self._objects.core.list_namespaced_pod(namespace).items
        releases = [pod.metadata.labels["genaiops.dev/release"] for pod in pods if pod.metadata.name in names]
        return {release: releases.count(release) for release in set(releases)}


def is_ready(pod: client.V1Pod) -> bool:
    """Whether a pod is to get requests."""
    conditions = {condition.type: condition.status for condition in pod.status.conditions or ()}
    return pod.metadata.deletion_timestamp is None and conditions.get("Ready") == "True"


@asynccontextmanager
async def over_and_over(*work: Callable[[], None]) -> AsyncIterator[None]:
    """Do that work again and again, on another thread, until the block ends."""

    async def keep_on() -> None:
        while True:
            for part in work:
                # What is gone or has changed meanwhile is looked at anew.
                with suppress(client.ApiException):
                    await asyncio.to_thread(part)
            await asyncio.sleep(0.05)

    async with beside(keep_on()):
        yield


class ByGateway:
    """The app's own gateway, played by the simulation."""

    traffic: Manifest = {"gateway": {}}  # noqa: RUF012
    share_at_25 = 25

    def __init__(self, objects: Objects, dataplane: DataPlane) -> None:
        self._objects, self._dataplane = objects, dataplane
        self._live: dict[str, Any] = {}

    def prepare(self) -> None:
        pass

    def running(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    def hold(self, held: bool) -> None:
        self.shares()
        self._dataplane.config_reaches_gateway = not held

    def shares(self) -> dict[str, int]:
        if self._dataplane.config_reaches_gateway:
            config = self._objects.core.read_namespaced_config_map("support-gateway", self._objects.namespace).data
            self._live = json.loads(config["rds.json"])
        weights = live_weights({"configs": [{"route_config": self._live["resources"][0]}]})
        with_pods = {
            release: weight
            for release, weight in weights.items()
            if weight and any(self._dataplane.ready(pod) for pod in self._dataplane.of(release))
        }
        # Without a pod of the candidate its share goes to stable, in the gateway itself.
        total = sum(with_pods.values())
        return {release: round(100 * weight / total) for release, weight in with_pods.items()}


class ByReplicas:
    """The pods behind the app's Service."""

    traffic: Manifest = {"replicas": {}}  # noqa: RUF012
    share_at_25 = 33

    def __init__(self, objects: Objects, dataplane: DataPlane) -> None:
        self._slices = EndpointSlices(objects)

    def prepare(self) -> None:
        pass

    def running(self) -> AbstractAsyncContextManager[None]:
        return over_and_over(self._slices.sync)

    def hold(self, held: bool) -> None:
        self._slices.held = held

    def shares(self) -> dict[str, int]:
        pods = self._slices.ready_behind("support")
        return {release: round(100 * number / sum(pods.values())) for release, number in pods.items()}


class ByHttpRoute:
    """An HTTPRoute, with an implementation of the Gateway API that takes it up and says so."""

    traffic: Manifest = {"gatewayAPI": {"httpRoute": "shop"}}  # noqa: RUF012
    share_at_25 = 25

    def __init__(self, objects: Objects, dataplane: DataPlane) -> None:
        self.objects = objects
        self.slices = EndpointSlices(objects)
        self._routes = client.CustomObjectsApi(objects.core.api_client)
        self._taken: Manifest | None = None
        self._held = False
        self.accepts = True

    def prepare(self) -> None:
        self.create(a_route())

    def create(self, route: Manifest) -> None:
        """Create an HTTPRoute."""
        self._routes.create_namespaced_custom_object(*self._where(), route)

    def route(self) -> Manifest:
        """The HTTPRoute `shop` as it is."""
        return self._routes.get_namespaced_custom_object(*self._where(), "shop")

    def change(self, patch: list[Manifest]) -> None:
        """Somebody's JSON patch of the HTTPRoute `shop`."""
        kind = "application/json-patch+json"
        self._routes.patch_namespaced_custom_object(
            *self._where(), "shop", patch, field_manager="jane", _content_type=kind
        )

    def delete(self) -> None:
        """Delete the HTTPRoute `shop`."""
        self._routes.delete_namespaced_custom_object(*self._where(), "shop")

    def weights(self) -> list[int | None]:
        """The weights of the first rule's backendRefs."""
        return [backend.get("weight") for backend in self.route()["spec"]["rules"][0]["backendRefs"]]

    def _where(self) -> tuple[str, str, str, str]:
        return (*ROUTES, self.objects.namespace, "httproutes")

    def hold(self, held: bool) -> None:
        self._held = held

    def running(self) -> AbstractAsyncContextManager[None]:
        return over_and_over(self.slices.sync, self._take_up)

    def _take_up(self) -> None:
        route = self.route()
        generation = route["metadata"]["generation"]
        told = route.get("status", {}).get("parents", [])
        accepted = "True" if self.accepts else "False"
        now = [(c["type"], c["status"], c["observedGeneration"]) for parent in told for c in parent["conditions"]]
        if self._held or now == [("Accepted", accepted, generation), ("ResolvedRefs", "True", generation)]:
            return
        self._taken = route["spec"] if self.accepts else None
        conditions = [
            {
                "type": kind,
                "status": status,
                "reason": kind if status == "True" else "NoMatchingListenerHostname",
                "message": "" if status == "True" else "no listener has this hostname",
                "observedGeneration": generation,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
            for kind, status in (("Accepted", accepted), ("ResolvedRefs", "True"))
        ]
        parent = {"parentRef": {"name": "edge"}, "controllerName": "tests.invalid/gateway", "conditions": conditions}
        route["status"] = {"parents": [parent]}
        self._routes.replace_namespaced_custom_object_status(*self._where(), "shop", route)

    def shares(self) -> dict[str, int]:
        shares: dict[str, int] = {}
        for backend in self._taken["rules"][0]["backendRefs"] if self._taken else ():
            pods = self.slices.ready_behind(backend["name"])
            for release, number in pods.items():
                share = round(backend.get("weight", 1) * number / sum(pods.values()))
                if share:
                    shares[release] = shares.get(release, 0) + share
        return shares


def a_route(*backends: Manifest, name: str = "shop", **rule: Any) -> Manifest:
    """An HTTPRoute as an app's people write it."""
    both = [
        {"name": "support-stable", "port": 80, "weight": 100},
        {"name": "support-candidate", "port": 80, "weight": 0},
    ]
    return {
        "apiVersion": "/".join(ROUTES),
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"parentRefs": [{"name": "edge"}], "rules": [{"backendRefs": list(backends) or both, **rule}]},
    }
