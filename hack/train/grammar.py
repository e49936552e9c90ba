"""Sentences from phrases: alternatives in place of many sentences written one by one.

``(a|b)`` is a choice, ``(a|)`` may be left out, and a name in braces stands for a phrase of a table.
"""

import re
from collections.abc import Iterator

import numpy as np

_CHOICE = re.compile(r"\(([^()]*)\)")
_NAME = re.compile(r"\{(\w+)\}")


def sentences(
    templates: tuple[str, ...], each: int, random: np.random.Generator, phrases: dict[str, str]
) -> Iterator[str]:
    """`each` random sentences of each of the templates."""
    for template in templates:
        for _ in range(each):
            text = template
            while names := _NAME.findall(text):
                for name in names:
                    text = text.replace("{" + name + "}", phrases[name], 1)
            while _CHOICE.search(text):
                text = _CHOICE.sub(lambda choice: str(random.choice(choice[1].split("|"))), text)
            yield re.sub(r" ([,.:;?])", r"\1", re.sub(r"\s+", " ", text)).strip()
