"""What the operator knows of the cluster: the last seen state of every watched object, as raw dicts.

Watch events and relists both write here; an older state never replaces a newer one, so their order does not matter.
"""

import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from functools import lru_cache
from typing import Any, Final, NamedTuple

from genaiops.manifests.labels import APP, COMPONENT, EVALUATION, MODEL, label_of

Raw = dict[str, Any]


class Key(NamedTuple):
    """An object's address."""

    kind: str
    namespace: str
    name: str


def key_of(raw: Raw, kind: str | None = None) -> Key:
    """The address of a raw object."""
    meta = raw["metadata"]
    return Key(kind or raw["kind"], meta.get("namespace", ""), meta["name"])


def _slim(kind: str, raw: Raw) -> Raw:
    """What is kept of an object. Of a Secret only its key names: no value stays in memory."""
    metadata = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    if kind == "Secret":
        # kubectl writes what it applied, values and all, into an annotation.
        metadata.pop("annotations", None)
        return {"kind": kind, "metadata": metadata, "keys": sorted(raw.get("data") or ())}
    return {**raw, "kind": kind, "metadata": metadata}


def version_of(raw: Raw) -> int:
    """The resource version as a number; comparable since KEP-5504."""
    return int(raw["metadata"].get("resourceVersion") or 0)


class _Kept(NamedTuple):
    """An object as it is kept. The dozen that one app has would take 160 kB as Python's dicts, like this a few."""

    key: Key
    version: int
    owners: tuple[Key, ...]
    like: bytes
    """JSON of the object that it was compressed by."""
    content: bytes


_DICTIONARY: Final = 32_768
"""Bytes that zlib makes use of."""


def _compressed(text: bytes, like: bytes) -> bytes:
    compressor = zlib.compressobj(level=1, zdict=like)
    return compressor.compress(text) + compressor.flush()


@lru_cache(maxsize=128)  # the objects of the few apps that are worked on at a time
def _content(like: bytes, content: bytes) -> Raw:
    raw: Raw = json.loads(zlib.decompressobj(zdict=like).decompress(content))
    return raw


def _age(raw: Raw) -> tuple[str, str]:
    return raw["metadata"].get("creationTimestamp", ""), raw["metadata"]["name"]


