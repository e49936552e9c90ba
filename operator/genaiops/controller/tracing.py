"""Telling an app's runtimes where their traces go."""

from genaiops.api.llmapp import LLMAppSpec
from genaiops.api.tracing import Tracing
from genaiops.controller.beside import Beside, Wanted
from genaiops.controller.cluster import Cluster
from genaiops.controller.store import Raw, Store, key_of
from genaiops.manifests.labels import TRACING, owner
from genaiops.manifests.tracing import tracing_objects
from genaiops.rollout.snapshot import Standing


class TracingOf:
    """Says what has to exist for the traces of apps."""

    def __init__(self, cluster: Cluster, store: Store, otherwise: Tracing | None) -> None:
        """`otherwise`: for apps that say nothing of traces."""
        self.beside = Beside(cluster, store, TRACING)
        self._otherwise = otherwise

    async def observe(self, raw: Raw, spec: LLMAppSpec) -> Wanted:
        """What has to exist for this app."""
        tracing = spec.tracing or self._otherwise
        if tracing is None:
            return Wanted()
        key, namespace = key_of(raw), raw["metadata"]["namespace"]
        objects = tracing_objects(key.name, namespace, tracing, owner("LLMApp", key.name, raw["metadata"]["uid"]))
        if taken := await self.beside.taken(objects):
            return taken
        standing = self.beside.refused(raw) or Standing(True, "Traced", _what_is_traced(tracing))
        return Wanted(tuple(objects), standing)


def _what_is_traced(tracing: Tracing) -> str:
    share = f"{(tracing.sample_rate * 100).normalize():f} % of requests"
    content = "with what was asked and answered, redacted" if tracing.content else "without what was asked and answered"
    return f"traces {share} to {tracing.endpoint}, {content}"
