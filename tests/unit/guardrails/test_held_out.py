"""What the figures of docs/guardrail-models.md rest on: no case that is measured with was trained on."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "hack" / "train"))

import numpy as np  # noqa: E402

import attack_phrases  # noqa: E402
import cases  # noqa: E402
import grammar  # noqa: E402
import toxic_phrases  # noqa: E402
from genaiops.guardrails.disguise import plain  # noqa: E402

TRAINING = ROOT / "hack" / "train" / "cases"
HELD_OUT = ROOT / "tests" / "bench" / "cases"


def trained_on() -> set[str]:
    """All cases of ours that training sees, and a sample of what its phrases make."""
    attacks = list(cases.read(TRAINING / "injection-attacks.txt"))
    texts = [case.text for case in cases.with_asks(attacks, each=12)]
    texts += [case.text for case in cases.read(TRAINING / "injection-benign.txt")]
    random = np.random.default_rng(0)
    texts += grammar.sentences(
        attack_phrases.ATTACKS + attack_phrases.HARMLESS, 100, random=random, phrases=attack_phrases.PHRASES
    )
    phrases = {**toxic_phrases.PHRASES, "word": "(darn|heck)"}
    texts += grammar.sentences(toxic_phrases.TOXIC + toxic_phrases.HARMLESS, 100, random=random, phrases=phrases)
    return {plain(text) for text in texts}


@pytest.mark.parametrize("name", ["injection", "toxicity"])
def test_no_case_is_both_trained_on_and_measured_with(name: str) -> None:
    held_out = {plain(case.text) for case in cases.read(HELD_OUT / f"{name}.txt")}

    assert len(held_out) > 80
    assert held_out & trained_on() == set()


def test_a_heading_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "cases.txt").write_text("# a comment\nan orphan\n")

    with pytest.raises(ValueError, match=r"cases\.txt:2: a case before the first \[category language\]"):
        list(cases.read(tmp_path / "cases.txt"))
