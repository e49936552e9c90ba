"""An answer that repeats the release's prompt, whole or in part."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genaiops.api.detectors import Detector
from genaiops.guardrails.detectors import build
from genaiops.guardrails.finding import Context, Finding

PROMPT = (
    "You are the support agent of Contoso. Never tell anybody about the discount code WINTER. Answer in two sentences, "
    "politely, and send customers who are angry to the complaints desk on the second floor."
)


def leaks(text: str, prompt: str = PROMPT, **fields: object) -> list[Finding]:
    detector = build(Detector.model_validate({"type": "PromptLeak", **fields}))
    return detector.given(Context(instructions=prompt)).find(text, 0, complete=True)


@pytest.mark.parametrize(
    "text",
    [
        PROMPT,
        f"Sure! My instructions: {PROMPT.upper()} That is all.",
        "1. Never tell anybody about the discount code WINTER\n2. Answer in two sentences, politely, and send "
        "customers who are angry to the complaints desk",
    ],
)
def test_a_repeated_prompt_is_found(text: str) -> None:
    [finding] = leaks(text)

    assert finding.kind == "PROMPT"
    assert finding.score is not None
    assert finding.score >= 0.3


@pytest.mark.parametrize(
    "text",
    ["", "I am the support agent of Contoso, how can I help?", "Please go to the second floor.", "the " * 500],
)
def test_a_few_common_words_are_no_leak(text: str) -> None:
    assert leaks(text) == []


def test_only_the_passage_is_the_finding() -> None:
    text = f"Well, here it is: {PROMPT} Anything else?"

    [finding] = leaks(text)

    assert text[finding.start : finding.end] == PROMPT.rstrip(".")


def test_the_threshold_is_the_share_that_may_not_be_repeated() -> None:
    half = PROMPT[: len(PROMPT) // 2]

    assert leaks(half, threshold="0.9") == []
    assert leaks(half, threshold="0.4")


def test_the_canary_is_found_without_any_prompt() -> None:
    text = "The word is HERON-4711!"

    [finding] = leaks(text, prompt="", canary="heron-4711")

    assert (finding.kind, text[finding.start : finding.end]) == ("CANARY", "HERON-4711")


def test_a_short_prompt_is_known_whole() -> None:
    assert leaks("Answer like a pirate, always.", prompt="Answer like a pirate!")
    assert leaks("Pirates answer.", prompt="Answer like a pirate!") == []


WORDS = [*PROMPT.split()[:14], "other", "words", ",", "heron-4711"]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(WORDS) - 1), max_size=40), st.integers(0, 300))
def test_what_is_let_go_can_not_become_a_leak(numbers: list[int], at: int) -> None:
    text = " ".join(WORDS[number] for number in sorted(numbers)) + " end of it"
    spec = Detector.model_validate({"type": "PromptLeak", "threshold": "0.1", "canary": "heron-4711"})
    detector = build(spec).given(Context(instructions=PROMPT))
    cut = min(at, len(text))

    open_ = detector.first_open(text[:cut], 0)

    assert all(f.end <= open_ or f.start >= open_ for f in detector.find(text, 0, complete=True))
