"""promptfoo: the `prompts` of its configuration, with `defaultTest.vars` for defaults.

https://www.promptfoo.dev/docs/configuration/prompts, https://www.promptfoo.dev/docs/configuration/chat. Its templates
are Nunjucks, which for what a prompt does reads as Jinja.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from genaiops.cli.cluster import Raw
from genaiops.cli.exchange import imported
from genaiops.cli.exchange.imported import Imported, as_name, as_object
from genaiops.cli.exchange.text import variables
from genaiops.cli.failure import Failure

_TEXTS: Final = (".txt", ".md", ".j2")
_CHATS: Final = (".json", ".yaml", ".yml")
_BETWEEN_PROMPTS: Final = re.compile(r"^---[ \t]*$\n?", re.MULTILINE)
_ELSEWHERE: Final = ("providers", "tests", "scenarios", "redteam", "nunjucksFilters", "extensions")


def load(document: Any, name: str, role: str | None, folder: Path) -> Imported:
    """Each prompt of the configuration as a version; a text becomes one message of `role`, or else the user's.

    `folder` is where the configuration is, for ``file://``. promptfoo has no name for a prompt: `name` is it.
    """
    config = as_object(document, "the file")
    prompts = config.get("prompts")
    entries = prompts if isinstance(prompts, list) else [prompts] if prompts else []
    if not entries:
        raise Failure("the file has no prompts: promptfoo's configuration has a list of that name")
    result = Imported(name)
    if left := [key for key in _ELSEWHERE if config.get(key)]:
        result.notices.append(f"left out: {', '.join(left)}; rows of tests are the dataset of an EvaluationSuite")
    default_test = config.get("defaultTest")
    defaults = default_test.get("vars") if isinstance(default_test, dict) else None
    for entry in entries:
        for label, raw, settings in _prompts(entry, folder):
            _add_version(result, label, raw, settings, role or "user", defaults or {})
    return result


def dump(name: str, spec: Raw) -> Raw:
    """A configuration with each version as a prompt; it needs providers and tests before it runs."""
    vars_ = {
        variable["name"]: variable["default"]
        for version in spec["versions"]
        for variable in version.get("variables") or []
        if "default" in variable
    }
    return {
        "description": f"The Prompt {name}",
        "prompts": [_prompt(version) for version in spec["versions"]],
        **({"defaultTest": {"vars": vars_}} if vars_ else {}),
    }


def _prompt(version: Raw) -> Raw:
    config = imported.parameters_as(version.get("parameters") or {})
    if "responseFormat" in version:
        config["response_format"] = imported.format_as(version["responseFormat"])
    raw = json.dumps(version["messages"], indent=2, ensure_ascii=False)
    return {"label": version["name"], "raw": raw, **({"config": config} if config else {})}


def _prompts(entry: Any, folder: Path) -> Iterator[tuple[str | None, str, Raw]]:
    """Label, text and settings of each prompt that one entry stands for."""
    if isinstance(entry, str):
        yield from ((None, text, {}) for text in _texts(entry, folder))
        return
    entry = as_object(entry, "an entry of prompts")
    raw = entry.get("raw") or entry.get("id")
    if not isinstance(raw, str):
        raise Failure("an entry of prompts has neither raw nor id; a function or a program makes no version")
    settings = as_object(entry.get("config") or {}, "config of a prompt")
    texts = [raw] if entry.get("raw") else _texts(raw, folder)
    label = entry.get("label") if len(texts) == 1 else None
    yield from ((label, text, settings) for text in texts)


def _texts(entry: str, folder: Path) -> list[str]:
    """The texts of ``file://path``, or of a path by itself; any other text is the prompt."""
    is_file = entry.startswith("file://") or ("\n" not in entry and entry.endswith((*_TEXTS, *_CHATS)))
    if not is_file:
        return [entry]
    path = folder / entry.removeprefix("file://")
    if path.suffix not in (*_TEXTS, *_CHATS):
        raise Failure(
            f"{entry}: only texts can be versions ({', '.join((*_TEXTS, *_CHATS))}), and no patterns of names"
        )
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"can't read {path}: {error}") from error
    parts = _BETWEEN_PROMPTS.split(text) if path.suffix == ".txt" else [text]
    return [part.strip("\n") for part in parts if part.strip()]


def _add_version(
    result: Imported, label: str | None, raw: str, settings: Raw, role: str, defaults: dict[str, Any]
) -> None:
    name = _version_name(result, label)
    messages = _messages(raw, name) or [{"role": role, "content": raw}]
    declared = variables([said["content"] for said in messages])
    for variable in declared:
        if isinstance(value := defaults.get(variable["name"]), str | int | float | bool):
            variable["default"] = value if isinstance(value, str) else json.dumps(value)
    version: Raw = {"name": name, "variables": declared, "messages": messages}
    parameters, others = imported.parameters_of(settings)
    if parameters:
        version["parameters"] = parameters
    if form := others.pop("response_format", None):
        version["responseFormat"] = imported.format_of(form, name)
    if others:
        result.notices.append(f"{name}: left out of config: {', '.join(sorted(others))}")
    result.versions.append(version)


def _version_name(result: Imported, label: str | None) -> str:
    taken = {version["name"] for version in result.versions}
    name = as_name(label) if label else ""
    if not name or name in taken:
        name = f"v{len(taken) + 1}"
    if label and name != label:
        result.notices.append(f"the prompt {label!r} is called {name!r}")
    return name


def _messages(raw: str, what: str) -> list[Raw] | None:
    """The messages of a chat in JSON or YAML; None where it is a text."""
    if not raw.lstrip().startswith(("[", "- role:")):
        return None
    try:
        said = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or error
        raise Failure(f"{what}: its messages are neither JSON nor YAML without their templates: {problem}") from error
    if not isinstance(said, list) or not all(isinstance(item, dict) for item in said):
        return None
    return [imported.message(item, f"message {index} of {what}") for index, item in enumerate(said)]
