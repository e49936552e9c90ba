"""What a detector is, and what it finds."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text, ``text[start:end]``. Never carries the text itself, so it can't leak it."""

    start: int
    end: int
    kind: str
    """What it is, such as EMAIL."""


class Detector(Protocol):
    """Looks for one sort of thing. Has no state: one detector serves every text at once."""

    @property
    def judges_whole(self) -> bool:
        """Whether it judges an answer as a whole, rather than finding things anywhere in any text."""

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """Findings from `start` on, in order, not overlapping; what is before `start` is context and was judged.

        Where the text isn't complete, what the detector finds at or after `first_open` may change with more text.
        """

    def first_open(self, text: str, start: int) -> int:
        """The first place from `start` on whose judgement more text could change; ``len(text)`` where none."""


def merged(findings: list[Finding]) -> list[Finding]:
    """In order, and overlapping ones joined under the kind of the longest."""
    result: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        if not result or finding.start >= result[-1].end:
            result.append(finding)
            continue
        last = result.pop()
        kind = last.kind if last.end - last.start >= finding.end - finding.start else finding.kind
        result.append(Finding(last.start, max(last.end, finding.end), kind))
    return result
