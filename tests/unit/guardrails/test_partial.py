"""Where, at the end of a text, a match could still begin: never too late, and not needlessly early."""

import re2
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genaiops.guardrails.partial import Beginnings, options, prefixes

ALPHABET = "ab-1 \n"

atoms = st.sampled_from(
    ["a", "b", "-", r"\d", r"\w", ".", "[ab]", "[^a]", r"\b", "^", "$", r"\s", r"\Qa-\E", "[[:alpha:]]"]
)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quantifiers = st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,3}", "{2,}"])
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, quantifiers).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda p: f"(?i){p}|(?P<n>{p})" if "(?P" not in p and "^" not in p else p),
    )


patterns = st.recursive(atoms, combined, max_leaves=8)


@settings(deadline=None)
@given(pattern=patterns, text=st.text(ALPHABET, max_size=12), more=st.text(ALPHABET, min_size=1, max_size=6))
@example(pattern="(?:ab){2}", text="aba", more="b")
@example(pattern="a|ab-1", text="xab", more="-1")
@example(pattern=r"(?i)A-|b", text="a", more="-")
@example(pattern=r"\Qa-\E+1", text="a-", more="--1")
@example(pattern=r"a\b-", text="a", more="-")
@example(pattern="(?s)a.*b", text="a\n", more="\nb")
def test_no_match_that_the_next_chunk_completes_begins_before(pattern: str, text: str, more: str) -> None:
    """The place is at or before the start of every match that isn't the same without the rest of the text."""
    regex = re2.compile(pattern, options=options())

    first = Beginnings([pattern]).first(text, 0)

    assert 0 <= first <= len(text)
    now = {m.span() for m in regex.finditer(text) if m.end() < len(text) and m.end() > m.start()}
    later = {m.span() for m in regex.finditer(text + more) if m.end() > m.start()}
    assert all(start >= first for start, end in later - now if start < len(text))


def test_only_what_may_become_a_match_is_held() -> None:
    address = Beginnings([r"\b\w+@corp\.com\b"])

    assert address.first("Write to al", 0) == len("Write to ")
    assert address.first("Write to al@corp.c", 0) == len("Write to ")
    assert address.first("Write to al@other", 0) == len("Write to al@")
    assert address.first("Write to al. ", 0) == len("Write to al. ")


def test_a_long_pattern_stays_small_enough_to_compile() -> None:
    assert Beginnings(["x" * 1024, "[a-z]{3,20}-" * 60]).first("…" + "x" * 700, 0) == 1


def test_quantified_groups_and_literals_are_told_apart() -> None:
    for pattern in (
        r"[]a]{2}x",
        r"[^]\]]+",
        r"a{,3}",
        r"\x{1F600}\pL",
        r"(?:)",
        "a||b",
        "(a|(b(c)))",
        r"\Q\E",
        "[[:^digit:]-]",
    ):
        re2.compile(pattern, options=options())
        re2.compile(rf"(?:{prefixes(pattern)})\z", options=options())
