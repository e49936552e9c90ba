"""What the caller got: every answer has an id that names its release; the words are noted where somebody wants them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from genaiops.api.guardrails import Action
from genaiops.api.samples import new_answer_id
from genaiops.guardrails import Report
from genaiops.providers.usage import usage_of

CONTENT_FILTER = "content_filter"


class Transcript:
    """One answer on its way to the caller."""

    def __init__(self, release: str, *, noted: bool, shadow: bool = False) -> None:
        self.id = new_answer_id(release)
        self.noted = noted
        """Whether its words are wanted: for a sample, or a trace."""
        self.shadow = shadow
        self.time = datetime.now(UTC)
        self.guardrails: dict[str, None] = {}
        """Those that found something, in order."""
        self.flagged = False
        """Whether one of action Flag did."""
        self.messages: list[dict[str, Any]] = []
        """What was asked, as the input guardrails let it through."""
        self.finish_reason = ""
        """As the caller got it; empty where it got none."""
        self.input_tokens = 0
        self.output_tokens = 0
        self.seconds = 0.0
        self.first_token = 0.0
        self._started = perf_counter()
        self._text: list[str] = []

    @property
    def refused(self) -> bool:
        """Whether a guardrail withheld the answer, or cut it off."""
        return self.finish_reason == CONTENT_FILTER

    @property
    def asked(self) -> list[tuple[str, str]]:
        """Role and words of each message. Only the words: a request may have megabytes of pictures."""
        return [(str(message["role"]), "\n".join(_words(message.get("content")))) for message in self.messages]

    @property
    def text(self) -> str:
        """What the caller got to read; nothing of an answer that was withheld or cut off."""
        return "" if self.refused else "".join(self._text)

    def found(self, report: Report) -> None:
        """What guardrails decided, those that only rehearse left out."""
        decided = {name: decision for name, decision in report.decisions.items() if not decision.dry_run}
        self.guardrails |= dict.fromkeys(decided)
        self.flagged = self.flagged or any(decision.action is Action.FLAG for decision in decided.values())

    def used(self, usage: object) -> None:
        """What the model's server counted."""
        if tokens := usage_of(usage):
            self.input_tokens += tokens.read
            self.output_tokens += tokens.written

    def pass_on(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A whole answer, or one chunk of it, as the caller gets it."""
        if self.noted:
            self._note(message)
        return {**message, "id": self.id}

    def end(self) -> None:
        """The caller has all of it."""
        self.seconds = perf_counter() - self._started
        self.first_token = self.first_token or self.seconds

    def _note(self, message: Mapping[str, Any]) -> None:
        for choice in message["choices"]:
            self.finish_reason = str(choice.get("finish_reason") or self.finish_reason)
            said = choice.get("message") or choice.get("delta") or {}
            for field in ("content", "refusal"):
                if isinstance(text := said.get(field), str) and text:
                    self.first_token = self.first_token or perf_counter() - self._started
                    self._text.append(text)


def _words(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        # Images and sounds stay here: nothing can be redacted in them.
        yield text if isinstance(text := part.get("text"), str) else f"[{str(part.get('type', 'part'))[:32]}]"
