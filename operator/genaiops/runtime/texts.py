"""All texts of a request that the caller sent, each with its place, so that what is judged is what goes on."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from genaiops.runtime.request import ChatRequest

_NAMES: Final = frozenset(
    (
        *("type", "name", "role", "id", "required", "format", "$ref", "$schema", "$id", "syntax", "tool_choice"),
        *("function_call", "service_tier", "reasoning_effort", "effort", "verbosity", "voice", "encoding_format"),
    )
)
"""Fields of options whose values are words of the protocol, of JSON Schema, or names: where they are one word."""
_WORD: Final = re.compile(r"[A-Za-z_$#][\w.$#/:-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that the caller sent, and where it belongs."""

    value: str
    put: Callable[[str], None]
    said: bool
    """By the user: it meets every check. What else the caller may have put a user's words into (variables, earlier
    answers, tool results) meets those that find things in any text."""


def texts_of(request: ChatRequest) -> Iterator[Text]:
    """Those of variables and messages. Text parts of a message that follow one another become one part first: what
    stands in two of them would be judged by halves, and read as a whole."""
    for name, value in request.variables.items():
        if isinstance(value, str):
            yield Text(value, _put(request.variables, name), said=False)
    for message in request.messages:
        said = message["role"] == "user"
        content = message.get("content")
        if isinstance(content, str):
            yield Text(content, _put(message, "content"), said)
        elif isinstance(content, list):
            message["content"] = content = _joined(content)
            for part in content:
                if isinstance(part.get("text"), str):
                    yield Text(part["text"], _put(part, "text"), said)
                yield from _strings(part, ("refusal",))
        yield from _beside(message)


def texts_of_options(options: dict[str, Any]) -> Iterator[Text]:
    """Those of all other fields: tools with their descriptions and parameters, metadata, schemas, whatever else."""
    waiting: list[tuple[str, Any, Any, Any]] = [(key, options, key, value) for key, value in options.items()]
    while waiting:
        field, holder, key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(name, value, name, each) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [(field, value, index, each) for index, each in enumerate(value)]
        elif isinstance(value, str) and not (field in _NAMES and _WORD.fullmatch(value)):
            yield Text(value, _put(holder, key), said=False)


def _joined(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    joined: list[dict[str, Any]] = []
    for (_, has_text), row in groupby(parts, lambda part: (part.get("type"), isinstance(part.get("text"), str))):
        if has_text:
            same = list(row)
            # Of other fields (such as cache_control) the last one holds, which speaks for all before it.
            fields = {name: value for part in same for name, value in part.items()}
            joined.append({**fields, "text": "\n".join(part["text"] for part in same)})
        else:
            joined += row
    return joined


def _beside(message: dict[str, Any]) -> Iterator[Text]:
    """What else of a message the model gets to read, as the caller says that it, or somebody, had said it."""
    yield from _strings(message, ("name", "refusal", "reasoning_content", "reasoning"))
    yield from _strings(message.get("function_call"), ("name", "arguments"))
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield from _strings(call.get("function"), ("name", "arguments"))
            yield from _strings(call.get("custom"), ("name", "input"))


def _strings(holder: object, fields: Sequence[str]) -> Iterator[Text]:
    if isinstance(holder, dict):
        for field in fields:
            if isinstance(value := holder.get(field), str):
                yield Text(value, _put(holder, field), said=False)


def _put(holder: Any, key: Any) -> Callable[[str], None]:
    return lambda value: holder.__setitem__(key, value)
