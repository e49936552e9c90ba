"""One answer as it comes in, chunk by chunk, in the OpenAI protocol."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from time import perf_counter
from typing import Any, Final

from genaiops.api.model import Pricing
from genaiops.evaluation.judgement import Answer
from genaiops.providers.usage import Usage, usage_of

REFUSED: Final = "content_filter"
"""Code and finish reason of what a guardrail refused."""


class BrokenOffError(Exception):
    """The answer was not finished. The message is what the release says of it."""


@dataclass
class Heard:
    """What has come of one answer."""

    started: float
    """By `perf_counter`."""
    finished: bool = False
    refused: bool = False
    _text: list[str] = field(default_factory=list)
    _calls: dict[int, dict[str, str]] = field(default_factory=dict)
    _first: float | None = None
    _usage: Usage | None = None

    def take(self, data: bytes) -> None:
        """One chunk, or a whole chat completion. Raises ValueError where it is none, BrokenOffError."""
        chunk = json.loads(data)
        if not isinstance(chunk, dict):
            raise ValueError("no chat completion")
        if error := chunk.get("error"):
            raise BrokenOffError(message_of(error))
        self._usage = usage_of(chunk.get("usage")) or self._usage
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise ValueError("no chat completion")
        for choice in choices:
            finish = choice.get("finish_reason")
            self.finished = self.finished or bool(finish)
            self.refused = self.refused or finish == REFUSED
            said = choice.get("delta") or choice.get("message")
            if isinstance(said, dict):
                self._say(said)

    def _say(self, said: dict[str, Any]) -> None:
        texts = [text for name in ("content", "refusal") if isinstance(text := said.get(name), str) and text]
        calls = said.get("tool_calls")
        calls = [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
        if (texts or calls) and self._first is None:
            self._first = perf_counter() - self.started
        self._text += texts
        for position, call in enumerate(calls):
            known = self._calls.setdefault(call.get("index", position), {"name": "", "arguments": ""})
            function = call.get("function")
            for name in known if isinstance(function, dict) else ():
                part = function.get(name)
                known[name] += _plain(part) if isinstance(part, str) else ""

    def answer(self, pricing: Pricing | None) -> Answer:
        """All that was said."""
        seconds = perf_counter() - self.started
        used = self._usage or Usage(0, 0)
        cost: Decimal | None = used.cost(pricing) if self._usage and pricing else None
        return Answer(
            text="" if self.refused else _plain("".join(self._text)),
            seconds=seconds,
            first_token=seconds if self._first is None else self._first,
            input_tokens=used.read,
            output_tokens=used.written,
            cost=cost,
            tool_calls=tuple({"type": "function", "function": call} for call in self._calls.values()),
            refused_by="guardrail" if self.refused else None,
        )


def _plain(text: str) -> str:
    # Half a surrogate pair can be said in JSON, and written nowhere.
    return text.encode("utf-8", "replace").decode()


def message_of(error: object) -> str:
    """What an OpenAI-shaped `error` says."""
    text = error.get("message") if isinstance(error, dict) else error
    return text[:200] if isinstance(text, str) else "no reason given"
