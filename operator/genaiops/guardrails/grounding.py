"""Sentences of an answer that nothing supports of what the model was given.

Support is two things together: closeness in meaning to a sentence of the sources, which survives other words and
misses wrong facts; and the share of the sentence's words and all of its numbers found in the sources, which is the
reverse. Neither reads: a negation, or a name and a number that both occur but not together, is not noticed.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self

from genaiops.guardrails.finding import Context, Cost, Finding
from genaiops.guardrails.sentences import sentences, unfinished

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD: Final = 0.5
CERTAIN: Final = 0.85
"""Share of a sentence's words in the sources from which its meaning is not compared, too."""
WRONG_NUMBER: Final = 0.4
"""What is left of a sentence's support where a number of it is in no source."""
CLAIM: Final = 3
"""Words of content below which a sentence claims nothing: "I see.", "Here is what I found:"."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_STOP_WORDS = """
the and for are was were been has have had will would can could should may might must this that these those
with from into onto than then they them their there here your you our its his her she him who whom whose which
what when where why how not but also any all some each such only very just about over under after before
between during per via out off too now does did doing done being because while both either more most other own
same if it is in on of to an as at by be or so we us my me no yes do up
"""
_STOP = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class GroundingDetector:
    """A sentence with less support than the threshold is a finding; its score is the support that it lacks.

    Without sources (variables of the prompt, results of tools) nothing is judged. Questions claim nothing.
    """

    threshold: float = THRESHOLD
    sources: tuple[str, ...] = ()
    cost = Cost.PROCESS
    judges_whole = True

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return replace(self, sources=(*context.variables.values(), *context.tool_results))

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        if not any(source.strip() for source in self.sources):
            return []
        scored = [(a, b, self._support(text[a:b])) for a, b in sentences(text, start, complete)]
        return [Finding(a, b, "UNSUPPORTED", 1 - support) for a, b, support in scored if support < self.threshold]

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        return unfinished(text, start)

    def _support(self, sentence: str) -> float:
        words, numbers = _words(sentence), _numbers(sentence)
        if sentence.rstrip().endswith("?") or (len(words) < CLAIM and not numbers):
            return 1.0
        known, known_numbers = _vocabulary(self.sources)
        share = len(words & known) / len(words) if words else 1.0
        support = share if share >= CERTAIN else (share + self._closeness(sentence)) / 2
        return support if numbers <= known_numbers else support * WRONG_NUMBER

    def _closeness(self, sentence: str) -> float:
        from genaiops.embeddings import embed  # an inference engine, which the operator's image has not

        return max(0.0, float((_embedded(self.sources) @ embed([sentence])[0]).max()))


def detector(threshold: float = THRESHOLD) -> GroundingDetector:
    """Without sources yet: those are a request's."""
    return GroundingDetector(threshold)


def _words(text: str) -> frozenset[str]:
    """The words of content, cut to their beginnings: "delivered" and "delivery" are one."""
    return frozenset(word[:5] for word in _WORD.findall(text.casefold()) if word not in _STOP)


def _numbers(text: str) -> frozenset[str]:
    """The numbers, however their thousands are set apart: 1,000.50 and 1000.5 are one."""
    plain = (re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number).replace(",", ".") for number in _NUMBER.findall(text))
    return frozenset(number.rstrip("0").rstrip(".") if "." in number else number for number in plain)


@lru_cache(maxsize=64)
def _vocabulary(sources: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    whole = "\n".join(sources)
    return _words(whole), _numbers(whole)


@lru_cache(maxsize=64)
def _embedded(sources: tuple[str, ...]) -> "NDArray[Any]":
    """The sources' sentences: an answer is judged sentence by sentence against the same ones."""
    from genaiops.embeddings import embed

    return embed([source[a:b] for source in sources for a, b in sentences(source, 0, complete=True)])
