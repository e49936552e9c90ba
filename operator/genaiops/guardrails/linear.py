"""A linear text classifier over hashed n-grams that finds a passage in a long text, in numpy alone.

Features are the counts of words, pairs, triples, and pairs with a gap, and of 4 and 5 characters in a row, each hashed
into a table of weights (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009). The logit of a
passage is ``(sum of its n-grams' weights) / sqrt(number of them) + bias``. Sums of weights are differences of one
running sum, so every passage of a text costs one subtraction and a long text is searched in linear time.
"""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BUCKETS = 1 << 18
WINDOWS = (160, 640)
"""Lengths, in characters, of the passages that are judged; a text that is shorter is one passage."""

# A sign of Chinese or Japanese, or any other word, or one mark: `###` and `<|` are telling.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]")
_PRIMES = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1], dtype=np.uint32)

Ids = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of a text, ordered by where they start."""

    ids: Ids
    """Buckets, in [0, BUCKETS)."""
    starts: NDArray[np.int64]
    """Where each starts, in characters."""


def grams(text: str) -> Grams:
    """All n-grams of a text that `disguise.plain` made."""
    words = list(_WORD.finditer(text))
    hashes = np.array([zlib.crc32(word[0].encode()) for word in words], dtype=np.uint32)
    places = np.array([word.start() for word in words], dtype=np.int64)
    padded = f" {text} "
    letters = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = [
        _sequences(hashes, (0,), 1),
        _sequences(hashes, (0, 1), 2),
        _sequences(hashes, (0, 1, 2), 3),
        _sequences(hashes, (0, 2), 4),
        _sequences(letters, (0, 1, 2, 3), 5),
        _sequences(letters, (0, 1, 2, 3, 4), 6),
    ]
    at = [places[: len(ids)] for ids in kinds[:4]] + [np.arange(len(ids)) for ids in kinds[4:]]
    ids, starts = np.concatenate(kinds), np.concatenate(at)
    order = np.argsort(starts, kind="stable")
    return Grams(ids[order] % np.uint32(BUCKETS), starts[order])


def _sequences(items: Ids, offsets: tuple[int, ...], kind: int) -> Ids:
    """A hash for each place of the items that stand at these offsets from it; `kind` keeps kinds of n-grams apart."""
    count = len(items) - offsets[-1]
    if count <= 0:
        return np.zeros(0, dtype=np.uint32)
    mixed = np.full(count, kind * 0x01000193, dtype=np.uint32)
    for offset, prime in zip(offsets, _PRIMES, strict=False):
        mixed = (mixed ^ items[offset : offset + count]) * prime
        mixed ^= mixed >> np.uint32(15)
    return mixed


def passages(of: Grams, length: int) -> NDArray[np.int64]:
    """Index ranges into the n-grams, shape (n, 2): of passages of each of WINDOWS, half overlapping, and of the whole.

    `length`: the text's, in characters.
    """
    count = len(of.ids)
    ranges = [(0, count)]
    for size in WINDOWS:
        if length > size:
            begins = np.arange(0, length - size // 2, size // 2)
            first, last = np.searchsorted(of.starts, begins), np.searchsorted(of.starts, begins + size)
            ranges.extend(zip(first.tolist(), last.tolist(), strict=True))
    return np.array(ranges, dtype=np.int64)


class LinearModel:
    """Weights that a script of hack/train made."""

    def __init__(self, weights: NDArray[np.float32], bias: float, slope: float, offset: float) -> None:
        """`slope` and `offset`: from the highest logit of a text to the log-odds that it is one (Platt, 1999)."""
        self._weights = weights
        self._bias = bias
        self._slope = slope
        self._offset = offset

    def calibrated(self, slope: float, offset: float) -> "LinearModel":
        """The same weights with another calibration."""
        return LinearModel(self._weights, self._bias, slope, offset)

    @classmethod
    def load(cls, path: Path) -> "LinearModel":
        """From a file that `save` wrote. Raises OSError or ValueError where it is none."""
        with np.load(path, allow_pickle=False) as file:
            scale, bias, slope, offset = (float(value) for value in file["parameters"])
            return cls(file["weights"].astype(np.float32) * np.float32(scale), bias, slope, offset)

    def save(self, path: Path) -> None:
        """Weights are kept in 8 bits."""
        scale = float(np.abs(self._weights).max()) / 127
        np.savez_compressed(
            path,
            weights=np.round(self._weights / scale).astype(np.int8),
            parameters=np.array([scale, self._bias, self._slope, self._offset]),
        )

    def passage_logits(self, of: Grams, ranges: NDArray[np.int64]) -> NDArray[np.float64]:
        """The logit of each of the passages, shape (n,)."""
        running = np.concatenate([[0.0], np.cumsum(self._weights[of.ids], dtype=np.float64)])
        begin, end = ranges[:, 0], ranges[:, 1]
        logits: NDArray[np.float64] = (running[end] - running[begin]) / np.sqrt(np.maximum(end - begin, 1)) + self._bias
        return logits

    def logit(self, text: str) -> float:
        """The highest of all passages of a text that `disguise.plain` made."""
        of = grams(text)
        return float(self.passage_logits(of, passages(of, len(text))).max())

    def score(self, *texts: str) -> float:
        """How likely the most telling passage of these texts makes it one, in [0, 1]."""
        highest = max(self.logit(text) for text in texts)
        return float(1 / (1 + np.exp(-(self._slope * highest + self._offset))))
