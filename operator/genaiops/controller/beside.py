"""What an app may have beside its releases: a collector of live answers, the address for its traces.

Nothing of it stops a rollout, or an answer: what is wrong is told in a condition of its own, and what is there stays.
"""

from dataclasses import dataclass
from typing import Final

from genaiops.controller.apply import Applier
from genaiops.controller.cluster import Cluster
from genaiops.controller.ownership import belongs_to
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.manifests.labels import COMPONENT, Object, label_of
from genaiops.rollout.snapshot import Standing

_REDONE: Final = ("Deployment", "Service", "ConfigMap", "NetworkPolicy")


@dataclass(frozen=True)
class Wanted:
    """What has to exist."""

    objects: tuple[Object, ...] = ()
    standing: Standing | None = None
    """None where the app does not ask for it."""
    unknown: bool = False
    """Nobody knows what has to exist: what is there stays."""
    taken: bool = False
    """Somebody else has a name that is needed: nobody tells when it is free."""


class Beside:
    """Makes and removes the objects of one component of apps."""

    def __init__(self, cluster: Cluster, store: Store, component: str) -> None:
        self._store = store
        self._component = component
        # Of its own: what is refused here is no hindrance of the app.
        self._applier = Applier(cluster, store)

    def forget(self, key: Key) -> None:
        """The app is gone."""
        self._applier.forget(key)

    async def taken(self, objects: list[Object]) -> Wanted | None:
        """What there is to be done where somebody else has a name of these; None where nobody has."""
        if not (taken := await self._applier.obstacles(objects)):
            return None
        problem = next(iter(taken.values()))
        return Wanted(standing=Standing(False, problem.reason, str(problem)), unknown=True, taken=True)

    def refused(self, raw: Raw) -> Standing | None:
        """What the API server refused when it was applied last."""
        if not (refused := self._applier.refused(key_of(raw))):
            return None
        told = "; ".join(f"{key.kind} {key.name}: {message}" for key, message in refused.items())
        return Standing(False, "Refused", f"the API server refuses what it needs: {told}")

    async def execute(self, raw: Raw, wanted: Wanted) -> bool:
        """Make it so; False where that is to be tried again. Raises ApiError where the API server could not tell."""
        if wanted.unknown:
            return not wanted.taken
        refusal = await self._applier.apply(key_of(raw), wanted.objects)
        keys = set(map(key_of, wanted.objects))
        for live in self.of(raw):
            if live["kind"] in _REDONE and key_of(live) not in keys:
                await self._applier.delete(live)
        return refusal is None

    def of(self, raw: Raw) -> list[Raw]:
        """What there is of it."""
        return [
            live
            for live in self._store.owned(key_of(raw))
            if label_of(live, COMPONENT) == self._component and belongs_to(live, raw["metadata"]["uid"])
        ]
