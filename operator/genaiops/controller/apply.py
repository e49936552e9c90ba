"""Making objects so, and writing nothing where they are so already."""

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from kubernetes.utils.quantity import parse_quantity

from genaiops.controller.cluster import ApiError, Cluster
from genaiops.controller.kinds import BY_KIND
from genaiops.controller.ownership import obstacle
from genaiops.controller.store import RECONCILED, Key, Raw, Store, key_of, owners_of
from genaiops.manifests.labels import Object
from genaiops.release.resolve import ReferenceProblem

_AMOUNTS: Final = ("requests", "limits")
_NOT_OURS: Final = ("resourceVersion", "generation", "managedFields")


class Applier:
    """Applies manifests, server-side.

    A manifest whose every field stands in the live object already is not sent. Where somebody stores it in another form
    than it was written (a webhook that changes what is made), that comparison never holds: so the live state that such
    an apply led to is remembered with its manifest, and while both stay the same nothing is sent either.
    """

    def __init__(self, cluster: Cluster, store: Store) -> None:
        self._cluster = cluster
        self._store = store
        self._requests = asyncio.Semaphore(16)  # a connection takes 300 kB
        self._settled: dict[Key, dict[Key, bytes]] = defaultdict(dict)
        """Digests of the manifests that were applied last, by owner."""
        self._stored_otherwise: dict[Key, bytes] = {}
        """Fingerprints of the live states they led to, where these do not say the same."""
        self._refused: dict[Key, dict[Key, str]] = {}

    async def obstacles(self, manifests: Iterable[Object]) -> dict[Key, ReferenceProblem]:
        """Which of these names somebody else's objects have."""
        wanted = {key_of(manifest): manifest for manifest in manifests}
        live = dict(zip(wanted, await asyncio.gather(*map(self._find, wanted)), strict=True))
        problems = {key: obstacle(there, wanted[key]) for key, there in live.items() if there}
        return {key: problem for key, problem in problems.items() if problem}

    async def _find(self, key: Key) -> Raw | None:
        known, resource = self._store.get(*key), BY_KIND[key.kind]
        if known or resource.selector is None:
            return known
        async with self._requests:
            # Only what carries our labels is watched.
            return await self._cluster.find(resource, key.namespace, key.name, at_hand=True)

    def refused(self, owner: Key) -> dict[Key, str]:
        """Which of the owner's objects the API server refused when they were applied last, and in which words."""
        return self._refused.get(owner, {})

    async def apply(self, owner: Key, *waves: Iterable[Object]) -> ApiError | None:
        """Apply an owner's objects where needed, wave after wave; those of one wave at the same time.

        One that is refused for what it is keeps none of the others from being applied; the first refusal is returned.
        Raises ApiError where the API server could not tell.
        """
        refused: dict[Key, ApiError] = {}
        for wave in map(list, waves):
            answers = await asyncio.gather(*(self._apply(owner, item) for item in wave), return_exceptions=True)
            for manifest, answer in zip(wave, answers, strict=True):
                if isinstance(answer, ApiError) and answer.permanent:
                    refused[key_of(manifest)] = answer
                elif answer is not None:
                    raise answer
        if refused:
            self._refused[owner] = {key: str(error) for key, error in refused.items()}
        else:
            self._refused.pop(owner, None)
        return next(iter(refused.values()), None)

    async def _apply(self, owner: Key, manifest: Object) -> None:
        key = key_of(manifest)
        live = self._store.get(*key)
        digest, before = _digest(manifest), self._settled[owner].get(key)
        # Another manifest than last time has to be sent even if the live object has all of it: it may have left out a
        # field that is ours, and only the API server knows whose a field is.
        if live is not None and before in (None, digest) and self._is_so(live, manifest):
            return
        if live is not None and live.get("immutable") and live.get("data") != manifest.get("data"):
            # Made anew by somebody with other content, which nobody can change back.
            await self.delete(live)
        async with self._requests:
            result = await self._cluster.apply(manifest)
        if key.kind not in RECONCILED:  # the watch brings those, and with them their reconcile
            self._store.put(key.kind, result)
        key = self._store.shared(key)
        self._settled[owner][key] = digest
        self._stored_otherwise.pop(key, None)
        if not contains(result, _wanted(manifest)):
            self._stored_otherwise[key] = _fingerprint(result)

    def _is_so(self, live: Raw, manifest: Object) -> bool:
        if contains(live, _wanted(manifest)):
            return True
        otherwise = self._stored_otherwise.get(key_of(manifest))
        return otherwise is not None and otherwise == _fingerprint(live)

    async def delete(self, live: Raw) -> None:
        """Delete an object unless it is on its way out."""
        meta = live["metadata"]
        if meta.get("deletionTimestamp"):
            return
        for owner in owners_of(live["kind"], live):
            self._settled[owner].pop(key_of(live), None)
        self._stored_otherwise.pop(key_of(live), None)
        await self._cluster.delete(BY_KIND[live["kind"]], meta["namespace"], meta["name"], meta["uid"])

    def forget(self, owner: Key) -> None:
        """The owner is gone: remember nothing of its objects."""
        for key in self._settled.pop(owner, ()):
            self._stored_otherwise.pop(key, None)
        self._refused.pop(owner, None)


def _wanted(manifest: Object) -> Object:
    # A list does not say of which apiVersion its items are; it is that of their kind.
    return {name: value for name, value in manifest.items() if name != "apiVersion"}


def contains(live: Any, wanted: Any) -> bool:
    """Whether every field of `wanted` stands in `live` with the same value. Lists must be of equal length."""
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return not wanted and live is None
        return all(
            _same_amounts(live.get(name), value) if name in _AMOUNTS else contains(live.get(name), value)
            for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        if not isinstance(live, list):
            return not wanted and live is None
        return len(live) == len(wanted) and all(contains(a, b) for a, b in zip(live, wanted, strict=True))
    return bool(live == wanted)


def _same_amounts(live: Any, wanted: Object) -> bool:
    """CPU and memory, of which the API server stores the shortest form: ``1000m`` as ``1``."""
    return all(name in (live or ()) and _amount(live[name]) == _amount(amount) for name, amount in wanted.items())


def _amount(text: str) -> Decimal:
    amount: Decimal = parse_quantity(text)  # type: ignore[no-untyped-call]
    return amount


def _digest(value: Any) -> bytes:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).digest()


def _fingerprint(live: Raw) -> bytes:
    metadata = {name: value for name, value in live["metadata"].items() if name not in _NOT_OURS}
    # A Deployment's controller counts its revisions in an annotation; that is no change of what was asked for.
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop("deployment.kubernetes.io/revision", None)
    return _digest(
        {**live, "metadata": {**metadata, "annotations": annotations}, "status": None, "kind": None, "apiVersion": None}
    )