class Store:
    """Objects by address, by the app or model whose label they carry, and by what refers to them."""

    def __init__(self) -> None:
        self._objects: dict[Key, _Kept] = {}
        self._likeness: dict[tuple[str, str], bytes] = {}
        """The first object of each kind and component as JSON: the others differ from it in little, and are compressed
        by it to a quarter of what they take by themselves."""
        self._owned: dict[Key, list[Key]] = defaultdict(list)
        self._references: dict[Key, tuple[Key, ...]] = {}
        self._referrers: dict[Key, set[Key]] = defaultdict(set)
        self._deleted: dict[Key, int] = {}
        """Versions at which objects were deleted since the last list: an older state that comes late is outdated."""
        self.absent: set[str] = set()
        """Kinds that the cluster does not have."""

    def get(self, kind: str, namespace: str, name: str) -> Raw | None:
        """The object, or None. Not to be changed: it is shared."""
        known = self._objects.get(Key(kind, namespace, name))
        return _content(known.like, known.content) if known else None

    def shared(self, key: Key) -> Key:
        """The same address as the store itself keeps it, for whoever keeps it, too."""
        known = self._objects.get(key)
        return known.key if known else Key(*map(sys.intern, key))

    def keys(self, kinds: Iterable[str]) -> Iterator[Key]:
        """Addresses of all objects of these kinds."""
        wanted = set(kinds)
        return (key for key in self._objects if key.kind in wanted)

    def owned(self, owner: Key) -> list[Raw]:
        """Objects that carry the label of this LLMApp or Model, oldest first."""
        found = [self._objects[key] for key in self._owned.get(owner, ())]
        return sorted((_content(known.like, known.content) for known in found), key=_age)

    def put(self, kind: str, raw: Raw) -> bool:
        """Keep this state; False where the same or a newer one is known already."""
        key = key_of(raw, kind)
        if not self._is_news(key, raw):
            return False
        slim = _slim(kind, raw)
        self._unlink(key)
        key = self.shared(key)
        self._objects[key] = kept = self._keep(key, slim)
        for owner in kept.owners:
            self._owned[owner].append(key)
        if references := tuple(map(self.shared, set(references_of(key, slim)))):
            self._references[key] = references
        for reference in references:
            self._referrers[reference].add(key)
        return True

    def _keep(self, key: Key, slim: Raw) -> _Kept:
        text = json.dumps(slim, separators=(",", ":")).encode()
        like = self._likeness.setdefault((key.kind, label_of(slim, COMPONENT)), text[-_DICTIONARY:])
        return _Kept(
            key=key,
            version=version_of(slim),
            owners=tuple(map(self.shared, owners_of(key.kind, slim))),
            like=like,
            content=_compressed(text, like),
        )

    def change(self, kind: str, raw: Raw) -> set[Key]:
        """Keep this state; returns what has to be reconciled, also what the object belonged to before."""
        key = key_of(raw, kind)
        if not self._is_news(key, raw):
            # Nearly all that a full list has.
            return set()
        before = self.affected(key)
        self.put(kind, raw)
        return before | self.affected(key)

    def _is_news(self, key: Key, raw: Raw) -> bool:
        known, version = self._objects.get(key), version_of(raw)
        return (known is None or known.version < version) and self._deleted.get(key, -1) < version

    def remove(self, kind: str, raw: Raw) -> set[Key]:
        """Forget an object that was deleted; returns what has to be reconciled."""
        key = key_of(raw, kind)
        affected = self.affected(key)
        self._deleted[key] = version_of(raw)
        known = self.get(*key)
        if known is not None and known["metadata"].get("uid") == raw["metadata"].get("uid"):
            self._unlink(key)
            del self._objects[key]
        return affected

    def take_list(self, kind: str, items: Iterable[Raw], version: int) -> set[Key]:
        """Take over a list fetched at resource version `version`; returns what has to be reconciled."""
        affected, listed = set(), set()
        for raw in items:
            listed.add(key_of(raw, kind))
            affected |= self.change(kind, raw)
        return affected | self.drop_others(kind, listed, version)

    def drop_others(self, kind: str, listed: Set[Key], version: int) -> set[Key]:
        """Forget what a list fetched at that version does not have; returns what has to be reconciled."""
        affected = set()
        # A watch tells of no deletion that happened while it was down: only the list shows what is gone.
        for key in [key for key in self._objects if key.kind == kind and key not in listed]:
            if self._objects[key].version <= version:
                affected |= self.affected(key)
                self._unlink(key)
                del self._objects[key]
        self._deleted = {key: version for key, version in self._deleted.items() if key.kind != kind}
        return affected

    def lacks_kind(self, kind: str) -> set[Key]:
        """The cluster has no such kind, and none of its objects; returns what has to be reconciled, if that is news."""
        if kind in self.absent:
            return set()
        self.absent.add(kind)
        return self._referring_to(kind) | self.drop_others(kind, frozenset(), sys.maxsize)

    def has_kind(self, kind: str) -> set[Key]:
        """The cluster has the kind; returns what has to be reconciled, if that is news."""
        if kind not in self.absent:
            return set()
        self.absent.remove(kind)
        return self._referring_to(kind)

    def _referring_to(self, kind: str) -> set[Key]:
        return {found for key in self._referrers if key.kind == kind for found in self.affected(key)}

    def _unlink(self, key: Key) -> None:
        known = self._objects.get(key)
        if known is None:
            return
        for owner in known.owners:
            self._owned[owner].remove(key)
            if not self._owned[owner]:
                del self._owned[owner]
        for reference in self._references.pop(key, ()):
            self._referrers[reference].discard(key)
            if not self._referrers[reference]:
                del self._referrers[reference]

    def affected(self, key: Key) -> set[Key]:
        """What has to be reconciled when this object changes: itself, what it belongs to, what refers to it."""
        known = self._objects.get(key)
        found = set(known.owners) if known else set()
        pending = [key]
        seen = {key}
        while pending:
            for referrer in self._referrers.get(pending.pop(), ()):
                if referrer not in seen:
                    seen.add(referrer)
                    pending.append(referrer)
        return {item for item in found | seen if item.kind in RECONCILED}


RECONCILED = frozenset(
    {"LLMApp", "Model", "Prompt", "GuardrailPolicy", "RolloutPolicy", "EvaluationSuite", "Evaluation"}
)
"""Kinds that have a reconcile of their own."""


