"""What a file of another tool says, in our words."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from genaiops.api.prompt import LATEST
from genaiops.cli.cluster import Raw
from genaiops.cli.failure import Failure

_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9]+")
_ROLES: Final = {"system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant"}
PARAMETERS: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "max_tokens": "maxTokens",
    "seed": "seed",
    "stop": "stop",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
"""The OpenAI protocol's names of sampling parameters, and ours."""


@dataclass
class Imported:
    """Versions and labels as a Prompt's spec has them, and in sentences what had to be changed or left out."""

    name: str
    versions: list[Raw] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def add_label(self, label: str, version: str) -> None:
        """A label of the file, under a name that ours may have."""
        name = as_name(label)
        if name == LATEST:
            return
        if name != label:
            self.notices.append(f"the label {label!r} is called {name!r}: labels are lowercase letters, digits and '-'")
        self.labels[name] = version


def as_name(text: str) -> str:
    """`text` as an RFC 1123 label. Raises Failure where nothing of it is left."""
    name = _NOT_IN_A_NAME.sub("-", text.lower()).strip("-")[:63].strip("-")
    if not name:
        raise Failure(f"{text!r} has no letter or digit that a name could be made of; give one with --name")
    return name


def as_object(value: Any, what: str) -> Raw:
    """`value`, which must be an object."""
    if not isinstance(value, dict):
        raise Failure(f"{what} is no object")
    return value


def message(value: Any, what: str) -> Raw:
    """A chat message ``{role, content}`` with a role that a prompt may have, its content as it stands."""
    said = as_object(value, what)
    role, content = said.get("role"), said.get("content")
    if role not in _ROLES:
        raise Failure(f"{what} has the role {role!r}; a prompt's are system, user and assistant")
    if not isinstance(content, str) or not content:
        raise Failure(f"{what} has no text as its content; a prompt's messages are texts")
    return {"role": _ROLES[role], "content": content}


def one_of(names: Iterable[str], wanted: str | None) -> str:
    """Which prompt of a file is meant."""
    found = list(dict.fromkeys(names))
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted in found:
        return wanted
    said = f"there is no {wanted!r} in the file" if wanted else "the file has several prompts"
    raise Failure(f"{said}; choose one with --prompt: {', '.join(found)}")


def numbered(versions: Iterable[Raw]) -> list[tuple[int, Raw]]:
    """Our versions with numbers, which other tools have for names: those in v1, v2, …, or else their places."""
    listed = list(versions)
    numbers = [re.fullmatch(r"v([1-9][0-9]{0,8})", version["name"]) for version in listed]
    named = [int(number[1]) for number in numbers if number]
    if len(named) == len(listed) and named == sorted(named):
        return list(zip(named, listed, strict=True))
    return list(enumerate(listed, start=1))


# --- parameters and response format ------------------------------------------------------------------------


def parameters_of(config: Mapping[str, Any], names: Mapping[str, str] = PARAMETERS) -> tuple[Raw, Raw]:
    """A tool's model settings: those that are sampling parameters of ours, and the others."""
    own = {names[key]: value for key, value in config.items() if key in names and value is not None}
    if isinstance(own.get("stop"), str):
        own["stop"] = [own["stop"]]
    return own, {key: value for key, value in config.items() if key not in names}


def parameters_as(parameters: Mapping[str, Any], names: Mapping[str, str] = PARAMETERS) -> Raw:
    """Our parameters as numbers under a tool's names."""
    return {
        key: float(value) if isinstance(value := parameters[own], str) else value
        for key, own in names.items()
        if own in parameters
    }


def format_of(value: Any, what: str) -> Raw:
    """Our `responseFormat` from the OpenAI protocol's, or from a bare JSON schema."""
    form = as_object(value, f"the response format of {what}")
    kind = form.get("type")
    if kind in ("text", "json_object"):
        return {"type": kind}
    if kind != "json_schema":
        return {"type": "json_schema", "schema": form}
    named = as_object(form.get("json_schema"), f"json_schema in the response format of {what}")
    return {"type": kind, **{key: named[key] for key in ("name", "strict", "schema") if named.get(key) is not None}}


def format_as(form: Raw) -> Raw:
    """The OpenAI protocol's `response_format`."""
    if form["type"] != "json_schema":
        return {"type": form["type"]}
    return {"type": "json_schema", "json_schema": {key: value for key, value in form.items() if key != "type"}}
