"""Detectors made of a table: a pattern for each kind, and a check (a checksum, a numbering plan) of what it matches."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from genaiops.guardrails.finding import Finding, Inline, merged
from genaiops.guardrails.partial import Beginnings


def _accept(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One kind of thing. The pattern is written in what Python's re and RE2 share, and matches in linear time.

    A named group ``value`` narrows the finding to a part of the match, and `valid` sees that part.
    """

    kind: str
    pattern: str
    valid: Callable[[str], bool] = _accept


class TableDetector(Inline):
    """Finds everything that one of its recognisers knows."""

    judges_whole = False

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        # The table's patterns run on Python's re, which searches from a position without copying the text, and
        # ASCII makes \b, \d and \w mean there what they mean in RE2.
        self._patterns = [(r, re.compile(r.pattern, re.ASCII)) for r in recognisers]
        self._beginnings = Beginnings(r.pattern for r in recognisers)

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        return merged([f for r, pattern in self._patterns for f in _matches(r, pattern, text, start)])

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        # One character before is context enough for \b; a copy of the tail is cheaper than handing RE2 the whole.
        context = max(0, start - 1)
        return context + self._beginnings.first(text[context:], start - context)


def _matches(recogniser: Recogniser, pattern: re.Pattern[str], text: str, start: int) -> list[Finding]:
    findings = []
    while match := pattern.search(text, start):
        group = "value" if "value" in pattern.groupindex else 0
        if recogniser.valid(match[group]):
            findings.append(Finding(match.start(group), match.end(group), recogniser.kind))
            start = max(match.end(), match.start() + 1)
        else:
            # What was looked for may begin inside: "order 7 4111 1111 1111 1111".
            start = match.start() + 1
    return findings
