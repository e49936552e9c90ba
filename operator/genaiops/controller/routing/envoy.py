"""The app's own gateway: Envoys that read their routes from a ConfigMap and tell what they have taken up."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Final

from genaiops.controller.cluster import Cluster
from genaiops.controller.dataplane import PodClient, UnreachableError, gather_reads, is_ready
from genaiops.controller.kinds import BY_KIND
from genaiops.controller.routing import Split
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.manifests.labels import COMPONENT, GATEWAY, Object, label_of
from genaiops.release.resolve import ReferenceProblem
from genaiops.rollout.snapshot import GatewayView, Plan, Snapshot
from genaiops.traffic.envoy import routes_version
from genaiops.traffic.envoy.names import READ_ONLY_PORT
from genaiops.traffic.live import (
    CLUSTERS_PATH,
    ROUTES_PATH,
    healthy_endpoints,
    live_routes_version,
    live_shadow,
    live_testers,
    live_weights,
)
from genaiops.traffic.objects import gateway_name

CONFIG_ANNOTATION: Final = "genaiops.dev/config"


class EnvoyRouting:
    """Traffic split by the app's own gateway."""

    def __init__(
        self, cluster: Cluster, store: Store, pods: PodClient, refused: Callable[[Key], Mapping[Key, str]]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._pods = pods
        self._refused = refused

    def problems(self, split: Split) -> list[ReferenceProblem]:
        """None: everything is the operator's own."""
        return []

    async def view(self, split: Split, *, due: bool) -> GatewayView:
        """What all ready gateway pods have in effect of the routes they were told last.

        One that does not answer, or still has earlier routes, makes it unknown: nothing is assumed.
        """
        gateways = [raw for raw in split.owned if _is_gateway(raw) and is_ready(raw)]
        if not gateways:
            return GatewayView(problem="no pod of the gateway is ready")
        if not due:
            return GatewayView(ready=len(gateways))
        routes, clusters = await asyncio.gather(
            gather_reads(self._pods, gateways, READ_ONLY_PORT, ROUTES_PATH),
            gather_reads(self._pods, gateways, READ_ONLY_PORT, CLUSTERS_PATH),
        )
        problems = [str(answer) for answer in (*routes, *clusters) if isinstance(answer, UnreachableError)]
        if problems:
            return GatewayView(ready=len(gateways), problem=problems[0])
        try:
            dumps = [json.loads(str(answer)) for answer in routes]
            healthy = [healthy_endpoints(json.loads(str(answer))) for answer in clusters]
        except (ValueError, LookupError, TypeError) as error:
            return GatewayView(ready=len(gateways), problem=f"a gateway pod's answer can't be read: {error!r}")
        told = self._routes_told(split)
        agreed = all(live_routes_version(dump) == told for dump in dumps)
        return GatewayView(
            ready=len(gateways),
            weights=live_weights(dumps[0]) if agreed else None,
            testers=live_testers(dumps[0]),
            shadow=live_shadow(dumps[0]),
            endpoints={release: min(item.get(release, 0) for item in healthy) for release in set().union(*healthy)},
            problem=None if agreed else "not every gateway pod has taken up the latest routes",
        )

    def _routes_told(self, split: Split) -> str | None:
        config = self._store.get("ConfigMap", split.namespace, gateway_name(split.name))
        try:
            return routes_version(config["data"]) if config else None
        except (LookupError, TypeError, ValueError):
            # Edited by hand: it is about to be put right.
            return None

    async def take_effect(self, raw: Raw, seen: Snapshot, todo: Plan, objects: list[Object]) -> bool:
        """A changed ConfigMap reaches a pod's volume at the kubelet's next sync of the pod, up to a minute and a half
        later; any change of the pod brings that sync about at once."""
        config = Key("ConfigMap", seen.namespace, gateway_name(seen.name))
        if config in self._refused(key_of(raw)):
            return True
        for version in (routes_version(manifest["data"]) for manifest in objects if key_of(manifest) == config):
            for pod in filter(_is_gateway, self._store.owned(key_of(raw))):
                meta = pod["metadata"]
                annotations = meta.get("annotations") or {}
                if annotations.get(CONFIG_ANNOTATION) != version and not meta.get("deletionTimestamp"):
                    await self._cluster.annotate(
                        BY_KIND["Pod"], meta["namespace"], meta["name"], {CONFIG_ANNOTATION: version}
                    )
        return True


def _is_gateway(raw: Raw) -> bool:
    return raw["kind"] == "Pod" and label_of(raw, COMPONENT) == GATEWAY
