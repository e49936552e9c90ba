"""An app's collector of live answers: what of it has to exist, and how it does."""

from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.quality import Quality
from genaiops.controller.beside import Beside, Wanted
from genaiops.controller.cluster import Cluster
from genaiops.controller.dataplane import is_ready, pod_problem
from genaiops.controller.store import Raw, Store, key_of
from genaiops.manifests.labels import QUALITY, owner
from genaiops.manifests.quality import quality_objects
from genaiops.release.resolve import resolve_quality
from genaiops.rollout.snapshot import Standing


class Collecting:
    """Says what has to exist of the collectors of apps, and how they do."""

    def __init__(self, cluster: Cluster, store: Store, image: str) -> None:
        self.beside = Beside(cluster, store, QUALITY)
        self._store = store
        self._image = image

    async def observe(self, raw: Raw, spec: LLMAppSpec) -> Wanted:
        """What has to exist for this app, and how what exists does."""
        if spec.quality is None:
            return Wanted()
        key, namespace = key_of(raw), raw["metadata"]["namespace"]
        judges, problems = resolve_quality(
            namespace, spec.quality, lambda kind, name: self._store.get(kind, namespace, name)
        )
        if problems:
            message = "; ".join(map(str, problems))
            return Wanted(standing=Standing(False, problems[0].reason, message), unknown=True)
        owned_by = owner("LLMApp", key.name, raw["metadata"]["uid"])
        objects = quality_objects(key.name, namespace, spec.quality, judges, self._image, owned_by)
        if taken := await self.beside.taken(objects):
            return taken
        return Wanted(tuple(objects), self._standing(raw, spec.quality))

    def _standing(self, raw: Raw, quality: Quality) -> Standing:
        if refused := self.beside.refused(raw):
            return refused
        pods = [live for live in self.beside.of(raw) if live["kind"] == "Pod"]
        if any(map(is_ready, pods)):
            return Standing(True, "Collecting", _what_it_does(quality))
        reasons = [reason for reason in map(pod_problem, pods) if reason]
        message = "the collector's pod is not ready; answers are given as ever, and none is sampled"
        return Standing(False, "CollectorNotReady", f"{message}: {reasons[0]}" if reasons else message)


def _what_it_does(quality: Quality) -> str:
    share = f"{(quality.sampling.rate * 100).normalize():f} % of answers" if quality.sampling else "no answers"
    judged = ", ".join(evaluator.name for evaluator in quality.evaluators)
    does = f"samples {share}" + (f", judged by {judged}" if judged else "") + "; feedback is kept"
    if quality.store is None:
        return f"{does} in the collector's pod only, and lost with it: quality.store keeps it"
    return f"{does} in {'PostgreSQL' if quality.store.postgresql else f'the claim {quality.store.claim}'}"
