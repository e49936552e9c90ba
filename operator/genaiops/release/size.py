"""Whether a prompt and its answer fit the models that are asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from genaiops.api.parameters import Parameters
from genaiops.api.release import PromptContent
from genaiops.prompts import estimated_tokens

_NEARLY_FULL: Final = 0.8
"""The share of a context window from which on a person is told: users' own messages have to fit in what is left."""


@dataclass(frozen=True)
class SizeProblem:
    """A prompt that does not fit a model, or nearly so."""

    fits: bool
    message: str


def size_problems(prompt: PromptContent, parameters: Parameters, windows: Mapping[str, int]) -> list[SizeProblem]:
    """One for each model, by name its context window in tokens, that is too small or nearly so. An estimate."""
    text, answer = estimated_tokens(prompt), parameters.max_tokens or 0
    found = []
    for model, window in windows.items():
        fits = text + answer <= window
        if fits and text + answer <= window * _NEARLY_FULL:
            continue
        how = (
            "little is left for what users write"
            if fits
            else "shorten the prompt, lower maxTokens or use a Model with a larger one"
        )
        told = f"the prompt's own text takes about {text:,} tokens and maxTokens reserves {answer:,}, of the {window:,}"
        found.append(SizeProblem(fits, f"{told} in contextWindow of Model {model!r}; {how}"))
    return found
