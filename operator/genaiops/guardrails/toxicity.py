"""Insults, threats, hate and foul language, sentence by sentence.

A list of foul words, and a logistic regression on the sentence's meaning for what is said without them. The model card
is docs/guardrail-models.md; hack/train/toxicity.py makes both.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from genaiops.guardrails.disguise import plain
from genaiops.guardrails.finding import Context, Cost, Finding
from genaiops.guardrails.sentences import sentences, unfinished

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD: Final = 0.94
"""What one in 100 of the harmless texts of the training exceeds, judged by a model that has not seen it."""
FOUL: Final = 0.99
"""The score of a sentence with a word of the list."""
LONGEST: Final = 3
"""Words in the longest entry of the list that is looked for."""

_MODELS = Path(__file__).parent / "models"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class ToxicityDetector:
    """A sentence that is likely toxic is a finding, whose score is how likely."""

    threshold: float = THRESHOLD
    cost = Cost.PROCESS
    judges_whole = False

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return self

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        spans = sentences(text, start, complete)
        scored = zip(spans, scores([text[a:b] for a, b in spans]), strict=True)
        return [Finding(a, b, "TOXIC", value) for (a, b), value in scored if value >= self.threshold]

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        return unfinished(text, start)


def scores(texts: Sequence[str]) -> list[float]:
    """How likely each sentence is toxic, in [0, 1]."""
    foul = [_is_foul(plain(text)) for text in texts]
    clean = [text for text, is_foul in zip(texts, foul, strict=True) if not is_foul]
    meant = iter(_by_meaning(clean) if clean else ())
    return [FOUL if is_foul else next(meant) for is_foul in foul]


def _by_meaning(texts: Sequence[str]) -> list[float]:
    from genaiops.embeddings import embed  # an inference engine, which the operator's image has not

    weights, bias = _regression()
    return [1 / (1 + exp(-float(value) - bias)) for value in embed(texts) @ weights]


def hashed(entries: Iterable[str]) -> frozenset[int]:
    """What is shipped of the list: no word of it, and all that is needed to know one again."""
    return frozenset(_hash(" ".join(_WORD.findall(plain(entry)))) for entry in entries)


def _is_foul(read: str) -> bool:
    words = _WORD.findall(read)
    rows = (words[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1))
    return any(_hash(" ".join(row)) in _foul() for row in rows)


def _hash(entry: str) -> int:
    return int.from_bytes(blake2b(entry.encode(), digest_size=8).digest())


@cache
def _foul() -> frozenset[int]:
    import numpy as np  # as above

    return frozenset(np.load(_MODELS / "foul.npy", allow_pickle=False).tolist())


@cache
def _regression() -> "tuple[NDArray[Any], float]":
    import numpy as np

    with np.load(_MODELS / "toxicity.npz", allow_pickle=False) as file:
        return file["weights"], float(file["bias"])
