"""The model's answer on its way to the caller: every text in it passes the output checks, whole or chunk by chunk."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from genaiops.guardrails import Chain, Check, Report
from genaiops.guardrails.finding import Context
from genaiops.guardrails.vault import Restorer, Vault

_Key = tuple[int, str, int]
"""Which text of a stream: choice, field, and index of the tool call (0 elsewhere)."""


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
    no text and can't be judged (log probabilities, which spell the answer out, audio) is left out.
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
            message = {}
            for field, value in choice["message"].items():
                if field == "role" or value is None:
                    message[field] = value
                elif isinstance(value, str):
                    silent = field == "content" and not value and choice["message"].get("tool_calls")
                    message[field] = value if silent else await self._new_text(field).finish(value)
                elif field == "tool_calls" and isinstance(value, list):
                    message[field] = [await self._tool_call(call) for call in value]
            choices.append({**_judged_choice(choice), "message": message})
        return {**answer, "choices": choices}

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
                    yield {**chunk, "choices": [{"index": index, "delta": rest, "finish_reason": None}]}
            if delta or finished:
                choices.append({**_judged_choice(choice), "delta": delta})
        if choices or not chunk["choices"]:
            yield {**chunk, "choices": choices}

    async def _delta(self, index: int, delta: dict[str, Any]) -> dict[str, Any]:
        judged: dict[str, Any] = {}
        for field, value in delta.items():
            if field == "role":
                judged[field] = value
            elif isinstance(value, str):
                if value and (text := await self._text(index, field).feed(value)):
                    judged[field] = text
            elif field == "tool_calls" and isinstance(value, list):
                judged[field] = [await self._tool_call_delta(index, call) for call in value]
        return judged

    async def _tool_call_delta(self, index: int, call: dict[str, Any]) -> dict[str, Any]:
        function = call.get("function") or {}
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            return call
        text = self._text(index, "tool_calls", call.get("index", 0))
        return {**call, "function": {**function, "arguments": await text.feed(arguments)}}

    async def _rest(self, index: int) -> list[dict[str, Any]]:
        if not any(key[0] == index and key[1] in ("content", "tool_calls") for key in self._texts):
            self._text(index, "content")  # an answer that says nothing is judged too
        rest: list[dict[str, Any]] = []
        for key in [key for key in self._texts if key[0] == index]:
            text = await self._texts.pop(key).finish()
            _, field, call = key
            if text and field == "tool_calls":
                rest.append({"tool_calls": [{"index": call, "function": {"arguments": text}}]})
            elif text:
                rest.append({field: text})
        return rest

    async def _tool_call(self, call: dict[str, Any]) -> dict[str, Any]:
        function = call.get("function") or {}
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            return call
        return {**call, "function": {**function, "arguments": await self._new_text("tool_calls").finish(arguments)}}

    def _text(self, index: int, field: str, call: int = 0) -> _Text:
        key = (index, field, call)
        if key not in self._texts:
            self._texts[key] = self._new_text(field)
        return self._texts[key]

    def _new_text(self, field: str) -> _Text:
        checks = self._all if field == "content" else self._span
        in_json = field == "tool_calls" or (field == "content" and self._in_json)
        return _Text(Chain(checks, self._report, self._context), self._vault.restorer(in_json=in_json))


def _judged_choice(choice: dict[str, Any]) -> dict[str, Any]:
    return {field: choice.get(field) for field in ("index", "finish_reason")}
