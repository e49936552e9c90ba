"""MLflow's prompt registry: the attributes of a PromptVersion, one object or a list of them.

They are the arguments of `mlflow.genai.register_prompt` with version and aliases. What the REST API answers
(`model_versions`, the prompt in tags) is read, too. https://mlflow.org/docs/latest/genai/prompt-registry,
mlflow/entities/model_registry/prompt_version.py.
"""

import json
from typing import Any, Final

from genaiops.cli.cluster import Raw
from genaiops.cli.exchange import imported
from genaiops.cli.exchange.imported import Imported, as_object
from genaiops.cli.exchange.text import AROUND_A_NAME, from_jinja, to_jinja, variables
from genaiops.cli.failure import Failure

_TEXT: Final = "mlflow.prompt.text"
_TYPE: Final = "_mlflow_prompt_type"
_FORMAT: Final = "_mlflow_prompt_response_format"
_CONFIG: Final = "_mlflow_prompt_model_config"
_PARAMETERS: Final = {"stop_sequences" if key == "stop" else key: own for key, own in imported.PARAMETERS.items()}


def load(document: Any, prompt: str | None, role: str | None) -> Imported:
    """The versions of one prompt; a text prompt becomes one message of `role`, or else the system's."""
    if isinstance(document, dict):
        found = document.get("model_versions") or document.get("model_version") or document
        document = found if isinstance(found, list) else [found]
    if not isinstance(document, list) or not document:
        raise Failure("the file has no prompt: it should be an object with name, version and template, or a list")
    entries = [_attributes(as_object(item, f"entry {index}")) for index, item in enumerate(document)]
    result = Imported(imported.one_of((str(entry.get("name")) for entry in entries), prompt))
    mine = [entry for entry in entries if str(entry.get("name")) == result.name]
    for entry in sorted(mine, key=lambda entry: int(entry.get("version") or 1)):
        _add_version(result, entry, role or "system")
    return result


def dump(name: str, spec: Raw) -> list[Raw]:
    """A Prompt's versions, each an object for `register_prompt` (without version and aliases)."""
    return [
        {
            "name": name,
            "version": number,
            "template": _template(version["messages"]),
            "commit_message": version.get("description"),
            "tags": {},
            "aliases": [label for label, target in (spec.get("labels") or {}).items() if target == version["name"]],
            "response_format": imported.format_as(version["responseFormat"]) if "responseFormat" in version else None,
            "model_config": imported.parameters_as(version.get("parameters") or {}, _PARAMETERS) or None,
        }
        for number, version in imported.numbered(spec["versions"])
    ]


def _is_jinja(messages: list[Raw]) -> bool:
    """MLflow's own rule: a statement anywhere makes all of it Jinja, else names are filled in and nothing else."""
    return any("{%" in message["content"] and "%}" in message["content"] for message in messages)


def _template(messages: list[Raw]) -> list[Raw]:
    if _is_jinja(messages):
        return messages
    return [{**message, "content": from_jinja(message["content"], lambda _: None)} for message in messages]


def _attributes(entry: Raw) -> Raw:
    """A model version of the REST API as the PromptVersion that MLflow makes of it; others as they are."""
    tags = entry.get("tags")
    if not isinstance(tags, list):
        return entry
    by_key = {tag.get("key"): tag.get("value") for tag in tags if isinstance(tag, dict)}
    text = by_key.get(_TEXT)
    return {
        "name": entry.get("name"),
        "version": entry.get("version"),
        "commit_message": entry.get("description"),
        "aliases": entry.get("aliases"),
        "template": _json(text, _TEXT) if by_key.get(_TYPE) == "chat" else text,
        "response_format": _json(by_key.get(_FORMAT), _FORMAT),
        "model_config": _json(by_key.get(_CONFIG), _CONFIG),
        "tags": {key: value for key, value in by_key.items() if not str(key).startswith(("mlflow.", "_mlflow"))},
    }


def _json(text: Any, tag: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (TypeError, ValueError) as error:
        raise Failure(f"the tag {tag} is no JSON: {error}") from error


def _add_version(result: Imported, entry: Raw, role: str) -> None:
    name = f"v{entry.get('version') or 1}"
    what = f"version {entry.get('version') or 1}"
    version: Raw = {"name": name}
    if entry.get("commit_message"):
        version["description"] = entry["commit_message"]
    template = entry.get("template")
    if isinstance(template, str) and template:
        messages = [{"role": role, "content": template}]
    elif isinstance(template, list) and template:
        messages = [imported.message(item, f"message {index} of {what}") for index, item in enumerate(template)]
    else:
        raise Failure(f"{what} has no template")
    if not _is_jinja(messages):
        messages = [{**said, "content": _names_only(result, said["content"], what)} for said in messages]
    version["variables"] = variables([message["content"] for message in messages])
    version["messages"] = messages
    parameters, others = imported.parameters_of(
        as_object(entry.get("model_config") or {}, f"model_config of {what}"), _PARAMETERS
    )
    if parameters:
        version["parameters"] = parameters
    if entry.get("response_format"):
        version["responseFormat"] = imported.format_of(entry["response_format"], what)
    if others:
        result.notices.append(f"{what}: left out of model_config: {', '.join(sorted(others))}")
    if entry.get("tags"):
        result.notices.append(f"{what}: left out tags: {', '.join(sorted(entry['tags']))}")
    result.versions.append(version)
    for alias in entry.get("aliases") or []:
        result.add_label(str(alias), name)


def _names_only(result: Imported, text: str, what: str) -> str:
    template = to_jinja(text, AROUND_A_NAME)
    result.notices += [f"{what}: the variable {old!r} is called {new!r}" for old, new in template.renamed.items()]
    return template.text
