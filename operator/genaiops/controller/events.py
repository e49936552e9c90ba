"""Kubernetes Events for decisions: one per decision, however often it is told."""

import hashlib
import logging
from collections.abc import Iterable
from datetime import UTC, datetime

from genaiops.api import API_VERSION
from genaiops.api.llmapp_status import Announcement
from genaiops.controller.cluster import ApiError, Cluster
from genaiops.controller.store import Raw
from genaiops.manifests.labels import Object
from genaiops.rollout.conditions import clipped
from genaiops.rollout.snapshot import Notice

log = logging.getLogger(__name__)


async def tell(cluster: Cluster, regarding: Raw, kind: str, news: Announcement, occasion: str) -> None:
    """Send the Event. `occasion` and the words make its name: telling it again makes no second one.

    One that is refused for what it is (a quota, a namespace that goes) would be refused again: it stays in the log.
    Raises ApiError where the API server could not take it now.
    """
    meta = regarding["metadata"]
    where = f"{meta['namespace']}/{meta['name']}"
    try:
        await cluster.apply(event_object(regarding, kind, news, occasion))
    except ApiError as error:
        if error.status == 409 or not (error.permanent or error.outdated):
            raise
        log.warning("%s: the Event is refused: %s", where, error)
    log.info("%s %s: %s", where, news.reason, news.message)


def announcements(notices: Iterable[Notice], now: datetime) -> list[Announcement]:
    """What was decided just now, as it is put on record."""
    return [
        Announcement(at=now, reason=notice.reason, message=clipped(notice.message), warning=notice.warning)
        for notice in notices
    ]


def event_object(regarding: Raw, kind: str, news: Announcement, occasion: str) -> Object:
    """The Event, with a name that follows from the object, the occasion and what is told."""
    meta = regarding["metadata"]
    identity = "\n".join((meta["uid"], occasion, news.reason, news.message))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    stamp = news.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name'][:200]}.{digest}", "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": kind,
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
        "type": "Warning" if news.warning else "Normal",
        "reason": news.reason,
        "message": news.message,
        "source": {"component": "genaiops-operator"},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
