"""A chat completion request: what the caller may say, and what of it reaches the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from genaiops.api.prompt import ResponseFormat
from genaiops.api.release import ReleaseContent
from genaiops.runtime.errors import bad_request

ROLES = frozenset({"user", "assistant", "tool", "function"})
OWN_ROLES = frozenset({"system", "developer"})
# Names of one setting under which a release's value replaces whatever the caller sent.
SYNONYMS = {"max_tokens": ("max_tokens", "max_completion_tokens")}


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that is well-formed."""

    messages: list[dict[str, Any]]
    """The caller's messages, still without the prompt."""
    variables: dict[str, object]
    """`prompt.variables`; the prompt judges them."""
    stream: bool
    include_usage: bool
    """Whether the caller wants the stream's last chunk with the tokens."""
    options: dict[str, Any]
    """Every other field. Passed on: servers have many of their own, and they refuse what they don't know."""


def parse(body: bytes) -> ChatRequest:
    """Raises ApiError (400) that names the field which is wrong."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise bad_request("the body must be a JSON object")
    messages = _messages(fields.pop("messages", None))
    variables = _variables(fields.pop("prompt", None))
    stream = fields.pop("stream", None)
    if stream not in (None, True, False):
        raise bad_request("stream must be true or false", "stream")
    stream_options = fields.pop("stream_options", None) or {}
    if not isinstance(stream_options, dict):
        raise bad_request("stream_options must be an object", "stream_options")
    if fields.get("n") not in (None, 1):
        raise bad_request("n must be 1: an answer is judged and counted as one", "n")
    fields.pop("model", None)  # the release decides
    return ChatRequest(messages, variables, bool(stream), bool(stream_options.get("include_usage")), fields)


def payload(request: ChatRequest, prompt: list[dict[str, str]], own: Mapping[str, Any]) -> dict[str, Any]:
    """What the model's server is asked, all but the model's name. The release's `own` fields replace the caller's."""
    fields = dict(request.options)
    for name, value in own.items():
        for synonym in SYNONYMS.get(name, (name,)):
            fields.pop(synonym, None)
        fields[name] = value
    fields["messages"] = [*prompt, *request.messages]
    if request.stream:
        fields["stream"] = True
        fields["stream_options"] = {"include_usage": True}
    return fields


def own_fields(content: ReleaseContent) -> dict[str, Any]:
    """What the release decides of every request, in the protocol's names and types."""
    values = content.parameters.model_dump(mode="python", exclude_none=True)
    fields: dict[str, Any] = {
        name: value if isinstance(value, int | list) else float(value) for name, value in values.items()
    }
    if form := content.prompt.response_format:
        fields["response_format"] = _response_format(form)
    return fields


def _response_format(form: ResponseFormat) -> dict[str, Any]:
    if form.json_schema is None:
        return {"type": form.type.value}
    schema: dict[str, Any] = {"name": form.name or "answer", "schema": form.json_schema}
    if form.strict is not None:
        schema["strict"] = form.strict
    return {"type": form.type.value, "json_schema": schema}


def _messages(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise bad_request("messages must be a list", "messages")
    for index, message in enumerate(value):
        at = f"messages[{index}]"
        if not isinstance(message, dict):
            raise bad_request(f"{at} must be an object", at)
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            if role in OWN_ROLES:
                raise bad_request(
                    f"{at}.role is {role!r}: the release's prompt owns the instructions. Send user, assistant and tool "
                    "messages, and prompt.variables for what varies",
                    f"{at}.role",
                )
            raise bad_request(f"{at}.role must be user, assistant or tool", f"{at}.role")
        content = message.get("content")
        parts = content if isinstance(content, list) else []
        if not isinstance(content, str | list | None) or not all(isinstance(part, dict) for part in parts):
            raise bad_request(f"{at}.content must be a string or a list of content parts", f"{at}.content")
    return value


def _variables(value: object) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict) or value.keys() - {"variables"}:
        raise bad_request('prompt must be an object such as {"variables": {"name": "value"}}', "prompt")
    variables = value.get("variables", {})
    if not isinstance(variables, dict):
        raise bad_request("prompt.variables must be an object", "prompt.variables")
    return variables