def owners_of(kind: str, raw: Raw) -> Iterator[Key]:
    """The LLMApp, Model or Evaluation whose label an object carries, or the LLMApp that its spec is about."""
    labels = raw["metadata"].get("labels") or {}
    namespace = raw["metadata"].get("namespace", "")
    if kind in ("ReleaseAction", "Evaluation"):
        yield Key("LLMApp", namespace, str((raw.get("spec") or {}).get("app", "")))
        return
    if kind not in RECONCILED:
        if APP in labels:
            yield Key("LLMApp", namespace, labels[APP])
        if MODEL in labels:
            yield Key("Model", namespace, labels[MODEL])
        if EVALUATION in labels:
            yield Key("Evaluation", namespace, labels[EVALUATION])


def references_of(key: Key, raw: Raw) -> Iterator[Key]:
    """What an object refers to by name. Malformed objects refer to nothing: they are reported when reconciled."""
    spec = raw.get("spec")
    if not isinstance(spec, dict):
        return

    def named(kind: str, *path: str, start: Any = spec) -> Iterator[Key]:
        value = start
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str):
            yield Key(kind, key.namespace, value)

    def listed(kind: str, value: Any, by: str = "ref") -> Iterator[Key]:
        for item in value if isinstance(value, list) else ():
            if isinstance(item, dict) and isinstance(item.get(by), str):
                yield Key(kind, key.namespace, item[by])

    def judges(of: Any) -> Iterator[Key]:
        evaluators = of.get("evaluators") if isinstance(of, dict) else None
        for evaluator in evaluators if isinstance(evaluators, list) else ():
            yield from named("Model", "model", start=evaluator)
            yield from named("Model", "detector", "model", start=evaluator)

    def used(of: Any) -> Iterator[Key]:
        """By an app, or by a variant of one of its experiments."""
        yield from named("Model", "model", "ref", start=of)
        yield from named("Prompt", "prompt", "ref", start=of)
        model = of.get("model")
        yield from listed("Model", model.get("fallbacks") if isinstance(model, dict) else None)
        yield from listed("GuardrailPolicy", of.get("guardrails"))

    def variants(of: Any) -> Iterator[Key]:
        steps = of.get("steps") if isinstance(of, dict) else None
        for step in steps if isinstance(steps, list) else ():
            experiment = step.get("experiment") if isinstance(step, dict) else None
            several = experiment.get("variants") if isinstance(experiment, dict) else None
            for variant in several if isinstance(several, list) else ():
                if isinstance(variant, dict):
                    yield from used(variant)

    if key.kind == "LLMApp":
        yield from used(spec)
        yield from variants(spec.get("rollout"))
        yield from named("RolloutPolicy", "rolloutPolicyRef")
        yield from named("HTTPRoute", "traffic", "gatewayAPI", "httpRoute")
        yield from listed("EvaluationSuite", spec.get("evaluations"), by="suite")
        yield from judges(spec.get("quality"))
        yield from named("Secret", "quality", "store", "postgresql", "secretRef", "name")
    elif key.kind == "RolloutPolicy":
        yield from variants(spec)
    elif key.kind == "Prompt":
        versions = spec.get("versions")
        for version in versions if isinstance(versions, list) else ():
            yield from listed("Prompt", version.get("includes") if isinstance(version, dict) else None, "prompt")
    elif key.kind == "Evaluation":
        yield from named("EvaluationSuite", "suite")
        yield from named("Release", "release")
    elif key.kind == "EvaluationSuite":
        yield from judges(spec)
        yield from _secrets_in(spec, key.namespace)
    elif key.kind == "Model":
        yield from named("Secret", "credentials", "secretRef", "name")
    elif key.kind == "GuardrailPolicy":
        for stage in ("input", "output"):
            guardrails = spec.get(stage)
            for guardrail in guardrails if isinstance(guardrails, list) else ():
                yield from named("Model", "detector", "model", start=guardrail)
                yield from named("Secret", "detector", "secretRef", "name", start=guardrail)


def _secrets_in(value: Any, namespace: str) -> Iterator[Key]:
    """Whatever has a name and a key in the places where a suite names Secrets."""
    if isinstance(value, dict):
        for field, item in value.items():
            if field in _SECRET_FIELDS and isinstance(item, dict) and isinstance(item.get("name"), str):
                yield Key("Secret", namespace, item["name"])
            elif field not in ("rows", "schema"):
                yield from _secrets_in(item, namespace)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets_in(item, namespace)


_SECRET_FIELDS: Final = ("secretRef", "caSecret", "bearerToken", "accessKey", "secretKey")
