"""Texts that try to make the model follow them in place of its operator: a classifier of our own.

The model card is docs/guardrail-models.md; hack/train/injection.py makes the model.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from genaiops.guardrails.disguise import decoded, plain
from genaiops.guardrails.finding import Context, Cost, Finding

if TYPE_CHECKING:
    from genaiops.guardrails.linear import LinearModel

THRESHOLD: Final = 0.91
"""Where one in 200 of the harmless texts of the training is taken for an attack by a model that has not seen it."""


@dataclass(frozen=True, slots=True)
class PromptInjectionDetector:
    """A text with a passage that is likely an attack is one finding, whose score is how likely.

    It reads a text whole, so on output a stream waits for its end. What it is for is input.
    """

    threshold: float = THRESHOLD
    cost = Cost.PROCESS
    judges_whole = False

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return self

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        if not complete or not text:
            return []
        score = _model().score(plain(text), *(plain(part) for part in decoded(text)))
        return [Finding(start, len(text), "PROMPT_INJECTION", score)] if score >= self.threshold else []

    def first_open(self, text: str, start: int) -> int:
        """As in Detector. Everything is open until the text is complete."""
        return start


@cache
def _model() -> "LinearModel":
    from genaiops.guardrails.linear import LinearModel  # numpy is not in the operator's image, which judges nothing

    return LinearModel.load(Path(__file__).parent / "models" / "injection.npz")
