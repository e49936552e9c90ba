"""How like an expected text an answer is: measures from 0 to 1, by the libraries that Azure AI evaluation uses.

Each takes what is expected and what was answered, in this order.
"""

import re
import string
from collections import Counter
from typing import Final

from nltk.stem.porter import PorterStemmer
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from nltk.translate.gleu_score import sentence_gleu
from nltk.translate.meteor_score import single_meteor_score
from rapidfuzz.distance import Levenshtein
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer

from genaiops.embeddings import embed
from genaiops.evaluation.words import words


def f1(expected: str, answer: str) -> float:
    """Harmonic mean of precision and recall of words, as SQuAD counts them (Rajpurkar et al., 2016)."""
    wanted, given = _squad_words(expected), _squad_words(answer)
    if not wanted or not given:
        return float(wanted == given)
    common = (Counter(wanted) & Counter(given)).total()
    return 2 * common / (len(wanted) + len(given))


def _squad_words(text: str) -> list[str]:
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", bare).split()


_BLEU_SMOOTHING: Final = SmoothingFunction().method4


def bleu(expected: str, answer: str) -> float:
    """Precision of 1- to 4-grams with a brevity penalty (Papineni et al., 2002), by nltk.

    Smoothed by method 4 of Chen & Cherry (2014), without which most short answers would have 0.
    """
    return float(sentence_bleu([words(expected)], words(answer), smoothing_function=_BLEU_SMOOTHING))


def gleu(expected: str, answer: str) -> float:
    """The lesser of precision and recall of 1- to 4-grams (Wu et al., 2016), by nltk."""
    return float(sentence_gleu([words(expected)], words(answer)))


class _RougeWords:
    """rouge_score's own words where it has any: it drops all letters but ASCII's."""

    def __init__(self) -> None:
        self._ascii = DefaultTokenizer(use_stemmer=False)

    def tokenize(self, text: str) -> list[str]:
        if text.isascii():
            return list(self._ascii.tokenize(text))
        return [word for word in words(text.lower()) if word.isalnum()]


_ROUGE: Final = RougeScorer(["rougeL"], tokenizer=_RougeWords())


def rouge(expected: str, answer: str) -> float:
    """ROUGE-L: F-measure of the longest common subsequence of words (Lin, 2004), by rouge_score."""
    return float(_ROUGE.score(expected, answer)["rougeL"].fmeasure)


class _NoSynonyms:
    """In place of WordNet, which would have to be downloaded: words match as they are and by their stems."""

    def synsets(self, word: str) -> list[object]:
        return []


_STEMS: Final = PorterStemmer()
_SYNONYMS: Final = _NoSynonyms()


def meteor(expected: str, answer: str) -> float:
    """METEOR (Banerjee & Lavie, 2005) by nltk, with exact and stem matches and without WordNet's synonyms."""
    return float(single_meteor_score(words(expected), words(answer), stemmer=_STEMS, wordnet=_SYNONYMS))


def levenshtein(expected: str, answer: str) -> float:
    """1 minus the edits from one text to the other by the length of the longer one, by rapidfuzz."""
    return float(Levenshtein.normalized_similarity(expected, answer))


def similarity(expected: str, answer: str) -> float:
    """Cosine of the texts' sentence vectors, 0 where it is negative. English first; see genaiops.embeddings."""
    one, other = embed([expected, answer])
    # Rounding takes the cosine of equal texts a little beyond 1.
    return min(1.0, max(0.0, float(one @ other)))
