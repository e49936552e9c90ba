"""What changed from one release to another, part by part, as a unified text diff."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

import yaml

from genaiops.cli.cluster import Cluster, Raw
from genaiops.cli.failure import Failure
from genaiops.cli.view import View

Parts = dict[str, str]


def the_two(cluster: Cluster, names: tuple[str, ...]) -> tuple[Raw, Raw]:
    """The releases to compare: those named, or what an app's stable release is compared with."""
    if len(names) == 2:
        return cluster.get("Release", names[0]), cluster.get("Release", names[1])
    status = cluster.get("LLMApp", names[0]).get("status") or {}
    stable, other = status.get("stableRelease"), status.get("candidateRelease") or status.get("abortedRelease")
    if not stable or not other:
        missing = "neither a candidate nor an aborted release" if stable else "no stable release yet"
        raise Failure(
            f"{names[0]} has {missing} to compare; name two of its releases "
            f"(kubectl get releases -l genaiops.dev/app={names[0]})"
        )
    return cluster.get("Release", stable), cluster.get("Release", other)


def compare(old: Raw | None, new: Raw) -> View:
    """``{from, to, changes: [{part, before, after, diff}]}``; no change where the contents are equal.

    Without an old release everything is new, and `from` is null. `before` and `after` are texts, null where a release
    has no such part; `diff` is a list of lines.
    """
    before, after = _parts(old["spec"]) if old else {}, _parts(new["spec"])
    names = list(dict.fromkeys([*before, *after]))
    return {
        "from": _title(old) if old else None,
        "to": _title(new),
        "changes": [
            {"part": name, "before": before.get(name), "after": after.get(name), "diff": _diff(before, after, name)}
            for name in names
            if before.get(name) != after.get(name)
        ],
    }


def _title(release: Raw) -> View:
    source = release["spec"]["source"]
    return {
        "release": release["metadata"]["name"],
        "prompt": source["prompt"],
        "promptVersion": source["promptVersion"],
        "model": source["model"],
    }


def _diff(before: Parts, after: Parts, name: str) -> list[str]:
    old, new = (parts[name].split("\n") if name in parts else [] for parts in (before, after))
    # Without the two lines that name files.
    return list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]


def _parts(spec: Raw) -> Parts:
    """A release's content as texts to compare, by name. Parts that this program does not know come as YAML."""
    return dict(_each_part(spec))


def _each_part(spec: Raw) -> Iterator[tuple[str, str]]:
    content = dict(spec["content"])
    yield "prompt", _prompt(content.pop("prompt"))
    names = spec["source"].get("guardrails") or []
    for index, policy in enumerate(content.pop("guardrails", None) or []):
        yield f"guardrails {names[index] if index < len(names) else index}", _yaml(policy)
    for name, value in content.items():
        if value not in (None, {}, []):
            yield name, _yaml(value)


def _prompt(prompt: Raw) -> str:
    """Messages with their own line breaks, as a person wrote them."""
    variables = [f"variable {_on_one_line(variable)}" for variable in prompt.get("variables") or []]
    messages = [f"--- {message['role']}\n{message['content']}" for message in prompt["messages"]]
    form = prompt.get("responseFormat")
    return "\n".join([*variables, *messages, *([f"--- response format\n{_yaml(form)}"] if form else [])])


def _on_one_line(value: Raw) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _yaml(value: Any) -> str:
    if not isinstance(value, dict | list):
        return str(value)
    text: str = yaml.safe_dump(value, sort_keys=True, allow_unicode=True, width=120)
    return text.rstrip("\n")
