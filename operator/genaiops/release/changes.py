"""What differs between two releases, in words a person reads in ``kubectl get releases``."""

from collections.abc import Iterator
from typing import Any

from genaiops.api.base import ApiModel
from genaiops.api.pods import PodOverlay
from genaiops.api.release import ReleaseSpec


def describe_changes(old: ReleaseSpec | None, new: ReleaseSpec) -> list[str]:
    """One phrase per part that differs, such as ``prompt v1 → v2``; empty for a first release."""
    if old is None:
        return []
    return list(_differences(old, new))


def _differences(old: ReleaseSpec, new: ReleaseSpec) -> Iterator[str]:
    before, after = old.content, new.content
    if before.prompt != after.prompt:
        yield _arrow("prompt", _prompt_label(old, new), _prompt_label(new, old))
    if before.model != after.model:
        if before.model.name != after.model.name:
            yield _arrow("model", before.model.name, after.model.name)
        else:
            yield from _fields(f"model {after.model.name}", before.model, after.model)
    yield from _fields("parameters", before.parameters, after.parameters)
    if before.fallbacks != after.fallbacks:
        yield _arrow("fallbacks", _names(before.fallbacks), _names(after.fallbacks))
    if before.guardrail_models != after.guardrail_models:
        yield _arrow("guardrail models", _names(before.guardrail_models), _names(after.guardrail_models))
    yield from _fields("model call", _Calls.of(before), _Calls.of(after))
    if before.guardrails != after.guardrails:
        if old.source.guardrails != new.source.guardrails:
            yield _arrow("guardrails", ", ".join(old.source.guardrails), ", ".join(new.source.guardrails))
        else:
            changed = (
                name
                for name, a, b in zip(new.source.guardrails, before.guardrails, after.guardrails, strict=False)
                if a != b
            )
            yield f"guardrails {', '.join(changed)} changed"
    if before.container != after.container:
        if before.container and after.container:
            yield from _fields("container", before.container, after.container)
        else:
            yield "container added" if after.container else "container removed"
    yield from _fields("runtime", before.runtime, after.runtime)
    yield from _fields("pods", before.pods or PodOverlay(), after.pods or PodOverlay())


class _Calls(ApiModel):
    timeout: str
    max_retries: str

    @classmethod
    def of(cls, content: Any) -> "_Calls":
        dumped = content.to_manifest()
        return cls(timeout=dumped["timeout"], max_retries=str(dumped["maxRetries"]))


def _fields(part: str, old: ApiModel, new: ApiModel) -> Iterator[str]:
    before, after = old.to_manifest(), new.to_manifest()
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield _arrow(f"{part} {name}", _short(before.get(name)), _short(after.get(name)))


def _arrow(part: str, old: str, new: str) -> str:
    if old == new:
        # What the name stands for is another thing now.
        return f"{part} {new} changed"
    return f"{part} {old or 'none'} → {new or 'none'}"


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _names(models: list[Any]) -> str:
    return ", ".join(model.name for model in models)


def _prompt_label(release: ReleaseSpec, other: ReleaseSpec) -> str:
    same_prompt = release.source.prompt == other.source.prompt
    version = release.source.prompt_version
    label = version if same_prompt else f"{release.source.prompt}/{version}"
    if release.source.includes and release.source.includes != other.source.includes:
        label += f" with {', '.join(release.source.includes)}"
    return label
