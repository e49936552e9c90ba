"""An app's collector of live answers: what of it has to exist, and how it does.

Nothing of it stops a rollout, or an answer: what is wrong is told in a condition of its own, and what is there stays.
"""

from dataclasses import dataclass
from typing import Final

from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.quality import Quality
from genaiops.controller.apply import Applier
from genaiops.controller.cluster import Cluster
from genaiops.controller.dataplane import is_ready, pod_problem
from genaiops.controller.ownership import belongs_to
from genaiops.controller.store import Key, Raw, Store, key_of
from genaiops.manifests.labels import COMPONENT, QUALITY, Object, label_of, owner
from genaiops.manifests.quality import quality_objects
from genaiops.release.resolve import resolve_quality
from genaiops.rollout.snapshot import Standing

_REDONE: Final = ("Deployment", "Service", "ConfigMap", "NetworkPolicy")


@dataclass(frozen=True)
class Collection:
    """What has to exist."""

    objects: tuple[Object, ...] = ()
    standing: Standing | None = None
    """None where the app has no `quality`."""
    unknown: bool = False
    """Nobody knows what has to exist: what is there stays."""
    taken: bool = False
    """Somebody else has a name that is needed: nobody tells when it is free."""


class Collecting:
    """Makes and removes the collectors of apps."""

    def __init__(self, cluster: Cluster, store: Store, image: str) -> None:
        self._store = store
        self._image = image
        # Of its own: what is refused here is no hindrance of the app.
        self._applier = Applier(cluster, store)

    def forget(self, key: Key) -> None:
        """The app is gone."""
        self._applier.forget(key)

    async def observe(self, raw: Raw, spec: LLMAppSpec) -> Collection:
        """What has to exist for this app, and how what exists does."""
        if spec.quality is None:
            return Collection()
        key, namespace = key_of(raw), raw["metadata"]["namespace"]
        judges, problems = resolve_quality(
            namespace, spec.quality, lambda kind, name: self._store.get(kind, namespace, name)
        )
        if problems:
            message = "; ".join(map(str, problems))
            return Collection(standing=Standing(False, problems[0].reason, message), unknown=True)
        owned_by = owner("LLMApp", key.name, raw["metadata"]["uid"])
        objects = quality_objects(key.name, namespace, spec.quality, judges, self._image, owned_by)
        if taken := await self._applier.obstacles(objects):
            problem = next(iter(taken.values()))
            return Collection(standing=Standing(False, problem.reason, str(problem)), unknown=True, taken=True)
        return Collection(tuple(objects), self._standing(raw, spec.quality))

    async def execute(self, raw: Raw, collection: Collection) -> bool:
        """Make it so; False where that is to be tried again. Raises ApiError where the API server could not tell."""
        if collection.unknown:
            return not collection.taken
        key = key_of(raw)
        refusal = await self._applier.apply(key, collection.objects)
        wanted = set(map(key_of, collection.objects))
        for live in self._of(raw):
            if live["kind"] in _REDONE and key_of(live) not in wanted:
                await self._applier.delete(live)
        return refusal is None

    def _standing(self, raw: Raw, quality: Quality) -> Standing:
        if refused := self._applier.refused(key_of(raw)):
            told = "; ".join(f"{key.kind} {key.name}: {message}" for key, message in refused.items())
            return Standing(False, "Refused", f"the API server refuses what it needs: {told}")
        pods = [live for live in self._of(raw) if live["kind"] == "Pod"]
        if any(map(is_ready, pods)):
            return Standing(True, "Collecting", _what_it_does(quality))
        reasons = [reason for reason in map(pod_problem, pods) if reason]
        message = "the collector's pod is not ready; answers are given as ever, and none is sampled"
        return Standing(False, "CollectorNotReady", f"{message}: {reasons[0]}" if reasons else message)

    def _of(self, raw: Raw) -> list[Raw]:
        return [
            live
            for live in self._store.owned(key_of(raw))
            if label_of(live, COMPONENT) == QUALITY and belongs_to(live, raw["metadata"]["uid"])
        ]


def _what_it_does(quality: Quality) -> str:
    share = f"{(quality.sampling.rate * 100).normalize():f} % of answers" if quality.sampling else "no answers"
    judged = ", ".join(evaluator.name for evaluator in quality.evaluators)
    does = f"samples {share}" + (f", judged by {judged}" if judged else "") + "; feedback is kept"
    if quality.store is None:
        return f"{does} in the collector's pod only, and lost with it: quality.store keeps it"
    return f"{does} in {'PostgreSQL' if quality.store.postgresql else f'the claim {quality.store.claim}'}"
