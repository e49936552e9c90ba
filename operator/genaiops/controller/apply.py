"""Making objects so, and writing nothing where they are so already."""

import hashlib
import json
from typing import Any, Final

from genaiops.controller.cluster import Cluster
from genaiops.controller.kinds import BY_KIND
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.manifests.labels import Object

_NOT_OURS: Final = ("resourceVersion", "generation", "managedFields")


class Applier:
    """Applies manifests, server-side.

    A manifest whose every field stands in the live object already is not sent. Where the API server stores a value
    in another form than it was written (``1000m`` of CPU as ``1``), that comparison never holds: so the live state
    that an apply led to is remembered with its manifest, and while both stay the same nothing is sent either.
    """

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._settled: dict[Key, tuple[str, str]] = {}

    async def apply(self, manifest: Object) -> bool:
        """Apply where needed; True where something was sent."""
        key = key_of(manifest)
        live = self._store.get(*key)
        digest = _digest(manifest)
        if live is not None and (contains(live, manifest) or self._settled.get(key) == (digest, _fingerprint(live))):
            return False
        result = await self._cluster.apply(manifest)
        self._store.put(key.kind, result)
        self._settled[key] = (digest, _fingerprint(result))
        return True

    async def delete(self, live: Raw) -> None:
        """Delete an object unless it is on its way out."""
        meta = live["metadata"]
        if meta.get("deletionTimestamp"):
            return
        self._settled.pop(key_of(live), None)
        await self._cluster.delete(BY_KIND[live["kind"]], meta["namespace"], meta["name"], meta["uid"])

    def forget(self, key: Key) -> None:
        """The object is gone: remember nothing of it."""
        self._settled.pop(key, None)


def contains(live: Any, wanted: Any) -> bool:
    """Whether every field of `wanted` stands in `live` with the same value. Lists must be of equal length."""
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return not wanted and live is None
        return all(contains(live.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(live, list):
            return not wanted and live is None
        return len(live) == len(wanted) and all(contains(a, b) for a, b in zip(live, wanted, strict=True))
    return bool(live == wanted)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _fingerprint(live: Raw) -> str:
    metadata = {name: value for name, value in live["metadata"].items() if name not in _NOT_OURS}
    # A Deployment's controller counts its revisions in an annotation; that is no change of what was asked for.
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop("deployment.kubernetes.io/revision", None)
    return _digest(
        {**live, "metadata": {**metadata, "annotations": annotations}, "status": None, "kind": None, "apiVersion": None}
    )
