"""Passages: sentences in a row that are judged together, since one alone often says too little."""

from typing import Final

from genaiops.guardrails.sentences import sentences, unfinished

LONGEST: Final = 400
"""Characters, at most: what an embedding still tells apart."""


def passages(text: str, start: int, complete: bool) -> list[tuple[int, int]]:
    """The text from `start` on in passages ``text[a:b]``, the same however a stream is cut.

    The last one is among them only where the text is complete: a further sentence may belong to it.
    """
    found: list[tuple[int, int]] = []
    for a, b in sentences(text, start, complete):
        if found and b - found[-1][0] <= LONGEST:
            found[-1] = (found[-1][0], b)
        else:
            found.append((a, b))
    return found if complete else found[:-1]


def first_open(text: str, start: int) -> int:
    """Where the passage begins to which more text may belong."""
    closed = passages(text, start, complete=False)
    if closed:
        return closed[-1][1]
    return min(start, unfinished(text, start))
