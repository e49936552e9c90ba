"""What the caller got: every answer has an id that names its release; of one that is sampled the words are noted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from genaiops.api.samples import new_answer_id
from genaiops.guardrails import Report
from genaiops.providers.usage import usage_of

CONTENT_FILTER = "content_filter"


class Transcript:
    """One answer on its way to the caller."""

    def __init__(self, release: str, *, noted: bool, shadow: bool = False) -> None:
        self.id = new_answer_id(release)
        self.noted = noted
        """Whether it is sampled."""
        self.shadow = shadow
        self.time = datetime.now(UTC)
        self.guardrails: dict[str, None] = {}
        """Those that found something, in order."""
        self.messages: list[dict[str, Any]] = []
        """What was asked, as the input guardrails let it through."""
        self.refused = False
        self.input_tokens = 0
        self.output_tokens = 0
        self.seconds = 0.0
        self.first_token = 0.0
        self._started = perf_counter()
        self._text: list[str] = []

    @property
    def text(self) -> str:
        """What the caller got to read; nothing of an answer that was withheld or cut off."""
        return "" if self.refused else "".join(self._text)

    def found(self, report: Report) -> None:
        """What guardrails decided, those that only rehearse left out."""
        self.guardrails |= {name: None for name, decision in report.decisions.items() if not decision.dry_run}

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
            self.refused = self.refused or choice.get("finish_reason") == CONTENT_FILTER
            said = choice.get("message") or choice.get("delta") or {}
            for field in ("content", "refusal"):
                if isinstance(text := said.get(field), str) and text:
                    self.first_token = self.first_token or perf_counter() - self._started
                    self._text.append(text)
