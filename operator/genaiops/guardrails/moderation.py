"""Asks a model whose work it is to judge texts: OpenAI's moderation interface, or a Llama Guard."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, Literal, Self

from genaiops.api.detectors import Detector as DetectorSpec
from genaiops.api.detectors import ModerationStyle
from genaiops.guardrails.finding import Context, Finding
from genaiops.guardrails.sentences import unfinished

BEFORE: Final = 2000
"""Characters before what is judged that the model gets to see along with it."""

_Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
Verdict = tuple[str, float | None]
"""A category, and its score where there is one."""


@dataclass(frozen=True, slots=True)
class ModerationDetector:
    """A text that the model finds fault with is one finding, of the category that is the most certain.

    On a stream the model sees each sentence with what came before. Raises ValueError where its answer is none.
    """

    ask: Callable[[str, str], Awaitable[Sequence[Verdict]]]
    """(question, text) → the categories that are violated."""
    question: str = ""
    judges_whole = True

    def given(self, context: Context) -> Self:
        """As in Detector."""
        return replace(self, question=context.question)

    async def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        violated = await self.ask(self.question, text[max(0, start - BEFORE) :])
        if not violated:
            return []
        category, score = max(violated, key=lambda verdict: verdict[1] or 0)
        return [Finding(start, len(text), _kind(category), score)]

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        return unfinished(text, start)


def detector(spec: DetectorSpec, stage: Literal["input", "output"], model: Callable[[str], _Ask]) -> ModerationDetector:
    """`model`: asks the model's server at a path."""
    counted = frozenset(spec.categories or ())
    if spec.style is ModerationStyle.LLAMA_GUARD:
        return ModerationDetector(_llama_guard(model("chat/completions"), counted, stage))
    return ModerationDetector(_openai(model("moderations"), counted, spec.threshold))


def _openai(
    ask: _Ask, counted: frozenset[str], threshold: Decimal | None
) -> Callable[[str, str], Awaitable[list[Verdict]]]:
    """https://platform.openai.com/docs/api-reference/moderations"""

    async def judged(_: str, text: str) -> list[Verdict]:
        answer = await ask({"input": text})
        try:
            (result,) = answer["results"]
            scores = {name: float(score) for name, score in (result.get("category_scores") or {}).items()}
            if threshold is not None:
                violated = [name for name, score in scores.items() if score >= threshold]
            else:
                violated = [name for name, flagged in result["categories"].items() if flagged]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError("the model's answer is no moderation") from error
        return [(name, scores.get(name)) for name in violated if not counted or name in counted]

    return judged


def _llama_guard(
    ask: _Ask, counted: frozenset[str], stage: Literal["input", "output"]
) -> Callable[[str, str], Awaitable[list[Verdict]]]:
    """Meta, "Llama Guard 3" model card: safe, or unsafe and on the next line the categories, such as S1,S10."""

    async def judged(question: str, text: str) -> list[Verdict]:
        messages = [{"role": "user", "content": text}]
        if stage == "output":
            # The chat template of these models judges the last message by its role, and no conversation begins with
            # an assistant.
            messages = [{"role": "user", "content": question or "-"}, {"role": "assistant", "content": text}]
        answer = await ask({"messages": messages, "temperature": 0, "max_tokens": 32})
        try:
            said = answer["choices"][0]["message"]["content"].split()
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError("the model's answer is no chat completion") from error
        match [word.lower() for word in said[:1]] + said[1:]:
            case ["safe"]:
                return []
            case ["unsafe", *words]:
                found = [name for name in re.split(r"[\s,]+", " ".join(words)) if name]
                return [(name, None) for name in found or ["unsafe"] if not counted or not found or name in counted]
            case _:
                raise ValueError("the model says neither safe nor unsafe")

    return judged


def _kind(category: str) -> str:
    """A category in the words of kinds; a server's word, so whatever it is, it stays short and plain."""
    return re.sub(r"[^A-Z0-9]+", "_", category.upper()[:64]).strip("_") or "UNSAFE"
