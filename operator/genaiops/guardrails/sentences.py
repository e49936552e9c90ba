"""Where sentences end, so that a stream is judged sentence by sentence.

An end stays where it is whatever text follows, so sentences are the same however a stream is cut.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

LONGEST = 400
"""Characters after which a sentence that does not end is cut, at a space where there is one: code, tables, lists."""

# Unicode's rules for sentence boundaries (UAX #29), as far as they need no look-ahead beyond the next character: marks
# that a space has to follow, marks of East Asian scripts that none follows, line breaks.
_END = re.compile(r"""[.!?…]+["'”’»)\]]*(?=\s)|[。！？]+[”’」』）]*(?=[^。！？”’」』）])|\n""")


def ends(text: str, start: int) -> Iterator[int]:
    """The ends, from `start` on, that no further text can move. `start` has to be such an end itself, or 0."""
    while start < len(text):
        limit = start + LONGEST
        # The character after the mark decides, so one more than the longest sentence is looked at.
        found = _END.search(text, start, limit + 1)
        if found and found.end() <= limit:
            start = found.end()
        elif len(text) > limit:
            space = max(text.rfind(" ", start + 1, limit), text.rfind("\t", start + 1, limit))
            start = space if space > start else limit
        else:
            return
        yield start


def sentences(text: str, start: int, complete: bool) -> list[tuple[int, int]]:
    """The sentences from `start` on as ``text[a:b]``, those of white space left out.

    The last one is among them where the text is complete, or where it has ended.
    """
    cuts = [start, *ends(text, start)]
    if complete and cuts[-1] < len(text):
        cuts.append(len(text))
    return [(a, b) for a, b in pairwise(cuts) if not text[a:b].isspace()]


def unfinished(text: str, start: int) -> int:
    """Where the sentence begins that has not ended yet."""
    last = start
    for last in ends(text, start):  # noqa: B007 - the last one is what is asked for
        pass
    return last
