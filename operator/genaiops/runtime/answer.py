"""The model's answer on its way to the caller: every text in it passes the output checks, whole or chunk by chunk."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from genaiops.guardrails import Chain, Check, Report
from genaiops.guardrails.finding import Context
from genaiops.guardrails.vault import Restorer, Vault

_Key = tuple[int, str, int]
"""Which text of a stream: choice, field (kind of the call in tool calls), and index of the tool call (0 elsewhere)."""

# What is passed on as it is, beside the texts that are judged. Servers have more, which may spell out the answer or the
# prompt (vLLM: prompt_logprobs, token_ids).
_OF_ANSWER: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier", "usage")
_OF_CHOICE: Final = ("index", "finish_reason")
_OF_CALL: Final = ("index", "id", "type")
_OF_FUNCTION: Final = ("name",)
_CALLS: Final = {"function": "arguments", "custom": "input"}
"""Kinds of tool calls, and the field with what the model has written."""


class _Text:
    """One text of the answer: judged, and then what was redacted from the question is put back.

    In that order: what the caller had sent itself is no finding.
    """

    def __init__(self, chain: Chain, restorer: Restorer) -> None:
        self._chain = chain
        self._restorer = restorer

    async def feed(self, text: str) -> str:
        return self._restorer.feed(await self._chain.feed(text))

    async def finish(self, text: str = "") -> str:
        return self._restorer.finish(await self._chain.finish(text))


class AnswerJudge:
    """Puts the texts of one answer through the checks; with none, and nothing to restore, all passes as it is.

    `content` meets every check; tool call arguments, a refusal and any other text meet those that find spans. What is
    no text and can't be judged (log probabilities, which spell the answer out, audio) is left out. Content in parts
    becomes one text.
    """

    def __init__(
        self, checks: Sequence[Check], report: Report, context: Context, vault: Vault, *, in_json: bool
    ) -> None:
        """`in_json`: the content is JSON."""
        self._all = checks
        self._span = [check for check in checks if not check.judge.judges_whole]
        self._report = report
        self._context = context
        self._vault = vault
        self._in_json = in_json
        self._texts: dict[_Key, _Text] = {}

    async def whole(self, answer: dict[str, Any]) -> dict[str, Any]:
        """A chat completion, judged. Raises BlockedError or DetectorError."""
        if not self._all and not self._vault:
            return answer
        choices = []
        for choice in answer["choices"]:
            message: dict[str, Any] = {}
            for field, value in choice["message"].items():
                if field == "role" or value is None:
                    message[field] = value
                elif isinstance(value := _one_text(field, value), str):
                    silent = field == "content" and not value and choice["message"].get("tool_calls")
                    message[field] = value if silent else await self._new_text(field).finish(value)
                elif field == "tool_calls" and isinstance(value, list):
                    message[field] = [await self._tool_call(call) for call in value]
            choices.append({**_known(choice, _OF_CHOICE), "message": message})
        return {**envelope(answer), "choices": choices}

    async def chunk(self, chunk: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """One chunk of a stream into the chunks to send now: none, where all of it is held back.

        Raises as `whole`; then nothing more of the answer may be sent.
        """
        if not self._all and not self._vault:
            yield chunk
            return
        choices = []
        for choice in chunk["choices"]:
            index = choice.get("index", 0)
            delta = await self._delta(index, choice.get("delta") or {})
            finished = choice.get("finish_reason")
            if finished:
                for rest in await self._rest(index):
                    yield {**envelope(chunk), "choices": [{"index": index, "delta": rest, "finish_reason": None}]}
            if delta or finished:
                choices.append({**_known(choice, _OF_CHOICE), "delta": delta})
        if choices or not chunk["choices"]:
            yield {**envelope(chunk), "choices": choices}

    async def words(self, text: str) -> str:
        """Words that are no answer, such as the reason of a refusal. Raises as `whole`."""
        return await self._new_text("refusal").finish(text)

    async def _delta(self, index: int, delta: dict[str, Any]) -> dict[str, Any]:
        judged: dict[str, Any] = {}
        for field, value in delta.items():
            if field == "role":
                judged[field] = value
            elif isinstance(value := _one_text(field, value), str):
                if value and (text := await self._text(index, field).feed(value)):
                    judged[field] = text
            elif field == "tool_calls" and isinstance(value, list):
                judged[field] = [await self._tool_call_delta(index, call) for call in value]
        return judged

    async def _tool_call_delta(self, index: int, call: dict[str, Any]) -> dict[str, Any]:
        judged = _known(call, _OF_CALL)
        for kind, field in _CALLS.items():
            if isinstance(part := call.get(kind), dict):
                judged[kind] = _known(part, _OF_FUNCTION)
                if isinstance(said := part.get(field), str):
                    text = self._text(index, kind, call.get("index", 0))
                    judged[kind][field] = await text.feed(said)
        return judged

    async def _rest(self, index: int) -> list[dict[str, Any]]:
        if not any(key[0] == index and key[1] in ("content", *_CALLS) for key in self._texts):
            self._text(index, "content")  # an answer that says nothing is judged too
        rest: list[dict[str, Any]] = []
        for key in [key for key in self._texts if key[0] == index]:
            text = await self._texts.pop(key).finish()
            _, field, call = key
            if text and field in _CALLS:
                rest.append({"tool_calls": [{"index": call, field: {_CALLS[field]: text}}]})
            elif text:
                rest.append({field: text})
        return rest

    async def _tool_call(self, call: dict[str, Any]) -> dict[str, Any]:
        judged = _known(call, _OF_CALL)
        for kind, field in _CALLS.items():
            if isinstance(part := call.get(kind), dict):
                judged[kind] = _known(part, _OF_FUNCTION)
                if (said := part.get(field)) is not None:
                    # Some servers send the arguments as the object that they stand for.
                    text = said if isinstance(said, str) else json.dumps(said)
                    judged[kind][field] = await self._new_text(kind).finish(text)
        return judged

    def _text(self, index: int, field: str, call: int = 0) -> _Text:
        key = (index, field, call)
        if key not in self._texts:
            self._texts[key] = self._new_text(field)
        return self._texts[key]

    def _new_text(self, field: str) -> _Text:
        checks = self._all if field == "content" else self._span
        in_json = field == "function" or (field == "content" and self._in_json)
        return _Text(Chain(checks, self._report, self._context), self._vault.restorer(in_json=in_json))


def _one_text(field: str, value: Any) -> Any:
    """Content in parts, as some servers have it, as the one text that it stands for; parts that are no text go."""
    if field != "content" or not isinstance(value, list):
        return value
    texts = (part.get("text") for part in value if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def envelope(answer: dict[str, Any]) -> dict[str, Any]:
    """What a chat completion, or a chunk of one, says beside its choices, as far as it may be passed on unjudged."""
    return _known(answer, _OF_ANSWER)


def _known(holder: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {field: holder[field] for field in fields if field in holder}
