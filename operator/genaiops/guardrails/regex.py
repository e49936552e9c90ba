"""The user's own patterns, on RE2: linear time whatever the pattern and the text."""

from collections.abc import Sequence

import re2

from genaiops.guardrails.finding import Finding, Inline, merged
from genaiops.guardrails.partial import Beginnings, options

KIND = "REGEX"


def compile_pattern(pattern: str, ignore_case: bool) -> re2._Regexp:
    """Raises ValueError that says what RE2 can't read."""
    try:
        return re2.compile(pattern, options=options(ignore_case))
    except re2.error as error:
        reason = error.args[0]
        raise ValueError(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from error


class RegexDetector(Inline):
    """Every non-empty match of one of the patterns is a finding.

    Raises ValueError where RE2 can't read a pattern.
    """

    judges_whole = False

    def __init__(self, patterns: Sequence[str], ignore_case: bool = False) -> None:
        self._patterns = [compile_pattern(pattern, ignore_case) for pattern in patterns]
        try:
            self._beginnings: Beginnings | None = Beginnings(patterns, ignore_case)
        except re2.error:
            # Too large for RE2 together: then a stream waits for the whole answer, which is slow and still right.
            self._beginnings = None

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        context = max(0, start - 1)
        window = text[context:]
        return merged(
            [
                Finding(context + match.start(), context + match.end(), KIND)
                for pattern in self._patterns
                for match in pattern.finditer(window, start - context)
                if match.end() > match.start()
            ]
        )

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        if not self._beginnings:
            return start
        context = max(0, start - 1)
        return context + self._beginnings.first(text[context:], start - context)
