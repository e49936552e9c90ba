"""An answer that repeats the release's own prompt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final, Self

import re2

from genaiops.guardrails.finding import Context, Cost, Finding, merged
from genaiops.guardrails.recent import Recent
from genaiops.guardrails.regex import RegexDetector

WORDS: Final = 5
"""Words in a row that are compared: shorter rows are common to texts that have nothing to do with each other."""
GAP: Final = 8
"""Words that may stand between two repeated rows of one passage: a list's numbers, a changed word."""
LEAST: Final = 3
"""Rows that make a passage, at the least: seven words."""
MOST: Final = 32
"""Rows that make a passage of a prompt of whatever length."""
THRESHOLD: Final = 0.3
"""Share of the prompt's rows."""

KEPT: Final = 8 * 1024 * 1024
"""Bytes kept of the prompts that came last."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PromptLeakDetector:
    """A passage that repeats the prompt is a finding, from its first repeated word to its last; so is the canary.

    Compared are rows of words whatever their case and what stands between them (word n-grams, as in Broder, "On the
    resemblance and containment of documents", 1997). The score is the share of the prompt's rows in the passage. A
    prompt that is translated, paraphrased or encoded is not found; that is what the canary can't help with either.
    """

    threshold: float = THRESHOLD
    canary: RegexDetector | None = None
    prompt: frozenset[tuple[str, ...]] = field(default=frozenset())
    """Its rows of words."""
    cost = Cost.INLINE
    judges_whole = False

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return replace(self, prompt=_kept.get((context.instructions,), lambda: _rows(context.instructions)))

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        found = [
            Finding(passage.start, passage.end, "PROMPT", min(1.0, len(passage.rows) / len(self.prompt)))
            for passage in self._passages(text, start)
            if len(passage.rows) >= self._needed()
        ]
        if self.canary:
            found += [replace(finding, kind="CANARY") for finding in self.canary.find(text, start, complete)]
        return merged(found)

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        places = [self.canary.first_open(text, start)] if self.canary else [len(text)]
        if self.prompt:
            words = list(_WORD.finditer(text, start))
            # The last rows that could begin here, and the passage that could go on there.
            reach = self._length() - 1
            if text and not re.match(r"\W", text[-1]):
                reach += 1  # the last word may not be whole yet
            if reach and words:
                places.append(words[max(0, len(words) - reach)].start())
            places += [p.start for p in self._passages(text, start) if len(words) - p.last <= GAP + self._length()]
        return min(places)

    def _needed(self) -> int:
        share = ceil(self.threshold * len(self.prompt))
        return min(max(share, LEAST), MOST, len(self.prompt))

    def _length(self) -> int:
        return len(next(iter(self.prompt)))

    def _passages(self, text: str, start: int) -> "list[_Passage]":
        if not self.prompt:
            return []
        words = list(_WORD.finditer(text, start))
        folded = [word[0].casefold() for word in words]
        length = self._length()
        passages: list[_Passage] = []
        for index in range(len(words) - length + 1):
            row = tuple(folded[index : index + length])
            if row not in self.prompt:
                continue
            end = words[index + length - 1].end()
            if passages and index - passages[-1].last <= GAP:
                passages[-1].extend(row, end, index + length)
            else:
                passages.append(_Passage(words[index].start(), end, index + length, {row}))
        return passages


@dataclass(slots=True)
class _Passage:
    """What an answer repeats, with small gaps. `last`: the number of the word after its last one."""

    start: int
    end: int
    last: int
    rows: set[tuple[str, ...]]

    def extend(self, row: tuple[str, ...], end: int, last: int) -> None:
        self.rows.add(row)
        self.end, self.last = end, last


def _rows(prompt: str) -> frozenset[tuple[str, ...]]:
    words = [word.casefold() for word in _WORD.findall(prompt)]
    length = min(WORDS, len(words))
    return frozenset(tuple(words[i : i + length]) for i in range(len(words) - length + 1)) if words else frozenset()


# Some 300 bytes a row: its words, the tuple, its place in the set.
_kept: Recent[frozenset[tuple[str, ...]]] = Recent(KEPT, size=lambda rows: 300 * len(rows))


def detector(threshold: float | None, canary: str | None) -> PromptLeakDetector:
    """With the threshold's default where None."""
    found: Sequence[str] = [re2.escape(canary)] if canary else []
    return PromptLeakDetector(
        THRESHOLD if threshold is None else threshold, RegexDetector(found, ignore_case=True) if found else None
    )
