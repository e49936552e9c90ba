r"""From a regular expression, the expression of everything that a match of it can begin with.

On a stream the end of the text isn't the end of the answer: ``… alice@exam`` may become an address with the next
chunk. Matched at the end of the text, the prefix expression finds the first place from which that could happen. What
stands before it can be judged now and let go; what follows has to wait. So nothing is held that need not be, and no
finding is ever cut in two.

Construction (of derivatives' kind, by structure): for a sequence ``AB`` the beginnings are those of A, or all of A and
a beginning of B; for ``A|B`` those of either; for ``A*`` any number of A and a beginning of A. An expression's
beginnings include the empty text and the whole match. Grammar: RE2's (github.com/google/re2/wiki/Syntax). Atoms are
taken over as they stand, so RE2 stays the only judge of what they match.
"""

import re
from collections.abc import Iterable

import re2

_QUANTIFIER = re.compile(r"([*+?])\??|\{(\d+)(,?)(\d*)\}\??")
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|([imsU-]*)([:)])))?")
_ESCAPE = re.compile(r"\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[pP]\{\^?\w+\}|[pP]\w|[0-7]{1,3}|.)", re.DOTALL)
_SET = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\Q.*?\\E|" + _ESCAPE.pattern + r"|[^\]\\])*\]", re.DOTALL)

_Pair = tuple[str, str]
"""An expression and the expression of its beginnings."""


def options(ignore_case: bool = False) -> re2.Options:
    """How every RE2 expression of the guardrails is compiled: errors are raised, not written to standard error."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.case_sensitive = not ignore_case
    return chosen


class Beginnings:
    """Where, at the end of a text, a match of one of the patterns may have begun."""

    def __init__(self, patterns: Iterable[str], ignore_case: bool = False) -> None:
        """Raises re2.error where a pattern is none, or its prefix expression is larger than RE2 takes."""
        union = "|".join(f"(?:{prefixes(pattern)})" for pattern in patterns)
        self._regex = re2.compile(rf"(?:{union})\z", options=options(ignore_case))

    def first(self, text: str, start: int) -> int:
        """The first place, from `start` on, at which a match may have begun; ``len(text)`` where at none."""
        match = self._regex.search(text, start)
        return match.start() if match else len(text)


def prefixes(pattern: str) -> str:
    """The RE2 expression of all beginnings of what `pattern`, a correct RE2 expression, matches."""
    return _Parser(pattern).alternatives()[1]


class _Parser:
    """Recursive descent over RE2's grammar. It only has to find where things end; RE2 has checked the pattern."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def alternatives(self) -> _Pair:
        flags = ""  # `(?i)` holds to the end of its group, across alternatives
        branches: list[_Pair] = []
        sequence: list[_Pair] = []
        while self._at < len(self._text) and self._text[self._at] != ")":
            if self._text[self._at] == "|":
                self._at += 1
                branches.append(_concat(sequence))
                sequence = [(flags, "")]
            elif setting := self._flags():
                flags += setting
                sequence.append((setting, ""))
            else:
                sequence.append(self._repeated(self._atom()))
        branches.append(_concat(sequence))
        return "|".join(full for full, _ in branches), "|".join(begun for _, begun in branches)

    def _flags(self) -> str:
        found = _GROUP.match(self._text, self._at)
        if not found or found[2] != ")":
            return ""
        self._at = found.end()
        return found[0]

    def _atom(self) -> _Pair:
        if found := _GROUP.match(self._text, self._at):
            self._at = found.end()
            opening = f"(?{found[1]}:" if found[1] else "(?:"
            full, begun = self.alternatives()
            self._at += 1
            return f"{opening}{full})", f"{opening}{begun})"
        if self._text.startswith(r"\Q", self._at):
            end = self._text.find(r"\E", self._at)
            literal = self._text[self._at + 2 : end if end >= 0 else None]
            self._at = end + 2 if end >= 0 else len(self._text)
            # A quantifier after \E belongs to the last character only.
            characters = [_optional(re2.escape(character)) for character in literal]
            if not characters:
                return "", ""
            last = self._repeated(characters.pop())
            return _concat([*characters, last])
        found = _ESCAPE.match(self._text, self._at) or _SET.match(self._text, self._at)
        end = found.end() if found else self._at + 1
        atom, self._at = self._text[self._at : end], end
        return _optional(atom)

    def _repeated(self, atom: _Pair) -> _Pair:
        while found := _QUANTIFIER.match(self._text, self._at):
            self._at = found.end()
            atom = f"(?:{atom[0]}){found[0]}", _begun_repeat(atom, found)
        return atom


def _optional(atom: str) -> _Pair:
    return atom, f"(?:{atom})?"


def _begun_repeat(atom: _Pair, quantifier: re.Match[str]) -> str:
    full, begun = atom
    if quantifier[1] == "?":
        return f"(?:{begun})"
    if quantifier[1] or (quantifier[3] and not quantifier[4]):
        return f"(?:(?:{full})*(?:{begun}))"
    most = int(quantifier[4] or quantifier[2])
    if most == 0:
        return ""
    return f"(?:(?:{full}){{0,{most - 1}}}(?:{begun}))"


def _concat(items: list[_Pair]) -> _Pair:
    # Halving keeps the expression n·log n long and log n deep; RE2 limits both.
    if not items:
        return "", ""
    if len(items) == 1:
        return items[0]
    middle = len(items) // 2
    (left, left_begun), (right, right_begun) = _concat(items[:middle]), _concat(items[middle:])
    return left + right, f"(?:{left_begun}|{left}(?:{right_begun}))"
