"""Words of a text, as the measures of common words count them. Nothing is downloaded, unlike by nltk.word_tokenize."""

from typing import Final

import regex
from nltk.tokenize import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktSentenceTokenizer

_SENTENCES: Final = PunktSentenceTokenizer()
_WORDS: Final = NLTKWordTokenizer()
# What writes no spaces between words counts letter by letter, as the `zh` tokenizer of sacreBLEU does.
_ANY_SCRIPT: Final = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"|[\w--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]]+|[^\w\s]",
    regex.V1,
)


def words(text: str) -> list[str]:
    """Words and marks in order. Penn Treebank rules for ASCII, Unicode's words for all else."""
    if text.isascii():
        return [word for sentence in _SENTENCES.tokenize(text) for word in _WORDS.tokenize(sentence)]
    return list(_ANY_SCRIPT.findall(text))
