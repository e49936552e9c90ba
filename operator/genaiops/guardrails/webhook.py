"""Asks a server of the team's own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from genaiops.guardrails.finding import Context, Finding, merged
from genaiops.guardrails.sentences import unfinished


class _Found(BaseModel):
    """One finding in the answer. Without a span it is the whole text."""

    kind: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] = "WEBHOOK"
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    start: Annotated[int, Field(ge=0)] | None = None
    end: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _has_a_span_or_none(self) -> Self:
        if (self.start is None) != (self.end is None) or (self.start or 0) > (self.end or 0):
            raise ValueError("start and end go together, start first")
        return self


class _Answer(BaseModel):
    findings: Annotated[list[_Found], Field(max_length=1000)]


@dataclass(frozen=True, slots=True)
class WebhookDetector:
    """What the server finds in ``{"text", "guardrail", "stage"}``; positions are characters (Unicode code points).

    On a stream it gets sentence after sentence. Raises ValueError where its answer is none.
    """

    ask: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    guardrail: str
    stage: Literal["input", "output"]
    judges_whole = False

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return self

    async def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        answer = await self.ask({"text": text[start:], "guardrail": self.guardrail, "stage": self.stage})
        try:
            found = _Answer.model_validate(answer).findings
        except ValidationError as error:
            # Not the error's own words: they quote the answer, and the answer may quote the text.
            places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
            raise ValueError(f"the webhook's answer is none; wrong are: {places}") from None
        spans = [Finding(start + (f.start or 0), _end(f, start, len(text)), f.kind, f.score) for f in found]
        return merged([span for span in spans if span.start < span.end])

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        return unfinished(text, start)


def _end(found: _Found, start: int, length: int) -> int:
    return length if found.end is None else min(start + found.end, length)
