"""Texts in a language that is not allowed, by py3langid (Lui & Baldwin, "langid.py", 2012; 140 languages)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Self

from genaiops.guardrails.finding import Context, Cost, Finding
from genaiops.guardrails.sentences import sentences, unfinished

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

THRESHOLD: Final = 0.8
AROUND: Final = 200
"""Characters before a sentence that are judged with it: a quotation or a name is no change of language."""
LEAST: Final = 12
"""Letters below which a text is too short to be in any language; signs of Chinese or Japanese count for four."""

# Addresses, code and numbers are in no language.
_NO_LANGUAGE = re.compile(r"https?://\S+|\S+@\S+|`[^`]*`|\S*[\d_/\\<>{}=]\S*")
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class LanguageDetector:
    """A sentence that is certainly in no allowed language is a finding; short and mixed ones are certainly in none."""

    allowed: frozenset[str]
    threshold: float = THRESHOLD
    cost = Cost.PROCESS
    judges_whole = True

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return self

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        found = []
        for a, b in sentences(text, start, complete):
            score = self._foreign(text[max(0, a - AROUND) : b])
            if score >= self.threshold:
                found.append(Finding(a, b, "LANGUAGE", score))
        return found

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        return unfinished(text, start)

    def _foreign(self, text: str) -> float:
        words = _NO_LANGUAGE.sub(" ", text)
        if len(_LETTER.findall(words)) + 3 * len(_SIGN.findall(words)) < LEAST:
            return 0.0
        # One language has to be likely: a text that could be in any of twenty others is not certainly in none of these.
        ranked = _identifier().rank(words)
        return max(float(probability) for language, probability in ranked if language not in self.allowed)


def detector(allowed: Sequence[str], threshold: float = THRESHOLD) -> LanguageDetector:
    """`allowed`: ISO 639-1 codes."""
    return LanguageDetector(frozenset(allowed), threshold)


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # half a second, and not in the operator's image

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
