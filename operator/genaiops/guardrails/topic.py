"""What a text is about, by its closeness in meaning to examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self

from genaiops.api.detectors import Topic
from genaiops.guardrails.finding import Context, Cost, Finding
from genaiops.guardrails.passages import first_open, passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD: Final = 0.35
WORDS: Final = 3
"""Words below which a text is about nothing: "Hello!", "Thank you."."""


@dataclass(frozen=True, slots=True)
class TopicDetector:
    """A passage on a denied topic is a finding; so is a whole text no passage of which is on an allowed one.

    Closeness is the highest cosine to one of the topic's examples (all-MiniLM-L6-v2: English).
    """

    allowed: tuple[tuple[str, tuple[str, ...]], ...]
    """Topics as (name, examples)."""
    denied: tuple[tuple[str, tuple[str, ...]], ...]
    threshold: float = THRESHOLD
    cost = Cost.PROCESS
    judges_whole = True

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return self

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        judged = [(a, b) for a, b in passages(text, start, complete) if len(text[a:b].split()) >= WORDS]
        if not judged:
            return []
        from genaiops.embeddings import embed  # an inference engine, which the operator's image has not

        vectors = embed([text[a:b] for a, b in judged])
        found: dict[int, Finding] = {}
        for name, examples in self.denied:
            for (a, b), score in zip(judged, _closeness(vectors, examples), strict=True):
                if score >= max(self.threshold, found[a].score or 0 if a in found else 0):
                    found[a] = Finding(a, b, name, score)
        if self.allowed and complete:
            nearest = max(score for _, examples in self.allowed for score in _closeness(vectors, examples))
            if nearest < self.threshold:
                return [Finding(start, len(text), "OFF_TOPIC", 1 - max(0.0, nearest))]
        return sorted(found.values(), key=lambda finding: finding.start)

    def first_open(self, text: str, start: int) -> int:
        """As in Detector. The text has to be whole before it is off every allowed topic."""
        return start if self.allowed else first_open(text, start)


def detector(
    allowed: Sequence[Topic] | None, denied: Sequence[Topic] | None, threshold: float = THRESHOLD
) -> TopicDetector:
    """Topics as in the settings."""
    return TopicDetector(
        tuple((topic.name, tuple(topic.examples)) for topic in allowed or ()),
        tuple((topic.name, tuple(topic.examples)) for topic in denied or ()),
        threshold,
    )


def _closeness(vectors: "NDArray[Any]", examples: tuple[str, ...]) -> list[float]:
    return [float(value) for value in (vectors @ _embedded(examples).T).max(axis=1)]


@lru_cache(maxsize=256)
def _embedded(examples: tuple[str, ...]) -> "NDArray[Any]":
    from genaiops.embeddings import embed

    return embed(examples)
