"""Watching a kind that the cluster may lack, or get later: kopf asks once which kinds there are."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, NoReturn

from genaiops.controller.cluster import UNAVAILABLE, ApiError, Cluster
from genaiops.controller.kinds import Resource
from genaiops.controller.operator import ListError, Operator

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS: Final = 5.0
"""Until the API server is asked again for a kind that it does not have, or a watch that broke is begun anew."""

_PAUSE_SECONDS: Final = 0.1
"""Between two watches: whatever ends each at once is not to keep the operator busy."""


async def watch_when_there(
    cluster: Cluster, operator: Operator, resource: Resource, namespaces: Sequence[str]
) -> NoReturn:
    """Hand on what happens to objects of that kind, whenever the cluster has it."""
    while True:
        try:
            if version := await operator.take_over(resource):
                log.debug("watching %s from version %s", resource.plural, version)
                async with asyncio.TaskGroup() as group:
                    for namespace in namespaces or (None,):
                        group.create_task(_watch(cluster, operator, resource, namespace, version))
        except* (ListError, *UNAVAILABLE) as errors:
            reasons = "; ".join(str(error) for error in errors.exceptions)
            log.info("%s: %s; looking again in %s s", resource.plural, reasons, LOOK_AGAIN_SECONDS)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _watch(
    cluster: Cluster, operator: Operator, resource: Resource, namespace: str | None, version: int
) -> NoReturn:
    """From that version on, until the API server says that it can't be watched from there: ApiError."""
    while True:
        async for event in cluster.watch(resource, namespace, version):
            raw = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(raw.get("code", 0), raw.get("reason", ""), raw.get("message", "the watch broke"))
            version = int(raw["metadata"]["resourceVersion"])
            if event["type"] != "BOOKMARK":
                operator.seen(resource.kind, event["type"], raw)
        await asyncio.sleep(_PAUSE_SECONDS)
