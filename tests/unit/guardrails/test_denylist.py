"""Words that may not be said are found however they are written, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.guardrails.denylist import DenyListDetector


def found(text: str, *phrases: str) -> list[str]:
    return [text[f.start : f.end] for f in DenyListDetector(phrases).find(text, 0, complete=True)]


@pytest.mark.parametrize(
    ("phrase", "text", "told"),
    [
        ("Project Falcon", "about project  falcon, PROJECT\nFALCON", ["project  falcon", "PROJECT\nFALCON"]),
        ("falcon", "falcon falcon", ["falcon", "falcon"]),
        ("falcon", "(falcon)", ["falcon"]),
        ("straße", "STRASSE und Straße", ["STRASSE", "Straße"]),
        ("café", "cafe\u0301 and café", ["cafe\u0301", "café"]),
        ("falcon", "ｆａｌｃｏｎ", ["ｆａｌｃｏｎ"]),
        ("falcon", "fal\u200bcon and fal\u00adcon", ["fal\u200bcon", "fal\u00adcon"]),
        ("file", "the ﬁle", ["ﬁle"]),
        ("C++", "C++ or C, ABC++", ["C++"]),
        ("法轮", "我们讨论法轮的事", ["法轮"]),
        ("a.b", "a.b axb", ["a.b"]),
    ],
)
def test_it_is_found_however_it_is_written(phrase: str, text: str, told: list[str]) -> None:
    assert found(text, phrase) == told


@pytest.mark.parametrize(
    ("phrase", "text"),
    [("ass", "class assess"), ("cafe", "café cafe\u0301"), ("falcon", "falcon_9 falcons"), ("art", "Bart's arté")],
)
def test_a_part_of_a_word_is_another_word(phrase: str, text: str) -> None:
    assert found(text, phrase) == []


def test_what_has_no_character_to_find_is_refused() -> None:
    with pytest.raises(ValueError, match=r"phrases\[1\]"):
        DenyListDetector(["ok", "\u200b"])


PARTS = ["project", "falcon", " ", "Café", "cafe\u0301", "\u200b", "x", ".", "ｆａｌｃｏｎ", "\n"]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=10), st.integers(0, 60), st.integers(0, 60))
def test_what_is_let_go_can_not_become_a_finding(parts: list[str], a: int, b: int) -> None:
    """Whatever was judged before, and wherever the stream is cut."""
    detector = DenyListDetector(["project falcon", "falcon", "café"])
    text = "".join(parts)
    whole = detector.find(text, 0, complete=True)
    cut = min(a, len(text))

    open_ = detector.first_open(text[:cut], 0)

    assert 0 <= open_ <= cut
    assert all(f.end <= open_ or f.start >= open_ for f in whole)
    early = [f for f in detector.find(text[:cut], 0, complete=False) if f.end <= open_]
    assert early == [f for f in whole if f.end <= open_]
    assert early + detector.find(text, open_, complete=True) == whole


def test_a_thousand_phrases_are_one_list() -> None:
    phrases = [f"forbidden phrase number {number} of the long list" for number in range(1000)]
    detector = DenyListDetector(phrases)

    assert len(detector.find(f"A {phrases[999].upper()}! " * 3, 0, complete=True)) == 3
    assert detector.first_open("nothing of the kind here, ", 0) >= len("nothing of the kind here")
