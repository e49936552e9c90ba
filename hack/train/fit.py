"""Fitting a LinearModel: passages of texts as rows, the passages of attacks found by the model itself.

A long text is an attack because of some passage of it. Which one is not labelled, so it is learnt (multiple-instance
learning; Andrews et al., "Support Vector Machines for Multiple-Instance Learning", 2002): fit on short texts and
beginnings, then in each round take the highest passage of each attack, and of each other text the ones that are
most wrongly high.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from genaiops.guardrails import linear
from genaiops.guardrails.disguise import decoded, plain
from genaiops.guardrails.linear import LinearModel

ROUNDS = 3
MINED = 6
"""Passages of each harmless text that are rows, the highest ones."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text."""

    text: str
    positive: bool
    source: str
    weight: float = 1.0


class Texts:
    """The n-grams and passages of labelled texts."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self.labels = np.array([row.positive for row in rows])
        readings = [plain("\n".join([row.text[:20_000], *decoded(row.text)])) for row in rows]
        self.grams = [linear.grams(reading) for reading in readings]
        self.passages = [linear.passages(g, len(r)) for g, r in zip(self.grams, readings, strict=True)]

    def logits(self, model: LinearModel, of: NDArray[np.int64]) -> list[NDArray[np.float64]]:
        """The logit of every passage, by text."""
        return [model.passage_logits(self.grams[i], self.passages[i]) for i in of]


def fitted(texts: Texts, of: NDArray[np.int64], strength: float) -> LinearModel:
    """A model of these texts, not yet calibrated. `strength`: scikit-learn's C, the inverse of regularisation."""
    model = None
    for _ in range(ROUNDS + 1):
        chosen = _first_choice(texts, of) if model is None else _mined(texts, of, model)
        model = _regression(texts, chosen, strength)
    assert model is not None
    return model


def _first_choice(texts: Texts, of: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The whole of each text, and its beginning where it is long."""
    return [(i, p) for i in of for p in range(min(2, len(texts.passages[i])))]


def _mined(texts: Texts, of: NDArray[np.int64], model: LinearModel) -> list[tuple[int, int]]:
    chosen = []
    for i, logits in zip(of, texts.logits(model, of), strict=True):
        most = np.argsort(-logits)[: 1 if texts.labels[i] else MINED]
        chosen += [(i, p) for p in {0, *most.tolist()}]
    return chosen


def _regression(texts: Texts, chosen: list[tuple[int, int]], strength: float) -> LinearModel:
    indices, data, pointers = [], [], [0]
    for i, p in chosen:
        begin, end = texts.passages[i][p]
        ids, counts = np.unique(texts.grams[i].ids[begin:end], return_counts=True)
        indices.append(ids.astype(np.int32))
        data.append((counts / np.sqrt(max(end - begin, 1))).astype(np.float32))
        pointers.append(pointers[-1] + len(ids))
    matrix = csr_matrix((np.concatenate(data), np.concatenate(indices), pointers), shape=(len(chosen), linear.BUCKETS))
    labels = texts.labels[[i for i, _ in chosen]]
    weights = np.array([texts.rows[i].weight for i, _ in chosen])
    weights[labels] *= weights[~labels].sum() / weights[labels].sum()
    regression = LogisticRegression(C=strength, solver="lbfgs", max_iter=100, tol=1e-3)
    regression.fit(matrix, labels, sample_weight=weights / weights.mean())
    return LinearModel(regression.coef_[0].astype(np.float32), float(regression.intercept_[0]), 1.0, 0.0)


def out_of_fold(texts: Texts, folds: int, strength: float, seed: int = 7) -> NDArray[np.float64]:
    """For each text the highest logit, of a model that was fitted without it."""
    part = np.random.default_rng(seed).integers(folds, size=len(texts.rows))
    highest = np.zeros(len(texts.rows))
    for fold in range(folds):
        model = fitted(texts, np.flatnonzero(part != fold), strength)
        held = np.flatnonzero(part == fold)
        highest[held] = [logits.max() for logits in texts.logits(model, held)]
    return highest


def calibration(highest: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset that make a probability of a highest logit (Platt, 1999), both classes weighing the same."""
    platt = LogisticRegression(C=1e6, class_weight="balanced").fit(highest[:, None], labels)
    return float(platt.coef_[0, 0]), float(platt.intercept_[0])


def threshold(highest: NDArray[np.float64], labels: NDArray[np.bool_], false_positive_rate: float) -> float:
    """The logit that this share of the harmless texts exceeds."""
    return float(np.quantile(highest[~labels], 1 - false_positive_rate))
