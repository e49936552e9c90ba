"""Sentences of an answer that nothing supports of what the model was given.

Support is two things together: closeness in meaning to a sentence of the sources, which survives other words and
misses wrong facts; and the share of the sentence's words and all of its numbers found in the sources, which is the
reverse. Neither reads: a negation, or a name and a number that both occur but not together, is not noticed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

from genaiops.guardrails.finding import Context, Cost, Finding
from genaiops.guardrails.recent import Recent
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

KEPT: Final = 8 * 1024 * 1024
"""Bytes kept of the sources of the answers that came last, by each worker, twice: words and vectors."""

_Vocabulary = tuple[frozenset[str], frozenset[str]]
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
        spans = sentences(text, start, complete)
        scored = zip(spans, self._supports([text[a:b] for a, b in spans]), strict=True)
        return [Finding(a, b, "UNSUPPORTED", 1 - support) for (a, b), support in scored if support < self.threshold]

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        return unfinished(text, start)

    def _supports(self, texts: Sequence[str]) -> list[float]:
        words, numbers = _known.get(self.sources, lambda: _vocabulary(self.sources))
        supports = [_share(text, words) if _claims(text) else 1.0 for text in texts]
        unsure = [index for index, support in enumerate(supports) if support < CERTAIN]
        for index, closeness in zip(unsure, self._closeness([texts[index] for index in unsure]), strict=True):
            supports[index] = (supports[index] + closeness) / 2
        return [
            support if not _claims(text) or _numbers(text) <= numbers else support * WRONG_NUMBER
            for text, support in zip(texts, supports, strict=True)
        ]

    def _closeness(self, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        from genaiops.embeddings import embed  # an inference engine, which the operator's image has not

        sources = _vectors.get(self.sources, lambda: _embedded(self.sources))
        return [max(0.0, float(value)) for value in (embed(texts) @ sources.T).max(axis=1)]


def detector(threshold: float = THRESHOLD) -> GroundingDetector:
    """Without sources yet: those are a request's."""
    return GroundingDetector(threshold)


def _claims(sentence: str) -> bool:
    return not sentence.rstrip().endswith("?") and (len(_words(sentence)) >= CLAIM or bool(_numbers(sentence)))


def _share(sentence: str, known: frozenset[str]) -> float:
    words = _words(sentence)
    return len(words & known) / len(words) if words else 1.0


def _words(text: str) -> frozenset[str]:
    """The words of content, cut to their beginnings: "delivered" and "delivery" are one."""
    return frozenset(word[:5] for word in _WORD.findall(text.casefold()) if word not in _STOP)


def _numbers(text: str) -> frozenset[str]:
    """The numbers, however their thousands are set apart: 1,000.50 and 1000.5 are one."""
    plain = (re.sub(r"[.,](?=\d{3}(?:\D|$))", "", number).replace(",", ".") for number in _NUMBER.findall(text))
    return frozenset(number.rstrip("0").rstrip(".") if "." in number else number for number in plain)


def _vocabulary(sources: tuple[str, ...]) -> _Vocabulary:
    whole = "\n".join(sources)
    return _words(whole), _numbers(whole)


def _embedded(sources: tuple[str, ...]) -> "NDArray[Any]":
    """The sources' sentences: an answer is judged sentence by sentence against the same ones."""
    from genaiops.embeddings import embed

    return embed([source[a:b] for source in sources for a, b in sentences(source, 0, complete=True)])


# In a worker each. Some 100 bytes a word: the string and its place in the set.
_known: Recent[_Vocabulary] = Recent(KEPT, size=lambda vocabulary: 100 * sum(map(len, vocabulary)))
_vectors: "Recent[NDArray[Any]]" = Recent(KEPT, size=lambda vectors: int(vectors.nbytes))
