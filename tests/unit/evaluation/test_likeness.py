"""Measures of likeness: equal to what their libraries and papers document."""

import subprocess
import sys

import pytest
from nltk.translate.bleu_score import sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from rouge_score.rouge_scorer import RougeScorer

from genaiops.evaluation import likeness
from genaiops.evaluation.words import words

from .given import judged, sample

# The example of nltk's documentation of BLEU, GLEU and METEOR, which the papers' example is too.
HYPOTHESIS = "It is a guide to action which ensures that the military always obeys the commands of the party"
REFERENCE = "It is a guide to action that ensures that the military will forever heed Party commands"
REFERENCE_2 = (
    "It is the guiding principle which guarantees the military forces always being under the command of the Party"
)


@pytest.mark.parametrize(
    ("measure", "expected", "answer", "documented"),
    [
        # nltk.translate.bleu_score: one reference, no smoothing needed
        (likeness.bleu, REFERENCE, HYPOTHESIS, 0.4118),
        # nltk.translate.gleu_score: sentence_gleu([reference1], hypothesis1)
        (likeness.gleu, REFERENCE, HYPOTHESIS, 0.4393),
        # nltk.translate.meteor_score: single_meteor_score(reference1, hypothesis1)
        (likeness.meteor, REFERENCE, HYPOTHESIS, 0.6944),
        # github.com/google-research/google-research/tree/master/rouge: rougeL, with the stemmer off
        (
            likeness.rouge,
            "The quick brown fox jumps over the lazy dog",
            "The quick brown dog jumps on the log.",
            0.5882,
        ),
        # rapidfuzz.distance.Levenshtein.normalized_similarity: 3 edits of 7 letters
        (likeness.levenshtein, "sitting", "kitten", 4 / 7),
        (likeness.levenshtein, "lewenstein", "levenshtein", 9 / 11),
        # Rajpurkar et al.: articles, punctuation and case do not count
        (likeness.f1, "The Denver Broncos.", "denver broncos", 1.0),
        (likeness.f1, "in the late 1990s", "late 1990s", 0.8),
        (likeness.f1, "a a a b", "b b b", 0.5),
    ],
)
def test_a_measure_has_its_documented_value(measure, expected: str, answer: str, documented: float) -> None:
    assert measure(expected, answer) == pytest.approx(documented, abs=1e-4)


@pytest.mark.parametrize("expected", [REFERENCE, REFERENCE_2])
def test_whole_texts_are_measured_as_the_libraries_measure_their_words(expected: str) -> None:
    wanted, given = expected.split(), HYPOTHESIS.split()

    assert likeness.gleu(expected, HYPOTHESIS) == sentence_gleu([wanted], given)
    assert likeness.bleu(REFERENCE, HYPOTHESIS) == sentence_bleu([REFERENCE.split()], given)
    scores = RougeScorer(["rougeL"]).score(expected, HYPOTHESIS)
    assert likeness.rouge(expected, HYPOTHESIS) == scores["rougeL"].fmeasure


ALL = [likeness.f1, likeness.bleu, likeness.gleu, likeness.rouge, likeness.levenshtein, likeness.similarity]


@pytest.mark.parametrize("measure", [*ALL, likeness.meteor])
@pytest.mark.parametrize(
    "text",
    ["The invoice is due in thirty days.", "Die Rechnung ist in dreißig Tagen fällig.", "請求書の期限は三十日です"],
)
def test_the_same_is_alike_in_every_script_and_nothing_is_not(measure, text: str) -> None:
    # METEOR's penalty for one chunk leaves a little less than 1.
    assert measure(text, text) == pytest.approx(1, abs=0.002)
    assert measure(text, "") < 0.3


@pytest.mark.parametrize("measure", [likeness.bleu, likeness.gleu, likeness.rouge, likeness.meteor])
def test_words_without_spaces_between_them_are_compared_sign_by_sign(measure) -> None:
    assert 0.2 < measure("請求書の期限は三十日です", "請求書の期限は六十日です") < 1


def test_stems_match_where_words_do_not_and_synonyms_do_not() -> None:
    assert likeness.meteor("he pays", "he paying") == likeness.meteor("he pays", "he pays")
    assert likeness.meteor("he pays the bill", "he pays the invoice") < likeness.meteor(
        "he pays the bill", "he pays the bills"
    )


def test_meaning_counts_for_similarity_and_letters_do_not() -> None:
    question = "How do I reset my password?"

    assert likeness.similarity(question, "I forgot my login credentials") > 0.6
    assert likeness.similarity(question, "It will rain in Rome tomorrow") < 0.2
    assert likeness.similarity("yes", "yes") <= 1


def test_sentences_end_inside_a_text() -> None:
    assert words("He paid. Don't ask!") == ["He", "paid", ".", "Do", "n't", "ask", "!"]
    assert words("Ça va ? 東京は") == ["Ça", "va", "?", "東", "京", "は"]


async def test_a_suite_s_measure_is_the_library_s() -> None:
    found = await judged("METEOR", sample(HYPOTHESIS, REFERENCE))

    assert round(found.score, 4) == 0.6944
    assert found.passed


def test_no_measure_needs_a_download() -> None:
    """Sockets and nltk's folders of data are taken away."""
    code = (
        "import socket, nltk.data\n"
        "def refuse(*_, **__): raise AssertionError('network')\n"
        "socket.socket.connect = refuse; nltk.data.path.clear(); nltk.data.find = refuse\n"
        "from genaiops.evaluation import likeness as l\n"
        "for m in (l.f1, l.bleu, l.gleu, l.rouge, l.meteor, l.levenshtein, l.similarity):\n"
        "    print(m('One cat. Two dogs.', 'One cat. Ten dögs.') > 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["True"] * 7, done.stderr
