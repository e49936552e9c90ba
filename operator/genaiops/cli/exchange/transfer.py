"""From a file to a Prompt, into one that the cluster has, and back; what gets lost on the way is said."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from genaiops.api import API_VERSION
from genaiops.api.prompt import PromptSpec, PromptVersion
from genaiops.cli.cluster import Raw
from genaiops.cli.exchange import Tool, langfuse, mlflow, promptfoo
from genaiops.cli.exchange.imported import Imported, as_name
from genaiops.cli.failure import Failure, Refused
from genaiops.cli.untrusted import block, dump
from genaiops.prompts import spec_problems
from genaiops.release.lookup import parse_errors

_WITHOUT_A_NAME: Final = "imported"


def read_file(tool: Tool, path: str, text: str, prompt: str | None, role: str | None, name: str | None) -> Imported:
    """What the file of a tool says, as a Prompt called `name` or as near as it gets to what the file calls it.

    Raises Failure where it is none of the tool's, or has what no Prompt can have.
    """
    try:
        document = yaml.safe_load(text)  # JSON is YAML, too
    except yaml.YAMLError as error:
        raise Failure(f"{path} is neither JSON nor YAML: {error}") from error
    if tool == "promptfoo" and name is None:
        raise Failure("promptfoo has no name for a prompt: give one with --name")
    found = _load(tool, document, prompt, role, Path(path).parent)
    wanted = name or as_name(found.name)
    renamed = [] if name or wanted == found.name else [f"the prompt {found.name!r} is called {wanted!r}"]
    return replace(found, name=wanted, notices=[*renamed, *found.notices])


def warnings(spec: PromptSpec) -> list[str]:
    """What may be wrong with what was imported. Raises Failure where it makes no prompt."""
    problems = spec_problems(spec)
    if errors := [str(problem) for problem in problems if not problem.warning]:
        raise Failure(f"what the file says makes no prompt: {'; '.join(errors)}")
    return [str(problem) for problem in problems]


def as_text(tool: Tool, name: str, spec: PromptSpec) -> str:
    """The file of a tool that holds this Prompt as far as it can."""
    document = _dump(tool, name, spec.to_manifest())
    return _yaml(document) if tool == "promptfoo" else dump(document, "json")


def losses(tool: Tool, name: str, spec: PromptSpec) -> list[str]:
    """What the tool's file does not hold, found by reading back what `as_text` writes: nothing can be forgotten."""
    before = spec.to_manifest()
    back = _load(tool, _dump(tool, name, before), None, None, Path())
    after = specification(back).to_manifest()
    return [
        f"{path}: {tool} has no place for it" if new is None else f"{path}: reads back as {_short(new)}"
        for path, new in _differences(before, after, "")
    ]


def specification(found: Imported, prefix: str = "v") -> PromptSpec:
    """The spec that was imported; `prefix` replaces the v of version names. Raises Failure where it breaks a rule."""
    renamed = {version["name"]: _renamed(version["name"], prefix) for version in found.versions}
    versions = [{**version, "name": renamed[version["name"]]} for version in found.versions]
    labels = {label: renamed[version] for label, version in found.labels.items()}
    try:
        return PromptSpec.model_validate({"labels": labels, "versions": versions})
    except ValidationError as error:
        raise Failure(f"what the file says breaks a rule of Prompts: {parse_errors(error)}") from error


def merged(name: str, present: PromptSpec, new: PromptSpec) -> tuple[PromptSpec, list[str]]:
    """The Prompt on the cluster with the new versions after its own; and what was not taken over.

    Raises Refused where it has a version of the same name that says something else: versions never change.
    """
    known = {version.name: version for version in present.versions}
    clashes = [version.name for version in new.versions if version.name in known and not _same(version, known)]
    if clashes:
        raise Refused(
            f"Prompt {name!r} has {', '.join(clashes)} with another text, and a version can't change: "
            "import under other names with --prefix, such as --prefix imported-v"
        )
    added = [version for version in new.versions if version.name not in known]
    moved = {label: version for label, version in new.labels.items() if present.labels.get(label, version) != version}
    notices = [
        f"the label {label} stays at {present.labels[label]}, the file has it at {version}: move it when it may be used"
        for label, version in moved.items()
    ]
    labels = {**new.labels, **present.labels}
    return PromptSpec(labels=labels, versions=[*present.versions, *added]), notices


def manifest(name: str, spec: PromptSpec) -> str:
    """The Prompt as YAML to apply, its texts as a person would write them."""
    spec_ = spec.to_manifest()
    for version in spec_["versions"]:
        if not version["variables"]:
            del version["variables"]
    if not spec_["labels"]:
        del spec_["labels"]
    return _yaml({"apiVersion": API_VERSION, "kind": "Prompt", "metadata": {"name": name}, "spec": spec_})


class _Blocks(yaml.SafeDumper):
    """Texts of several lines as blocks, where YAML can."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """As in SafeDumper."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Blocks.add_representer(str, _Blocks.represent_str)


def _yaml(document: Any) -> str:
    text = str(yaml.dump(document, Dumper=_Blocks, sort_keys=False, allow_unicode=True, width=120))
    return text if block(text) == text else dump(document, "yaml")


def _load(tool: Tool, document: Any, prompt: str | None, role: str | None, folder: Path) -> Imported:
    match tool:
        case "langfuse":
            return langfuse.load(document, prompt, role)
        case "mlflow":
            return mlflow.load(document, prompt, role)
        case "promptfoo":
            return promptfoo.load(document, _WITHOUT_A_NAME, role, folder)


def _dump(tool: Tool, name: str, spec: Raw) -> Any:
    match tool:
        case "langfuse":
            return langfuse.dump(name, spec)
        case "mlflow":
            return mlflow.dump(name, spec)
        case "promptfoo":
            return promptfoo.dump(name, spec)


def _renamed(version: str, prefix: str) -> str:
    return f"{prefix}{version[1:]}" if version[:1] == "v" and version[1:].isdigit() else version


def _same(version: PromptVersion, known: dict[str, PromptVersion]) -> bool:
    # What a version is for, and how its variables are declared, may be told better here than the tool could.
    there = known[version.name]
    return all(
        getattr(version, field) == getattr(there, field)
        for field in ("messages", "parameters", "response_format", "includes")
    )


def _differences(before: Any, after: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Where `after` isn't what `before` was: path and what is there now; the innermost such places."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if value not in ([], {}):
                yield from _differences(value, after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        by_name = {item.get("name"): item for item in after if isinstance(item, dict)}
        named = path.endswith((".variables", ".includes"))
        for index, value in enumerate(before):
            other = by_name.get(value["name"]) if named else after[index] if index < len(after) else None
            yield from _differences(value, other, f"{path}[{index}]")
    elif before != after:
        yield path, after


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
