"""Langfuse: the JSON of `GET /api/public/v2/prompts/{name}`, one object for a version or a list of them.

https://langfuse.com/docs/prompt-management/data-model, https://api.reference.langfuse.com (prompts),
https://langfuse.com/docs/prompt-management/features/composability.
"""

import re
from typing import Any, Final

from genaiops.cli.cluster import Raw
from genaiops.cli.exchange import imported
from genaiops.cli.exchange.imported import Imported, as_name, as_object
from genaiops.cli.exchange.text import FIRST_BRACES, from_jinja, to_jinja, variables
from genaiops.cli.failure import Failure

_REFERENCE: Final = re.compile(r"@@@langfusePrompt:name=([^|@]+)\|(version|label)=([^|@]+)@@@")


def load(document: Any, prompt: str | None, role: str | None) -> Imported:
    """The versions of one prompt; a text prompt becomes one message of `role`, or else the system's."""
    items = document.get("data", [document]) if isinstance(document, dict) else document
    if not isinstance(items, list) or not items:
        raise Failure("the file has no prompt: it should be an object with name, version, type and prompt, or a list")
    entries = [as_object(item, f"entry {index}") for index, item in enumerate(items)]
    result = Imported(imported.one_of((str(entry.get("name")) for entry in entries), prompt))
    mine = [entry for entry in entries if str(entry.get("name")) == result.name]
    for entry in sorted(mine, key=lambda entry: int(entry.get("version") or 1)):
        _add_version(result, entry, role or "system")
    return result


def dump(name: str, spec: Raw) -> list[Raw]:
    """A Prompt's versions. The answer for a version can be sent to `POST /api/public/v2/prompts` as it is."""
    versions = imported.numbered(spec["versions"])
    last = versions[-1][1]["name"]
    return [
        {
            "name": name,
            "version": number,
            "type": "chat",
            "prompt": [
                {"role": said["role"], "content": from_jinja(said["content"], _references(version).get)}
                for said in version["messages"]
            ],
            "config": {
                **imported.parameters_as(version.get("parameters") or {}),
                **(
                    {"response_format": imported.format_as(version["responseFormat"])}
                    if "responseFormat" in version
                    else {}
                ),
            },
            "labels": [
                *(label for label, target in (spec.get("labels") or {}).items() if target == version["name"]),
                *(["latest"] if version["name"] == last else []),
            ],
            "tags": [],
            "commitMessage": version.get("description"),
        }
        for number, version in versions
    ]


def _add_version(result: Imported, entry: Raw, role: str) -> None:
    name = f"v{entry.get('version') or 1}"
    what = f"version {entry.get('version') or 1}"
    version: Raw = {"name": name}
    if entry.get("commitMessage"):
        version["description"] = entry["commitMessage"]
    includes: dict[str, Raw] = {}
    messages = []
    for said in _messages(result, entry, role, what):
        template = to_jinja(said["content"], FIRST_BRACES)
        for old, new in template.renamed.items():
            result.notices.append(f"{what}: the variable {old!r} is called {new!r}")
        text = _REFERENCE.sub(lambda found: _include(found, includes), template.text)
        messages.append({**said, "content": text})
    version["variables"] = variables([said["content"] for said in messages])
    version["messages"] = messages
    if includes:
        version["includes"] = list(includes.values())
    config = as_object(entry.get("config") or {}, f"config of {what}")
    parameters, others = imported.parameters_of(config)
    if parameters:
        version["parameters"] = parameters
    if form := others.pop("response_format", None):
        version["responseFormat"] = imported.format_of(form, what)
    if others:
        result.notices.append(f"{what}: left out of config: {', '.join(sorted(others))}")
    if entry.get("tags"):
        result.notices.append(f"{what}: left out tags: {', '.join(map(str, entry['tags']))}")
    result.versions.append(version)
    for label in entry.get("labels") or []:
        result.add_label(str(label), name)


def _messages(result: Imported, entry: Raw, role: str, what: str) -> list[Raw]:
    prompt = entry.get("prompt")
    if isinstance(prompt, str) and prompt:
        return [{"role": role, "content": prompt}]
    if not isinstance(prompt, list) or not prompt:
        how = "fetch each version by itself, with GET /api/public/v2/prompts/NAME?version=N"
        raise Failure(f"{what} has no prompt; {how}")
    messages = []
    for index, said in enumerate(prompt):
        if isinstance(said, dict) and said.get("type") == "placeholder":
            if index < len(prompt) - 1:
                how = "what the caller sends comes after all messages of a prompt; move the placeholder to the end"
                raise Failure(f"{what} has the placeholder {said.get('name')!r} between its messages: {how}")
            result.notices.append(
                f"{what}: left out the placeholder {said.get('name')!r}: the caller's messages follow"
            )
            continue
        messages.append(imported.message(said, f"message {index} of {what}"))
    return messages


def _include(found: "re.Match[str]", includes: dict[str, Raw]) -> str:
    prompt, how, which = as_name(found[1]), found[2], found[3]
    name, count = prompt, 1
    entry = {"prompt": prompt, how: f"v{which}" if how == "version" else as_name(which)}
    while name in includes and includes[name] != {"name": name, **entry}:
        count += 1
        name = f"{prompt}-{count}"
    includes[name] = {"name": name, **entry}
    return f'{{% include "{name}" %}}'


def _references(version: Raw) -> dict[str, str]:
    return {
        include["name"]: f"@@@langfusePrompt:name={include['prompt']}|"
        + (f"version={include['version'].removeprefix('v')}" if "version" in include else f"label={include['label']}")
        + "@@@"
        for include in version.get("includes") or []
    }
