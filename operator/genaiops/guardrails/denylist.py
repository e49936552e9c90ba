"""Words and phrases that may not be said, however they are written."""

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import Final

import re2

from genaiops.guardrails.finding import Finding, Inline, merged
from genaiops.guardrails.partial import options

KIND: Final = "DENIED"
_WORD: Final = r"\pL\pN\pM_"
_UNSPACED: Final = ("CJK ", "HIRAGANA ", "KATAKANA ", "THAI ", "LAO ", "KHMER ", "MYANMAR ", "TIBETAN ")
"""Scripts that put no spaces between words: there a phrase is looked for anywhere."""
_MEMORY: Final = 128 * 1024 * 1024
"""Bytes that RE2 may use for a list: what a thousand long phrases take."""


class DenyListDetector(Inline):
    """Each phrase, as whole words, is a finding: whatever its case, and the form and encoding of its letters.

    Compared are full case foldings in compatibility decomposition (Unicode Standard, 3.13, D146), without invisible
    format characters. Letters of another script that look alike are other letters. Raises ValueError where a phrase has
    nothing in it to compare.
    """

    judges_whole = False

    def __init__(self, phrases: Sequence[str]) -> None:
        folded = [fold(phrase)[0].strip() for phrase in phrases]
        if "" in folded:
            raise ValueError(f"phrases[{folded.index('')}] has no character that could be found")
        # One space between words, as `_one_spaced` has it.
        self._phrases = sorted({" ".join(phrase.split()) for phrase in folded})
        self._longest = max(map(len, self._phrases))
        chosen = options()
        chosen.max_mem = _MEMORY
        try:
            self._patterns = [
                re2.compile(_pattern(edges, list(group)), options=chosen)
                for edges, group in groupby(sorted(self._phrases, key=_edges), key=_edges)
            ]
        except re2.error as error:
            raise ValueError("phrases: together they are too long; remove some") from error

    def find(self, text: str, start: int, complete: bool) -> list[Finding]:
        """As in Detector."""
        folded, places, at = _from(text, start)
        # In bytes: RE2 encodes a text anew with every search, and a text may be full of findings.
        data, places = _encoded(folded, places)
        first, at = (len(folded[:place].encode()) for place in (max(0, at - 1), at))
        found = []
        for pattern in self._patterns:
            place = first  # what stands before a phrase belongs to its pattern
            while match := pattern.search(data, place):
                place = match.end(1)
                if match.start(1) >= at:
                    found.append(Finding(places[match.start(1)], places[match.end(1) - 1] + 1, KIND))
        return merged(found)

    def first_open(self, text: str, start: int) -> int:
        """As in Detector."""
        folded, places, at = _from(text, start)
        # A phrase that is all there is open too: the next character tells whether the word ends with it.
        tail, where = _one_spaced(folded, at)
        for place in range(max(0, len(tail) - self._longest), len(tail)):
            if self._begins(tail[place:]):
                return max(start, places[where[place]])
        return len(text)

    def _begins(self, text: str) -> bool:
        """Whether a phrase begins with this."""
        index = bisect_left(self._phrases, text)
        return index < len(self._phrases) and self._phrases[index].startswith(text)


def fold(text: str) -> tuple[str, Sequence[int]]:
    """The text as it is compared, and for each of its characters the place where it stood."""
    if text.isascii():
        return text.lower(), range(len(text))
    parts = [_folded(character) for character in text]
    return "".join(parts), [place for place, part in enumerate(parts) for _ in part]


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if unicodedata.category(character) == "Cf":
        return ""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())


def _encoded(text: str, places: Sequence[int]) -> tuple[bytes, Sequence[int]]:
    """The text in UTF-8, and of each of its bytes the place."""
    data = text.encode()
    if len(data) == len(text):
        return data, places
    return data, [place for character, place in zip(text, places, strict=True) for _ in character.encode()]


def _one_spaced(text: str, start: int) -> tuple[str, list[int]]:
    """``text[start:]`` with one space in place of each row of them, and where its characters stood."""
    where = [
        place
        for place in range(start, len(text))
        if not (text[place].isspace() and place > start and text[place - 1].isspace())
    ]
    return "".join(" " if text[place].isspace() else text[place] for place in where), where


def _from(text: str, start: int) -> tuple[str, Sequence[int], int]:
    """The text from a little before `start`, folded, the places in `text`, and where `start` is in it."""
    # Two characters: the one that may stand before a phrase, and one more, so that it isn't taken for the text's first.
    first = max(0, start - 2)
    folded, places = fold(text[first:])
    at = next((index for index, place in enumerate(places) if place + first >= start), len(folded))
    return folded, [place + first for place in places] if first else places, at


def _edges(phrase: str) -> tuple[bool, bool]:
    """Whether words have to begin and end where the phrase does."""
    return _is_word(phrase[0]), _is_word(phrase[-1])


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM" and not unicodedata.name(character, "").startswith(_UNSPACED)


def _pattern(edges: tuple[bool, bool], phrases: list[str]) -> str:
    alternatives = "|".join(r"\s+".join(re2.escape(word) for word in phrase.split()) for phrase in phrases)
    before = f"(?:^|[^{_WORD}])" if edges[0] else ""
    after = f"(?:$|[^{_WORD}])" if edges[1] else ""
    return f"{before}({alternatives}){after}"
