"""What was asked and answered, as it stands in a trace: redacted, bounded, in the JSON of OpenTelemetry's conventions.

The release's own prompt is not in it, nor what a guardrail withheld.
https://github.com/open-telemetry/semantic-conventions-genai (gen_ai.input.messages, gen_ai.output.messages)
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from genaiops.runtime.redaction import redacted
from genaiops.runtime.transcript import Transcript

LARGEST: Final = 100_000
"""Characters of a request and its answer; a trace of a larger one has none of them."""
MAX_TEXT: Final = 8192
"""Characters of one text."""
MAX_MESSAGES: Final = 32
"""The last ones."""


@dataclass(frozen=True, slots=True)
class Words:
    """Texts that wait to be redacted."""

    asked: list[tuple[str, str]]
    """Role and text."""
    answer: str
    """Empty where it was withheld."""
    finish_reason: str
    size: int
    """Characters in all."""


def words_of(transcript: Transcript) -> Words | None:
    """None where there is too much of it."""
    asked, answer = transcript.asked[-MAX_MESSAGES:], transcript.text
    size = len(answer) + sum(len(text) for _, text in asked)
    return Words(asked, answer, transcript.finish_reason, size) if size <= LARGEST else None


def as_attributes(words: Words) -> dict[str, str]:
    """The attributes of a span. Milliseconds for a long text."""
    answer = {"role": "assistant", "parts": _parts(words.answer), "finish_reason": words.finish_reason}
    return {
        "gen_ai.input.messages": _json([{"role": role, "parts": _parts(text)} for role, text in words.asked]),
        "gen_ai.output.messages": _json([answer]),
    }


def _parts(text: str) -> list[dict[str, str]]:
    # Redacted before it is cut: half a credential is not recognised.
    return [{"type": "text", "content": redacted(text, None)[:MAX_TEXT]}] if text else []


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
