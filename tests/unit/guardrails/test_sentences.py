"""A stream is judged sentence by sentence, and the sentences don't depend on how it was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops.guardrails.sentences import LONGEST, sentences, unfinished


def said(text: str, complete: bool = True) -> list[str]:
    return [text[a:b] for a, b in sentences(text, 0, complete)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hello. How are you?", ["Hello.", " How are you?"]),
        ("It costs 3.14 at example.com today", ["It costs 3.14 at example.com today"]),
        ('She said "No!" Then she left.', ['She said "No!"', " Then she left."]),
        ("- one\n- two\n\n- three", ["- one\n", "- two\n", "- three"]),
        ("你好。你是谁？我是", ["你好。", "你是谁？", "我是"]),
        ("Really?!… Yes.", ["Really?!…", " Yes."]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_sentences(text: str, told: list[str]) -> None:
    assert said(text) == told


def test_what_has_not_ended_waits() -> None:
    assert said("One. Two", complete=False) == ["One."]
    assert unfinished("One. Two", 0) == len("One.")
    assert unfinished("One.", 0) == 0, "it may go on as 'One.com'"


def test_what_never_ends_is_cut_at_a_space() -> None:
    words = "word " * 200
    assert all(len(part) <= LONGEST and part.strip().endswith("word") for part in said(words))
    assert [len(part) for part in said("x" * 1000)] == [LONGEST, LONGEST, 200]


@given(st.lists(st.sampled_from(["a", "One.", "Two!", ' "', "”", " ", "\n", "。", "x" * 150, "3.5"]), max_size=20))
def test_an_end_stays_where_it_is_whatever_follows(parts: list[str]) -> None:
    text = "".join(parts)
    whole = sentences(text, 0, complete=True)

    for cut in range(len(text)):
        begun = sentences(text[:cut], 0, complete=False)
        assert begun == whole[: len(begun)]
        rest = sentences(text, unfinished(text[:cut], 0), complete=True)
        assert begun + rest == whole


@given(st.text(alphabet="ab. \n!。", max_size=60))
def test_no_text_is_left_out(text: str) -> None:
    assert "".join(said(text)).replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")
