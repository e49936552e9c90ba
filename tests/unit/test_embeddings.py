"""Sentence vectors: what they say about texts, and what a caller may rely on."""

import os
import subprocess
import sys

import numpy as np
import pytest

from genaiops import embeddings
from genaiops.embeddings import DIMENSIONS, EmbeddingsMissingError, embed


def test_nobody_is_told_that_texts_are_embedded() -> None:
    """onnxruntime's telemetry complains where it finds no home for the number that it gives to this machine."""
    homeless = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), "/proc/none")
    # Where CI is set it is silent by itself.
    silent = ("CI", "ORT_DISABLE_TELEMETRY")
    env = {name: value for name, value in os.environ.items() if name not in silent} | homeless

    def told(program: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
        ).stderr

    assert "telemetry" in told("import onnxruntime"), "it can't be seen any more: find another way to test it"
    assert "telemetry" not in told("from genaiops.embeddings import embed; embed(['so'])")


def test_a_paraphrase_is_nearer_than_another_topic() -> None:
    question, paraphrase, other = embed(
        ["How do I reset my password?", "I forgot my login credentials", "It will rain in Rome tomorrow"]
    )

    assert question @ paraphrase > 0.6
    assert question @ other < 0.2


def test_each_text_has_its_own_unit_vector_whatever_it_is_embedded_with() -> None:
    texts = [
        "short",
        "A much longer sentence, about refunds and what they take.",
        "",
        *["a", "bc", "d", "efg", "hij", "kl", "m", "no"],
    ]

    together = embed(texts)

    assert together.shape == (11, DIMENSIONS)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-5)
    for text, vector in zip(texts, together, strict=True):
        assert embed([text])[0] == pytest.approx(vector, abs=1e-6)


def test_no_texts_are_no_vectors() -> None:
    assert embed([]).shape == (0, DIMENSIONS)


def test_a_text_beyond_the_window_is_judged_by_its_beginning() -> None:
    beginning = "The invoice is due in thirty days. " * 60

    assert (embed([beginning])[0] == embed([beginning + "Penguins live in Antarctica. " * 60])[0]).all()


def test_the_model_is_loaded_on_first_use_only() -> None:
    code = "import sys, genaiops.embeddings; print('onnxruntime' in sys.modules, 'tokenizers' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]


def test_a_missing_package_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_MODEL", ("no_such_package", "model.onnx"))
    embeddings._model.cache_clear()

    with pytest.raises(EmbeddingsMissingError, match=r"no_such_package is missing: install the extra `embeddings`"):
        embed(["anything"])
    embeddings._model.cache_clear()
