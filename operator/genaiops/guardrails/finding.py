"""What a detector is, what it costs, what it sees, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol, Self


class Cost(Enum):
    """What judging a text takes, and so where it is done."""

    INLINE = 1
    """Microseconds: on the event loop, and for a long text in a thread."""
    PROCESS = 2
    """Milliseconds of computing: in a worker process, which makes a detector of its own from the same settings."""
    REMOTE = 3
    """Waiting for a server."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A span of a text, ``text[start:end]``. Never carries the text itself, so it can't leak it."""

    start: int
    end: int
    kind: str
    """What it is, such as EMAIL: one of a few words of the detector's own, never of the text."""
    score: float | None = None
    """How certain, 0 to 1; None where a rule decides."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the model was given, for detectors that compare its answer with that. Empty where there was nothing."""

    instructions: str = ""
    """The release's prompt as it was sent: its system messages, filled in."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the caller filled the prompt with: often the documents that an answer is to keep to."""
    tool_results: tuple[str, ...] = ()
    """What tools had found."""
    question: str = ""
    """The last message of the user."""


NOTHING: Final = Context()
"""What there is to know of a text that stands alone, as all input does."""


class Detector(Protocol):
    """Looks for one sort of thing. Has no state: one detector serves every text at once.

    It is made at the start of a process, in the operator too, which only asks whether the settings can work. So making
    one is cheap, and imports no model: a detector of cost PROCESS loads what it needs when it first finds, in a worker.
    """

    @property
    def cost(self) -> Cost:
        """What `find` takes. `first_open` has to be cheap in any case."""

    @property
    def judges_whole(self) -> bool:
        """Whether it judges what is said as a whole, rather than finding things anywhere in any text."""

    def given(self, context: Context) -> Self:
        """The detector for one request: itself, where it needs to know nothing of the request."""

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """Findings from `start` on, in order, not overlapping; what is before `start` is context and was judged.

        Where the text isn't complete, what the detector finds at or after `first_open` may change with more text.
        """

    def first_open(self, text: str, start: int) -> int:
        """The first place from `start` on whose judgement more text could change; ``len(text)`` where none."""


class RemoteDetector(Protocol):
    """A detector that asks a server. As a Detector, but for `find`."""

    @property
    def judges_whole(self) -> bool:
        """As in Detector."""

    def given(self, context: Context) -> Self:
        """As in Detector."""

    async def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector. What it raises is an error of the detector's, and its text is logged nowhere."""

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""


class Inline:
    """What is common to detectors that are quick, and need to know nothing of the request."""

    cost = Cost.INLINE

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return self


def merged(findings: list[Finding]) -> list[Finding]:
    """In order, and overlapping ones joined under the kind of the longest."""
    result: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end)):
        if not result or finding.start >= result[-1].end:
            result.append(finding)
            continue
        last = result.pop()
        kind = last.kind if last.end - last.start >= finding.end - finding.start else finding.kind
        score = max((score for score in (last.score, finding.score) if score is not None), default=None)
        result.append(Finding(last.start, max(last.end, finding.end), kind, score))
    return result
